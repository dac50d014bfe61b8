"""How patches are merged, and the patch that leads from one object to another."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_release.model.fields import field_problems
from canary_release.model.merge import difference, merged
from canary_release.model.tree import Object

from .generated import manifests, objects

KINDS = ("Deployment", "Service")


def pod(**container: Any) -> Object:
    return {"spec": {"template": {"spec": {"containers": [{"name": "web", **container}]}}}}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_difference_leads_from_the_old_to_the_new_object(kind: str, data: st.DataObject):
    old, new = data.draw(manifests(kind)), data.draw(manifests(kind))
    patch = difference(kind, old, new)
    assert merged(kind, old, patch) == new
    assert (patch == {}) == (old == new)
    assert not [
        each for each in field_problems(patch, kind, partial=True) if not each.accepted.startswith("is required in")
    ]


@settings(max_examples=100, deadline=None)
@given(objects("PodSpec"), st.data())
def test_the_difference_of_one_field_is_one_field(spec: Object, data: st.DataObject):
    old = {"spec": {"replicas": 1, "template": {"spec": spec}}}
    containers = spec["containers"]
    if not containers:
        assert difference("Deployment", old, {"spec": {**old["spec"], "replicas": 2}}) == {"spec": {"replicas": 2}}
        return
    at = data.draw(st.integers(0, len(containers) - 1))
    changed = [*containers[:at], {**containers[at], "image": "new"}, *containers[at + 1 :]]
    new = {"spec": {"replicas": 1, "template": {"spec": {**spec, "containers": changed}}}}
    name = containers[at]["name"]
    assert difference("Deployment", old, new) == {
        "spec": {"template": {"spec": {"containers": [{"name": name, "image": "new"}]}}}
    }


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        ([], [{"name": "A", "value": "1"}], [{"name": "A", "value": "1"}]),
        ([{"name": "A", "value": "1"}], [], [{"name": "A", "$patch": "delete"}]),
        ([{"name": "A", "value": "1"}], [{"name": "A", "value": "2"}], [{"name": "A", "value": "2"}]),
        ([{"name": "A"}, {"name": "B"}], [{"name": "B"}, {"name": "A"}], [{"name": "B"}, {"name": "A"}]),
        ([{"name": "A"}], [{"name": "A"}, {"name": "B"}], [{"name": "A"}, {"name": "B"}]),
    ],
    ids=["added", "removed", "changed", "in-another-order", "added-behind"],
)
def test_a_difference_of_environments_is_short(old: list[Any], new: list[Any], patch: list[Any]):
    assert difference("Deployment", pod(env=old), pod(env=new)) == pod(env=patch)


def test_items_with_the_same_key_are_replaced_together():
    tcp, udp = {"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}
    old, new = {"spec": {"ports": [tcp, udp]}}, {"spec": {"ports": [udp, tcp]}}
    assert difference("Service", old, new) == {"spec": {"ports": [{"$patch": "replace"}, udp, tcp]}}


def test_what_no_list_of_a_patch_makes_is_replaced_with_what_it_stands_in():
    first, second, other = {"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}, {"port": 80}
    old, new = {"spec": {"ports": [other]}}, {"spec": {"ports": [first, other, second]}}
    assert difference("Service", old, new) == {"spec": {"$patch": "replace", **new["spec"]}}


def test_the_target_stays():
    target = pod(env=[{"name": "A", "value": "1"}])
    merged("Deployment", target, pod(env=[{"name": "A", "value": "2"}], image=None))
    assert target == pod(env=[{"name": "A", "value": "1"}])


def test_items_that_a_patch_adds_hold_no_directives():
    patch = pod(env=[{"name": "A", "$patch": "delete"}, {"name": "B"}], resources={"requests": None, "limits": {}})
    assert merged("Deployment", {"spec": {}}, patch) == pod(env=[{"name": "B"}], resources={"limits": {}})
