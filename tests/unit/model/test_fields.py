"""What may stand in the fields of a Deployment or Service."""

from datetime import date
from typing import Any

import pytest

from canary_release.model.fields import field_problems, merge_key
from canary_release.model.problem import MISSING, REMOVE
from canary_release.model.tree import Object, Path


def deployment(pod: Object | None = None, **container: Any) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {"spec": {"containers": [{"name": "web", **container}], **(pod or {})}},
        },
    }


POD: Path = ("spec", "template", "spec")
CONTAINER: Path = (*POD, "containers", 0)


def told(object_: Any, kind: str = "Deployment", partial: bool = False) -> dict[Path, str]:
    return {problem.path: problem.accepted for problem in field_problems(object_, kind, partial)}


@pytest.mark.parametrize(
    "container",
    [
        {
            "env": [
                {"name": "A", "value": "1"},
                {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            ]
        },
        {
            "resources": {
                "limits": {"cpu": 1, "memory": "128Mi", "x/y": 0.5},
                "requests": {"cpu": "1e3", "memory": " 1. "},
            }
        },
        {"readinessProbe": {"httpGet": {"port": "http"}}, "livenessProbe": {"tcpSocket": {"port": 80}}},
        {"securityContext": {"runAsUser": 2**31 - 1, "privileged": None}, "args": []},
        {"readinessProbe": {"periodSeconds": 2.0}},
    ],
    ids=["environment", "quantities", "ports", "large-and-null", "whole-float"],
)
def test_what_the_api_server_accepts_is_accepted(container: Object):
    assert told(deployment(**container)) == {}


@pytest.mark.parametrize(
    ("container", "path", "accepted"),
    [
        ({"enviroment": []}, ("enviroment",), "is not a field of a Kubernetes Container; did you mean env?"),
        ({"xyzzy": 1}, ("xyzzy",), "is not a field of a Kubernetes Container"),
        ({"env": {"A": "1"}}, ("env",), "must be a list"),
        ({"env": ["A=1"]}, ("env", 0), "must be an object with the fields of a Kubernetes EnvVar"),
        ({"env": [{"value": "1"}]}, ("env", 0, "name"), "is required in a Kubernetes EnvVar"),
        ({"env": [{"name": None}]}, ("env", 0, "name"), "is required in a Kubernetes EnvVar"),
        ({"env": [{"name": "A", "value": 1}]}, ("env", 0, "value"), "must be text (quote it)"),
        ({"env": [{"name": "A", "value": True}]}, ("env", 0, "value"), "must be text (quote it)"),
        ({"args": [date(2024, 1, 2)]}, ("args", 0), "must be text (quote it)"),
        ({"args": [["a"]]}, ("args", 0), "must be text"),
        ({"args": [None]}, ("args", 0), "must be text"),
        ({"tty": "true"}, ("tty",), "must be true or false (without quotes)"),
        ({"tty": 1}, ("tty",), "must be true or false"),
        (
            {"ports": [{"containerPort": "80"}]},
            ("ports", 0, "containerPort"),
            "must be a whole number (without quotes)",
        ),
        ({"ports": [{"containerPort": 80.5}]}, ("ports", 0, "containerPort"), "must be a whole number"),
        ({"ports": [{"containerPort": True}]}, ("ports", 0, "containerPort"), "must be a whole number"),
        (
            {"ports": [{"containerPort": 808080}]},
            ("ports", 0, "containerPort"),
            "must be a whole number from 1 to 65535",
        ),
        (
            {"readinessProbe": {"tcpSocket": {"port": 0}}},
            ("readinessProbe", "tcpSocket", "port"),
            "must be a whole number from 1 to 65535",
        ),
        (
            {"readinessProbe": {"periodSeconds": -1}},
            ("readinessProbe", "periodSeconds"),
            "must be a whole number from 0 to 2147483647",
        ),
        ({1: 2}, ("1",), "must have text as its name (quote it)"),
        ({"image": {"$patch": "delete"}}, ("image",), "must be text"),
        (
            {"resources": {"$patch": "replace"}},
            ("resources", "$patch"),
            "must not be set here: this value replaces the old one whole",
        ),
    ],
)
def test_what_the_api_server_refuses_is_told(container: Any, path: Path, accepted: str):
    assert told({**deployment(), **_with(container)}) == {(*CONTAINER, *path): accepted}


def _with(container: Any) -> Object:
    object_ = deployment()
    object_["spec"]["template"]["spec"]["containers"][0] |= container
    return object_


@pytest.mark.parametrize("port", ["80", "HTTP", "a--b", "-a", "a" * 16])
def test_a_port_is_a_number_or_a_name(port: str):
    (problem,) = field_problems({"spec": {"ports": [{"port": 80, "targetPort": port}]}}, "Service", False)
    assert problem.path == ("spec", "ports", 0, "targetPort")
    assert problem.accepted.startswith("must be a number or a port's name")


@pytest.mark.parametrize("surge", ["1", "25", "-1%", "a lot"])
def test_a_share_of_pods_is_a_number_or_a_percentage(surge: str):
    (problem,) = field_problems({"spec": {"strategy": {"rollingUpdate": {"maxSurge": surge}}}}, "Deployment", True)
    assert problem.accepted.startswith("must be a number, or a percentage such as 25%")


@pytest.mark.parametrize(
    ("quantity", "meant"),
    [
        ("512MB", "512M"),
        ("512mib", "512Mi"),
        ("1KB", "1k"),
        ("1 Gi", "1Gi"),
        ("10 m", "10m"),
        ("lots", "<quantity>"),
        (True, "<quantity>"),
    ],
)
def test_a_quantity_is_mended(quantity: Any, meant: str):
    (problem,) = field_problems(deployment(resources={"limits": {"memory": quantity}}), "Deployment", False)
    path = (*CONTAINER, "resources", "limits", "memory")
    assert (problem.path, problem.value, problem.fix) == (path, quantity, [(path, meant)])


def test_an_object_that_lacks_everything_is_told_everything():
    (problem,) = field_problems({"spec": {"template": {}}}, "Deployment", False)
    assert (problem.path, problem.value, problem.fix) == (
        ("spec", "selector"),
        MISSING,
        [(("spec", "selector"), "<value>")],
    )


def test_a_misspelt_field_is_renamed_unless_the_right_one_is_there():
    (problem,) = field_problems(deployment(enviroment=[]), "Deployment", False)
    assert problem.fix == [((*CONTAINER, "enviroment"), REMOVE), ((*CONTAINER, "env"), [])]
    (problem,) = field_problems(deployment(enviroment=[], env=[]), "Deployment", False)
    assert problem.fix == [((*CONTAINER, "enviroment"), REMOVE)]


def test_no_fix_takes_an_item_of_a_list_away():
    pod = {"securityContext": {"supplementalGroups": ["1"]}}
    (group,) = field_problems(deployment(pod), "Deployment", False)
    (argument,) = field_problems(deployment(args=[None]), "Deployment", False)
    assert (group.fix, argument.fix) == ([((*POD, "securityContext", "supplementalGroups", 0), 1)], [])


def test_paths_begin_where_the_object_stands():
    (problem,) = field_problems([], "Service", False, at=("manifest", 3))
    assert problem.path == ("manifest", 3)
    assert problem.accepted == "must be an object with the fields of a Kubernetes Service"


@pytest.mark.parametrize(
    "patch",
    [
        {"spec": {"replicas": None}},
        {"spec": {"strategy": {"$patch": "replace", "type": "Recreate"}}},
        {"spec": {"strategy": {"$patch": "delete"}}},
        {"metadata": {"labels": {"$patch": "replace", "a": "b"}}},
        deployment(env=[{"name": "A", "$patch": "delete"}, {"name": "B", "valueFrom": None, "value": "1"}]),
        deployment(env=[{"$patch": "replace"}, {"name": "B"}]),
    ],
)
def test_a_patch_may_be_partial_and_hold_directives(patch: Object):
    assert told(patch, partial=True) == {}


@pytest.mark.parametrize(
    ("patch", "path", "accepted"),
    [
        ({"$patch": "delete"}, ("$patch",), "must stand deeper: it cannot speak of a whole object"),
        ({"spec": {"$patch": "merge"}}, ("spec", "$patch"), "must be delete or replace"),
        (
            {"spec": {"$path": "delete"}},
            ("spec", "$path"),
            "is not supported: the only patch directive is $patch, with the value delete or replace",
        ),
        (
            {"spec": {"template": {"spec": {"$setElementOrder/containers": []}}}},
            (*POD, "$setElementOrder/containers"),
            "is not supported: the only patch directive is $patch, with the value delete or replace",
        ),
        (
            {"spec": {"template": {"spec": {"containers": [{"image": "a"}]}}}},
            (*CONTAINER, "name"),
            "is required: a patch finds the item by it",
        ),
        (
            {"spec": {"template": {"spec": {"containers": [{"name": "a", "$patch": "replace"}]}}}},
            (*CONTAINER, "$patch"),
            "must be the only field of its item; the list's other items then replace the old list",
        ),
        (
            {"spec": {"template": {"spec": {"containers": [{"$patch": "merge", "name": "a"}]}}}},
            (*CONTAINER, "$patch"),
            "must be delete or replace",
        ),
        (
            {"spec": {"template": {"spec": {"tolerations": [{"$patch": "replace"}]}}}},
            (*POD, "tolerations", 0, "$patch"),
            "must not be set here: this value replaces the old one whole",
        ),
        (
            {"spec": {"template": {"spec": {"$patch": "replace"}}}},
            (*POD, "containers"),
            "is required in a Kubernetes PodSpec",
        ),
    ],
)
def test_a_patch_that_would_not_do_what_it_says_is_refused(patch: Object, path: Path, accepted: str):
    assert told(patch, partial=True) == {path: accepted}


@pytest.mark.parametrize(
    ("kind", "path", "key"),
    [
        ("Deployment", (*POD, "containers"), "name"),
        ("Deployment", (*CONTAINER, "ports"), "containerPort"),
        ("Deployment", (*CONTAINER, "volumeMounts"), "mountPath"),
        ("Deployment", (*CONTAINER, "args"), None),
        ("Deployment", (*POD, "tolerations"), None),
        ("Deployment", (), None),
        ("Service", ("spec", "ports"), "port"),
        ("Service", ("metadata", "finalizers"), None),
        ("Service", ("spec", "nonsense", "ports"), None),
    ],
)
def test_lists_have_the_merge_keys_of_kubernetes(kind: str, path: Path, key: str | None):
    assert merge_key(kind, path) == key
