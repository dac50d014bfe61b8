"""What `make adopt` tells before it changes anything, and who manages fields afterwards."""

from dataclasses import dataclass
from typing import Any

import pytest

from canary_release.hooks.cluster import Cluster
from canary_release.model.objects import FIELD_MANAGER, stable_deployment
from canary_release.model.parsing import Parsed, parse
from canary_release.model.tree import ABSENT, Change, Object, get, with_value
from tools.adopt.managers import handed_over, managed_alone
from tools.adopt.namespace import Namespace, documents, is_selected
from tools.adopt.told import adopting, in_words, told

from .test_adoption import DEPLOYMENT, RELEASE, SERVICES

CLUSTER = Cluster(None, "context")
PARSED = Parsed(RELEASE, ((("spec", "progressDeadlineSeconds"), 120),), ("it says so.",), ())
LIVE = with_value(DEPLOYMENT, ("spec", "replicas"), 2)


@dataclass(frozen=True)
class Answering(Namespace):
    """The objects as they are live; a dry run changes nothing but what is asked, and `adds`."""

    adds: tuple[tuple[Any, ...], Any] | None = None

    def get(self, kind: str, name: str) -> Object | None:
        return next((each for each in SERVICES if (kind, name) == ("Service", each["metadata"]["name"])), None)

    def replaced(self, object_: Object, *_: Object) -> tuple[Object, list[Object | None]]:
        assert object_["spec"]["selector"] == LIVE["spec"]["selector"], "a selector never changes"
        return (with_value(object_, *self.adds) if self.adds else object_), []

    def applied(self, object_: Object, manager: str) -> Object:
        assert manager == FIELD_MANAGER
        return object_


def test_all_that_a_new_deployment_has_instead_is_told():
    cluster = Answering(CLUSTER, "shops", adds=(("spec", "revisionHistoryLimit"), 10))
    found = adopting(cluster, RELEASE, LIVE)
    text = told(PARSED, found, in_place=False)
    assert "adopting changes this:" in text
    assert '  Deployment shop: spec.selector.matchLabels.track not set => "stable"' in text
    assert "  Deployment shop: spec.template.metadata.labels.track not set" in text
    assert "  Deployment shop: spec.revisionHistoryLimit not set => 10" in text
    assert '  Service shop: metadata.annotations["pulumi.com/skipAwait"] not set' in text
    assert "the release adds, since the manifest is silent: spec.progressDeadlineSeconds" in text
    assert "every pod is replaced: 2 new ones come beside the 2 old ones" in text
    assert "warning: it says so." in text


def test_a_deployment_that_tells_the_track_already_keeps_its_pods():
    live = with_value(stable_deployment(RELEASE), ("spec", "replicas"), 3)
    found = adopting(Answering(CLUSTER, "shops"), RELEASE, live)
    assert found["Deployment shop"] == [Change(("spec", "replicas"), 3, 2)]
    assert "no pod is replaced" in told(PARSED, found, in_place=True)


def test_nothing_is_said_to_change_only_if_nothing_does():
    found: dict[str, list[Change]] = {"Deployment shop": [], "Service shop": []}
    assert told(PARSED, found, in_place=True).startswith("adopting changes nothing")
    found["Deployment shop"] = [Change(("spec", "template", "spec", "x"), ABSENT, 1)]
    text = told(PARSED, found, in_place=True)
    assert text.startswith("adopting changes this:")
    assert "every pod is replaced, by a rolling update" in text


def test_a_change_is_told_as_path_and_values():
    assert in_words(Change(("spec", "ports", 0, "name"), "http", ABSENT)) == 'spec.ports[0].name "http" => not set'


def entry(manager: str, fields: Object, operation: str = "Update", **more: Any) -> Object:
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


OURS = entry(FIELD_MANAGER, {"f:spec": {"f:ports": {"k:80": {".": {}, "f:name": {}}}}}, "Apply")


@pytest.mark.parametrize(
    ("other", "goes"),
    [
        (entry("kubectl-create", {"f:spec": {"f:ports": {".": {}, "k:80": {".": {}, "f:name": {}}}}}), True),
        (entry("kubectl", {"f:spec": {"f:ports": {}}}), True),
        (entry("cloud", {"f:metadata": {"f:annotations": {"f:cloud/status": {}}}}), False),
        (entry("cloud", {"f:status": {}}, subresource="status"), False),
        (entry("cloud", {"f:spec": {"f:ports": {".": {}, "k:90": {"f:name": {}}}}}), False),
    ],
)
def test_only_who_set_a_field_of_the_release_stops_managing(other: Object, goes: bool):
    assert managed_alone([other, OURS]) == ([OURS] if goes else [])


def test_before_the_release_has_set_fields_nobody_stops_managing():
    assert managed_alone([entry("kubectl", {"f:spec": {}})]) == []


def test_a_release_that_ends_hands_its_fields_over():
    other = entry("cloud", {"f:status": {}})
    assert handed_over([other, OURS], "kubectl") == [other, {**OURS, "manager": "kubectl"}]


def test_answers_of_kubectl_are_read_one_by_one_or_as_a_list():
    assert list(documents('{"kind": "A"}\n{"kind": "B"}\n')) == [{"kind": "A"}, {"kind": "B"}]
    assert list(documents('{"kind": "List", "items": [{"kind": "A"}]}')) == [{"kind": "A"}]
    assert list(documents("")) == []


@pytest.mark.parametrize(
    ("selector", "selected"), [({"app": "shop"}, True), ({}, False), (None, False), ({"a": "b"}, False)]
)
def test_a_service_selects_pods_by_all_of_its_labels(selector: dict[str, str] | None, selected: bool):
    assert is_selected(selector, get(LIVE, ("spec", "template", "metadata", "labels"))) is selected


def test_objects_that_adopting_makes_are_told():
    with_canary = parse({"manifest": [DEPLOYMENT, *SERVICES], "stable_version": "v1", "canary_version": "v2"})
    assert isinstance(with_canary, Parsed)
    release = with_canary.release
    live = with_value(stable_deployment(release), ("spec", "replicas"), 1)
    text = told(with_canary, adopting(Answering(CLUSTER, "default"), release, live), in_place=True)
    assert "Deployment shop-canary: is made: it does not exist yet" in text
