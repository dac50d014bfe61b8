"""Manifests of all kinds come through: what is declared is what was given, but for what the release owns."""

from pathlib import Path
from typing import Any

import pytest

from canary_release.model.deployment import LABELLED
from canary_release.model.manifest import read_manifest
from canary_release.model.objects import OWNERSHIP, WITHOUT_AWAIT, manifests
from canary_release.model.parsing import Parsed, parse
from canary_release.model.release import Release
from canary_release.model.tree import ABSENT, Object, changes, get, with_value
from canary_release.model.tree import Path as TreePath

from .shop import CANARY, WORKLOADS, told

REFUSED = {
    "autoscaled": "must not target the Deployment of the release",
    "sidecar": "is required where there are several containers: billing, shipper",
}
STRATEGY, DEADLINE, PROBE, PRE_STOP = "strategy", "progressDeadlineSeconds", "readinessProbe", "preStop"
ALL = [STRATEGY, DEADLINE, PROBE, PRE_STOP]
ADDED = {
    "anchors": ALL,
    "headless": [STRATEGY, DEADLINE, PRE_STOP],
    "host-network": [STRATEGY, DEADLINE, PRE_STOP],
    "load-balancer": ALL,
    "named-ports": [STRATEGY, DEADLINE, PRE_STOP],
    "native-sidecar": ALL,
    "other-kinds": ALL,
    "own-rollout-numbers": [PROBE],
    "pod-annotations": ALL,
    "privileged": [STRATEGY, DEADLINE],
    "recommended-labels": ALL,
    "recreate": [DEADLINE, PROBE, PRE_STOP],
    "service-account": [STRATEGY, DEADLINE],
    "shared-app-label": ALL,
    "sidecar": [*ALL, PRE_STOP],
    "smoke-test-service": ALL,
    "tag-and-digest": ALL,
    "version-label": ALL,
    "worker": [STRATEGY, DEADLINE],
}
WARNED = {
    "host-network": ["with hostNetwork no two pods run on one node"],
    "load-balancer": ["externalTrafficPolicy Local keeps traffic on the node"],
    "other-kinds": ["the manifest to whoever applies them: ConfigMap cart, PodDisruptionBudget cart"],
    "own-rollout-numbers": ["maxUnavailable lets 2 pods of stable be away"],
    "recreate": [
        "with strategy Recreate no pod of a track serves while the track changes",
        "both tracks mount claim notes, and may write there: stable and canary run at the same time",
    ],
}


def parsed(file: Path, **args: Any) -> Parsed:
    """What the file says, with a canary."""
    container = {"container_name": "billing"} if file.stem == "sidecar" else {}
    found = parse({"manifest": str(file), **CANARY, **container, **args})
    assert isinstance(found, Parsed), told(found)
    return found


def accepted() -> list[Path]:
    """The files that come through."""
    return [file for file in WORKLOADS if file.stem != "autoscaled"]


def given_back(declared: Object, given: Object, what: list[tuple[TreePath, Any]]) -> Object:
    """The declared object with the given one's values where the release sets its own."""
    for path, _ in what:
        declared = with_value(declared, path, get(given, path))
        while path := path[:-1]:
            if get(declared, path) == {} and get(given, path) is ABSENT:
                declared = with_value(declared, path, ABSENT)
    return declared


def owned(found: Parsed, given: Object) -> list[tuple[TreePath, Any]]:
    """The values that the release sets in a Deployment."""
    release = found.release
    containers = get(given, ("spec", "template", "spec", "containers"))
    index = next(at for at, each in enumerate(containers) if each["name"] == release.container_name)
    return [
        *((("metadata", "annotations", name), value) for name, value in OWNERSHIP.items()),
        (("metadata", "name"), release.name),
        (("metadata", "namespace"), release.namespace),
        (("spec", "replicas"), release.stable.replicas),
        (("spec", "template", "spec", "containers", index, "image"), ""),
        *(((*path, release.track_label), "") for path in LABELLED),
        *found.additions,
    ]


