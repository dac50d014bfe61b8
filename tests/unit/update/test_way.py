"""A refused update has a way to its goal: the shortest, and every step of it is a release that arguments can say."""

from collections import deque
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_release.model.merge import difference
from canary_release.model.release import Release
from canary_release.model.tree import with_value
from canary_release.update.content import Tracks, tracks
from canary_release.update.rules import Kind, broken_by, broken_rules, kind, kind_of
from canary_release.update.way import is_valid, shortest_way

from .releases import BASE, ENV, parsed, release, states, with_deployment


def kinds(old: Release, way: list[Release]) -> list[Kind]:
    return [kind(before, after) for before, after in zip([old, *way], way, strict=False)]


def as_written(step: Release) -> Release:
    """The release of the manifest and `canary_patch` that the step stands for."""
    canary = step.canary
    patch = difference("Deployment", step.stable.deployment, canary.deployment) if canary else {}
    args: dict[str, Any] = {
        "manifest": [step.stable.deployment, *step.services],
        "stable_version": step.stable.version,
        "stable_replicas": step.stable.replicas,
        "canary_version": step.canary_version,
        "canary_replicas": step.canary_replicas,
        "canary_patch": patch or None,
        "max_canary_share": step.max_canary_share,
        "fixed_total": step.fixed_total,
    }
    return parsed(**{name: value for name, value in args.items() if value is not None})


@pytest.mark.parametrize(("limit", "total"), [(50, None), (100, None), (20, None), (50, 3), (67, 4)])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_from_any_release_any_other_is_reached_by_allowed_updates_and_in_the_fewest(
    limit: int, total: int | None, data: st.DataObject
):
    every, compared = world(limit, total)
    old, new = data.draw(st.sampled_from(every)), data.draw(st.sampled_from(every))
    finished = data.draw(st.booleans())
    way = shortest_way(old, new, finished)
    assert way[-1] == new
    for number, (before, after) in enumerate(zip([old, *way], way, strict=False)):
        assert broken_rules(before, after, finished or number > 0) == []
        assert is_valid(tracks(after), new)
    assert len(way) == distance(tracks(old), tracks(new), compared, finished, total is not None)
    assert len(way) == 1 or Kind.ROLL_BACK not in kinds(old, way)


@cache
def world(limit: int, total: int | None) -> tuple[list[Release], list[Tracks]]:
    every = states(limit, total)
    return every, [tracks(each) for each in every]


def distance(old: Tracks, new: Tracks, every: list[Tracks], finished: bool, total: bool) -> int:
    """Fewest allowed updates, at least one, over all releases of the small world; several never roll back."""
    if not any(broken_by(old, new, finished, total)):
        return 1

    queue, seen = deque([(old, 0)]), set[Tracks]()
    while queue:
        state, steps = queue.popleft()
        for each in every:
            broken = any(broken_by(state, each, finished or steps > 0, total))
            if not broken and kind_of(state, each) is not Kind.ROLL_BACK:
                if each == new:
                    return steps + 1
                if each not in seen:
                    seen.add(each)
                    queue.append((each, steps + 1))
    raise AssertionError(f"no way from {old} to {new}")


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_arguments_can_say_every_step(data: st.DataObject):
    total = data.draw(st.sampled_from([None, 3]))
    if total:  # The strategy that is added follows from it.
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}
        every = [with_deployment(each, ("spec", "strategy"), strategy) for each in states(50, total)]
    else:
        every = states(50)
    old, new = data.draw(st.sampled_from(every)), data.draw(st.sampled_from(every))
    for step in shortest_way(old, new):
        assert as_written(step) == step


def test_a_change_of_the_manifest_is_tried_by_a_patch_of_the_canary_first():
    way = shortest_way(release("v1*2"), release("v1+a*2"))
    assert way == [release("v1*2", "v1+a*1"), release("v1+a*2")]
    [step, _] = way
    assert step.canary
    patch = difference("Deployment", step.stable.deployment, step.canary.deployment)
    env = [{"name": "EXTRA", "value": "a"}]
    assert patch == {"spec": {"template": {"spec": {"containers": [{"name": "web", "env": env}]}}}}


def test_a_change_of_the_manifest_beside_a_canary_takes_the_canary_back_up_at_the_end():
    old, new = release("v1*2", "v2*1"), release("v1+a*2", "v2*1")
    way = shortest_way(old, new)
    assert way[0] == release("v1*2", "v1+a*1")
    assert kinds(old, way) == [Kind.CHANGE_CANARY, Kind.PROMOTE, Kind.START_CANARY]


