"""What differs, in words of Kubernetes and without values."""

from dataclasses import replace
from typing import Any

import pytest

from canary_release.model.tree import ABSENT, Path, with_value
from canary_release.text.differences import deployment_differences, listed, service_differences, template_differences

from ..model.shop import CONTAINER, release

PROXY = {"name": "proxy", "image": "example/proxy:1", "resources": {"limits": {"cpu": "1"}}}
ENV = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
OLD = release(
    ("0/spec/template/spec/containers/0/env", ENV),
    ("0/spec/template/spec/containers/1", PROXY),
    container_name="web",
)
POD: Path = ("spec", "template", "spec")


def differences(*changes: tuple[Path, Any]) -> list[str]:
    """What differs of the pods once the values at these paths are changed."""
    deployment = OLD.stable.deployment
    for path, value in changes:
        deployment = with_value(deployment, path, value)
    return template_differences(OLD.stable, replace(OLD.stable, deployment=deployment))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ((*CONTAINER, "env", 0, "value"), "2", "environment of container web"),
        ((*CONTAINER, "env"), ENV[1:], "environment of container web"),
        ((*CONTAINER, "envFrom"), [{"configMapRef": {"name": "a"}}], "environment of container web"),
        ((*POD, "containers", 1, "resources", "limits", "cpu"), "2", "limits of container proxy"),
        ((*POD, "containers", 1, "image"), "example/proxy:2", "image of container proxy"),
        ((*POD, "containers", 1), ABSENT, "container proxy (gone)"),
        ((*POD, "initContainers"), [{"name": "wait"}], "init container wait (new)"),
        ((*CONTAINER, "readinessProbe", "periodSeconds"), 9, "readinessProbe of container web"),
        ((*CONTAINER, "lifecycle", "preStop"), ABSENT, "preStop of container web"),
        ((*CONTAINER, "securityContext"), {"runAsUser": 1}, "runAsUser of container web"),
        ((*POD, "serviceAccountName"), "shop", "serviceAccountName of the pods"),
        (("spec", "template", "metadata", "annotations"), {"a": "b"}, "annotations of the pods"),
        (("spec", "template", "metadata", "labels", "team"), "a", "labels of the pods"),
        ((*CONTAINER, "env"), ENV[::-1], "the order of a list in the pods"),
    ],
)
def test_a_difference_of_the_pods_is_told_by_field_and_container(path: Path, value: Any, words: str):
    assert differences((path, value)) == [words]


def test_equal_pods_differ_in_nothing_whatever_their_versions_are():
    assert template_differences(OLD.stable, replace(OLD.stable, version="v9")) == []


def test_a_container_that_comes_first_moves_no_other():
    containers = OLD.stable.deployment["spec"]["template"]["spec"]["containers"]
    assert differences(((*POD, "containers"), [{"name": "new"}, *containers])) == ["container new (new)"]


def test_several_differences_are_told_each_once():
    changes = [((*CONTAINER, "env", index, "value"), "9") for index in (0, 1)]
    assert differences(*changes, ((*POD, "dnsPolicy"), "None")) == [
        "environment of container web",
        "dnsPolicy of the pods",
    ]


def test_the_deployment_is_told_without_its_pods_and_its_namespace():
    new = release(
        ("0/spec/minReadySeconds", 3),
        ("0/metadata/labels", {"team": "a"}),
        ("0/spec/template/metadata/annotations", {"a": "b"}),
        namespace="other",
    )
    assert deployment_differences(release(), new) == [
        "labels of Deployment shop",
        "progressDeadlineSeconds of Deployment shop",
        "minReadySeconds of Deployment shop",
    ]


def test_services_are_told_by_name_and_come_and_go():
    old, other = release(), release(("1/spec/ports/0/port", 8080), ("1/spec/type", "NodePort"))
    assert service_differences(old, other) == ["Service shop: ports, type"]
    assert service_differences(old, release(("1/metadata/name", "front"))) == [
        "Service shop: gone",
        "Service front: new",
    ]
    assert service_differences(old, release(namespace="other")) == []


def test_a_line_names_a_bounded_number_of_differences():
    assert listed(list("abcdef")) == "a, b, c, d, 2 more"
    assert listed(list("abcd")) == "a, b, c, d"