@pytest.mark.parametrize("file", accepted(), ids=lambda file: file.stem)
def test_what_is_declared_is_what_was_given_but_for_what_the_release_owns(file: Path):
    found, (given, _) = parsed(file), read_manifest(str(file))
    declared = manifests(found.release)
    [deployment] = (each for each in given if each["kind"] == "Deployment")
    for name in (found.release.name, found.release.canary_name):
        back = given_back(declared.pop(("Deployment", name)), deployment, owned(found, deployment))
        assert changes(deployment, back) == []
    services = [each for each in given if each["kind"] == "Service"]
    annotations: list[tuple[TreePath, Any]] = [
        (("metadata", "annotations", name), value) for name, value in {**OWNERSHIP, **WITHOUT_AWAIT}.items()
    ]
    for service in services:
        back = declared.pop(("Service", service["metadata"]["name"]))
        assert changes(service, given_back(back, service, [*annotations, (("metadata", "namespace"), "")])) == []
    assert declared == {}


@pytest.mark.parametrize("file", accepted(), ids=lambda file: file.stem)
def test_the_release_adds_only_where_the_manifest_is_silent(file: Path):
    found, (given, _) = parsed(file), read_manifest(str(file))
    [deployment] = (each for each in given if each["kind"] == "Deployment")
    assert [path[-1] for path, _ in found.additions] == ADDED[file.stem]
    assert all(get(deployment, path) is ABSENT for path, _ in found.additions)


@pytest.mark.parametrize("file", accepted(), ids=lambda file: file.stem)
def test_what_costs_users_something_is_a_warning(file: Path):
    found, expected = parsed(file).warnings, WARNED.get(file.stem, [])
    assert len(found) == len(expected)
    assert all(text in warning for text, warning in zip(expected, found, strict=True))


@pytest.mark.parametrize("file", accepted(), ids=lambda file: file.stem)
def test_both_tracks_serve_and_are_told_apart_by_one_label(file: Path):
    release = parsed(file).release
    label = release.track_label
    assert label == "track"
    for key, each in manifests(release).items():
        if key[0] == "Deployment":
            track = "canary" if key[1].endswith("-canary") else "stable"
            assert {get(each, (*path, label)) for path in LABELLED} == {track}
    assert [each["metadata"]["name"] for each in release.services if each not in release.sharing_services] == (
        ["pay-canary"] if file.stem == "smoke-test-service" else []
    )


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_released_as_it_is_given_is_refused_with_the_reason(name: str):
    [file] = (file for file in WORKLOADS if file.stem == name)
    found = parse({"manifest": str(file), "stable_version": "v1"})
    assert isinstance(found, list)
    assert [problem.accepted.startswith(REFUSED[name]) for problem in found] == [True]


def test_every_workload_is_expected():
    assert {file.stem for file in WORKLOADS} == {*ADDED, *REFUSED}


def test_the_seed_is_declared_exactly():
    seed = Path(__file__).parent / "seed.yaml"
    args = {"stable_version": "v0.1", "canary_version": "v0.2", "canary_replicas": 1, "manifest": str(seed)}
    found = parse(args)
    assert isinstance(found, Parsed)
    release: Release = found.release
    declared = manifests(release)
    assert list(declared) == [
        ("Deployment", "k8s-testapp"),
        ("Deployment", "k8s-testapp-canary"),
        ("Service", "myapp-svc"),
    ]
    assert (release.track_label, release.selector) == ("version", {"app": "myapp"})
    canary = declared["Deployment", "k8s-testapp-canary"]
    assert [get(canary, path) for path in LABELLED] == [{"app": "myapp", "version": "canary"}] * 3
    assert get(canary, ("spec", "replicas")) == 1
    [container] = get(canary, ("spec", "template", "spec", "containers"))
    assert container["image"] == "arisu1000/simple-container-app:v0.2"