def test_a_manifest_whose_images_and_pods_change_goes_through_one_canary_of_both():
    old, new = release("v1*2", "v2*1"), release("v2+a*2")
    assert shortest_way(old, new) == [release("v1*2", "v2+a*1"), new]


def test_outside_its_pods_a_step_is_as_the_new_release_and_services_change_with_stable():
    ports = with_value(BASE.services[0], ("spec", "ports", 0, "port"), 80)
    old = release("v1*2")
    new = with_deployment(replace(release("v1+a*2"), services=(ports,)), ("spec", "minReadySeconds"), 5)
    [step, last] = shortest_way(old, new)
    assert last == new
    assert step.services == old.services
    assert step == replace(with_deployment(release("v1*2", "v1+a*1"), ("spec", "minReadySeconds"), 5))


def test_a_first_service_comes_with_the_pods_that_are_made_for_it():
    """A Service adds probe and hook to the pods, and they are tried before it."""
    worker = parsed(manifest=[*with_value([BASE.stable.deployment], (0, "spec", "template"), _bare())])
    served = parsed(manifest=[worker.stable.deployment, *BASE.services])
    assert kind(worker, served) is Kind.MIXED
    [step, last] = shortest_way(worker, served)
    assert last == served
    assert step.services == ()
    assert as_written(step) == step


def _bare() -> dict[str, Any]:
    container = {"name": "web", "image": "example/shop", "ports": [{"containerPort": 8080}]}
    return {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [container]}}


def test_where_one_canary_pod_is_too_much_stable_grows_first():
    way = shortest_way(release("v1*2", max_canary_share=20), release("v2*2", max_canary_share=20))
    assert way == [release("v1*4", "v2*1", max_canary_share=20), release("v2*2", max_canary_share=20)]


@pytest.mark.parametrize(
    "path", [("metadata", "name"), ("metadata", "namespace"), ("spec", "selector", "matchLabels", "app")]
)
def test_there_is_no_way_to_what_a_release_is_not_found_by(path: tuple[str, ...]):
    for finished in (True, False):
        assert shortest_way(release("v1*2"), with_deployment(release("v1*2"), path, "other"), finished) == []


def test_there_is_no_way_to_a_canary_that_a_fixed_total_leaves_no_room_for():
    full: dict[str, Any] = {"fixed_total": 2, "max_canary_share": 20}
    assert shortest_way(release("v1*2", **full), release("v2*2", **full)) == []


def test_there_is_no_way_that_releases_another_container_and_other_pods_at_once():
    containers = [{"name": "web", "image": "example/shop:v1"}, {"name": "proxy", "image": "example/proxy"}]
    path = ("spec", "template", "spec", "containers")
    other = with_deployment(replace(release("v1*2"), container_name="proxy"), path, containers)
    assert shortest_way(release("v1*2"), other) == []


def test_no_way_leads_around_the_proof():
    """Stable may take any content that the one before makes room for as canary: for a rollback alone."""
    old = release("v1*2", "v2*2")
    way = shortest_way(old, release("v3*2", "v2*2"))
    assert kinds(old, way) == [Kind.CHANGE_CANARY, Kind.PROMOTE, Kind.START_CANARY]


def test_a_promotion_on_the_way_ends_the_canary():
    way = shortest_way(release("v1*7", "v2*3"), release("v3*9", "v4*3"))
    assert way == [release("v1*7", "v3*3"), release("v3*7", "v4*0"), release("v3*9", "v4*3")]


def test_the_way_to_a_larger_new_canary_is_a_change_and_a_widening():
    way = shortest_way(release("v1*4", "v2*1"), release("v1*4", "v2+a*3"))
    assert way == [release("v1*4", "v2+a*1"), release("v1*4", "v2+a*3")]


def test_the_canary_of_an_unfinished_update_runs_in_a_finished_one_first():
    old = release("v1*2", "v2*1")
    assert shortest_way(old, release("v2*2"), finished=False) == [old, release("v2*2")]


def test_a_changed_canary_may_have_the_share_of_the_old_one_and_no_pod_more():
    assert not broken_rules(release("v1*6", "v2*2"), release("v1*6", "v3*2"))
    assert broken_rules(release("v1*6", "v2*2"), release("v1*6", "v3*3"))
    assert broken_rules(release("v1*6", "v2*2"), release("v1*5", "v3*2"))


def test_a_release_that_was_registered_is_the_one_that_rules_compare():
    old = with_deployment(release("v1*2", "v2+a*1"), (*ENV[:-1], "lifecycle"), {"preStop": {"sleep": {"seconds": 9}}})
    assert kind(Release.of_inputs(old.inputs()), old) is Kind.NO_CHANGE
