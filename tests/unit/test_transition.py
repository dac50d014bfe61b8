"""Every update has one kind; what would hurt is refused, and the error knows the way."""

from collections import deque
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.exposure import Track
from components.release import Release
from components.transition import Kind, broken_rules, canary_goes_first, is_gated, is_valid, kind, shortest_way

BASE = Release.of({"app": "shop", "image": "example/shop", "stable_version": "v1", "max_canary_share": 50})


def release(stable: str, canary: str | None = None, **changes: object) -> Release:
    """`v1 × 2` as "v1*2"."""

    def track(text: str) -> Track:
        version, _, replicas = text.partition("*")
        return Track(version, int(replicas))

    return replace(BASE, stable=track(stable), canary=track(canary) if canary else None, **changes)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, ("v1*2", "v2*1"), Kind.FIRST_DEPLOY),
        (("v1*2",), ("v1*2", "v2*1"), Kind.START_CANARY),
        (("v1*2", "v2*0"), ("v1*2", "v3*1"), Kind.START_CANARY),
        (("v1*2", "v2*1"), ("v1*2", "v2*2"), Kind.WIDEN),
        (("v1*4", "v2*1"), ("v1*2", "v2*2"), Kind.WIDEN),
        (("v1*2", "v2*2"), ("v1*2", "v2*1"), Kind.NARROW),
        (("v1*2", "v2*1"), ("v1*4", "v2*2"), Kind.SCALE_STABLE),
        (("v1*2", "v2*1"), ("v1*3", "v2*1"), Kind.SCALE_STABLE),
        (("v1*2",), ("v1*3",), Kind.SCALE_STABLE),
        (("v1*2", "v2*1"), ("v1*2", "v2*0"), Kind.STOP_CANARY),
        (("v1*2", "v2*1"), ("v1*2",), Kind.STOP_CANARY),
        (("v1*2", "v2*1"), ("v1*2", "v3*1"), Kind.CHANGE_CANARY),
        (("v1*2", "v2*1"), ("v2*2", "v2*0"), Kind.PROMOTE),
        (("v1*2", "v2*1"), ("v2*2",), Kind.PROMOTE),
        (("v2*2", "v2*0"), ("v1*2", "v2*1"), Kind.ROLL_BACK),
        (("v2*2",), ("v1*2", "v2*0"), Kind.ROLL_BACK),
        (("v1*2", "v2*0"), ("v2*2",), Kind.MIXED),
        (("v1*2", "v2*0"), ("v1*2",), Kind.NO_CHANGE),
        (("v1*2", "v2*0"), ("v1*2", "v3*0"), Kind.NO_CHANGE),
    ],
)
def test_every_step_of_a_release_has_its_name(old: tuple[str, ...] | None, new: tuple[str, ...], expected: Kind):
    assert kind(release(*old) if old else None, release(*new)) is expected


@pytest.mark.parametrize(
    ("old", "new", "gated"),
    [
        (release("v1*2", "v2*1"), release("v1*2", "v2*2"), True),
        (release("v1*4", "v2*1"), release("v1*2", "v2*1"), True),
        (release("v1*2", "v2*1"), release("v2*2", "v2*0"), True),
        (release("v1*2"), release("v1*2", "v2*1"), False),
        (release("v1*2", "v2*2"), release("v1*2", "v2*1"), False),
        (release("v1*2", "v2*1"), release("v1*2"), False),
        (release("v1*2", "v2*1"), release("v1*2", "v3*1"), False),
        (release("v2*2"), release("v1*2", "v2*1"), False),
        (release("v1*2", "v2*1"), release("v1*2", "v2*1", image="a/b"), False),
    ],
)
def test_gates_judge_what_gives_the_canarys_version_more_users(old: Release, new: Release, gated: bool):
    assert is_gated(old, new) is gated


@pytest.mark.parametrize(
    ("old", "new", "arguments"),
    [
        # Promote only what was proven.
        (release("v1*2"), release("v2*2"), ["stable_version"]),
        (release("v1*2", "v2*0"), release("v2*2"), ["stable_version"]),
        (release("v1*2", "v2*1"), release("v3*2", "v2*1"), ["stable_version"]),
        # One change at a time.
        (release("v1*2", "v2*1"), release("v2*2", "v3*1"), ["canary_version"]),
        (release("v1*2", "v2*1"), release("v2*2", image="example/other"), ["image"]),
        (release("v1*2"), release("v1*2", "v2*1", container={"args": ["-v"]}), ["container"]),
        (release("v1*2", "v2*1"), release("v1*2", "v3*1", node_port=30001), ["node_port"]),
        # A new version starts small.
        (release("v1*4", "v2*1"), release("v1*4", "v3*2"), ["canary_replicas"]),
        (release("v1*4", "v2*1"), release("v1*2", "v3*1"), ["canary_replicas"]),
        # What the release is called stays.
        (release("v1*2"), release("v1*2", name="other", app="other"), ["app", "name"]),
        # With a fixed total the engine's deletion would come too late.
        (release("v1*2", "v2*1", fixed_total=3), release("v2*3", fixed_total=3), ["canary_version"]),
    ],
)
def test_what_would_hurt_is_refused(old: Release, new: Release, arguments: list[str]):
    assert [broken.argument for broken in broken_rules(old, new)] == arguments


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (release("v1*2", "v2*1"), release("v2*2")),
        (release("v1*2", "v2*1"), release("v2*4", "v2*0")),
        (release("v2*2", "v2*0"), release("v1*2", "v2*1")),
        (release("v1*4", "v2*2"), release("v1*4", "v3*2")),
        (release("v1*2"), release("v1*2", image="example/other", container={"args": ["-v"]})),
        (release("v1*2", "v2*1"), release("v1*2", container={"args": ["-v"]})),
        (release("v1*2", "v2*0"), release("v1*2", "v3*0", image="example/other")),
        (release("v1*2", "v2*1"), release("v1*2", "v2*1", max_canary_share=60, ready_timeout_seconds=5)),
        (release("v1*2", "v2*1", fixed_total=3), release("v2*3", "v2*0", fixed_total=3)),
    ],
)
def test_the_steps_of_a_release_and_lone_changes_are_allowed(old: Release, new: Release):
    assert broken_rules(old, new) == []


@pytest.mark.parametrize(
    ("wanted", "new"),
    [
        (release("v1x*2"), release("v1*2")),
        (release("v1x*2", "v2*1"), release("v1*2", "v2*1")),
        (release("v1*2", "v2x*1"), release("v1*2", "v2*1")),
        (release("v1*2", "v2*1"), release("v1*2", "v2*1")),
        (release("v2*2", "v2*0"), release("v1*2", "v2*1")),
        (release("v1*2", "v2*1"), release("v1*2")),
        (release("v1*2", image="exmaple/shop"), release("v1*2")),
    ],
)
def test_after_an_unfinished_update_repairing_retrying_and_going_back_are_allowed(wanted: Release, new: Release):
    assert broken_rules(wanted, new, finished=False) == []


def test_the_canary_of_an_unfinished_update_is_not_promoted():
    [broken] = broken_rules(release("v1*2", "v2*1"), release("v2*2"), finished=False)
    assert broken.argument == "stable_version"
    assert "did not finish" in broken.rule


def test_after_an_unfinished_update_the_release_keeps_its_name():
    assert broken_rules(release("v1*2"), release("v1*2", namespace="other"), finished=False)


@pytest.mark.parametrize(
    ("old", "new", "first"),
    [
        (release("v1*2"), release("v1*2", "v2*1"), "stable"),
        (release("v1*4", "v2*1"), release("v1*2", "v2*2"), "canary"),
        (release("v1*2", "v2*2"), release("v1*4", "v2*1"), "stable"),
        (release("v1*2", "v2*1"), release("v2*3"), "stable"),
        (release("v2*2", "v2*0"), release("v1*2", "v2*1"), "stable"),
        (release("v1*3", fixed_total=3), release("v1*2", "v2*1", fixed_total=3), "stable"),
        (release("v1*2", "v2*1", fixed_total=3), release("v2*3", "v2*0", fixed_total=3), "canary"),
        (release("v1*2", "v2*1", fixed_total=3), release("v1*1", "v2*2", fixed_total=3), "stable"),
        (None, release("v1*2", "v2*1"), "canary"),
        (None, release("v2*2", "v2*0"), "stable"),
        (None, release("v1*2", "v2*1", fixed_total=3), "stable"),
        (None, release("v2*3", "v2*0", fixed_total=3), "canary"),
    ],
)
def test_what_grows_goes_first_and_with_a_fixed_total_what_shrinks(old: Release | None, new: Release, first: str):
    assert canary_goes_first(old, new) == (first == "canary")


VERSIONS = ["v1", "v2", "v3"]


def states(limit: int = 50, total: int | None = None, most: int = 4) -> list[Release]:
    """Every valid release over three versions and small counts."""
    canaries = [None, *(Track(version, count) for version in VERSIONS for count in range(most))]
    stables = [Track(version, count) for version in VERSIONS for count in range(1, most + 1)]
    every = [
        replace(BASE, stable=stable, canary=canary, max_canary_share=limit, fixed_total=total)
        for stable, canary in product(stables, canaries)
    ]
    return [each for each in every if is_valid(each)]


@pytest.mark.parametrize("total", [None, 5])
def test_every_pair_of_releases_has_exactly_one_kind_and_it_fits(total: int | None):
    seen: set[Kind] = set()
    for old, new in product(states(total=total, most=6), repeat=2):
        what = kind(old, new)
        seen.add(what)
        promotes = old.stable.version != new.stable.version
        assert promotes == (what in (Kind.PROMOTE, Kind.ROLL_BACK, Kind.MIXED))
        if what is Kind.PROMOTE:
            assert old.canary
            assert (old.canary.version, old.canary.replicas > 0) == (new.stable.version, True)
        if old == new:
            assert what is Kind.NO_CHANGE
            assert not broken_rules(old, new)
    assert seen == set(Kind) - {Kind.FIRST_DEPLOY} - ({Kind.SCALE_STABLE} if total else set())


@pytest.mark.parametrize(("limit", "total"), [(50, None), (100, None), (20, None), (50, 3), (67, 4)])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_from_any_release_any_other_is_reached_by_allowed_updates_and_in_the_fewest(
    limit: int, total: int | None, data: st.DataObject
):
    every = states(limit, total)
    old, new = data.draw(st.sampled_from(every)), data.draw(st.sampled_from(every))
    way = shortest_way(old, new)
    assert way[-1] == new
    for before, after in zip([old, *way], way, strict=False):
        assert broken_rules(before, after) == []
        assert is_valid(after)
    assert len(way) == distance(old, new, every)


def distance(old: Release, new: Release, every: list[Release]) -> int:
    """Fewest allowed updates, at least one, over all releases of the small world; several never roll back."""
    if not broken_rules(old, new):
        return 1

    def allowed(before: Release, after: Release) -> bool:
        return not broken_rules(before, after) and kind(before, after) is not Kind.ROLL_BACK

    queue, seen = deque([(old, 0)]), {id(old)}
    while queue:
        state, steps = queue.popleft()
        if allowed(state, new):
            return steps + 1
        for each in every:
            if id(each) not in seen and allowed(state, each):
                seen.add(id(each))
                queue.append((each, steps + 1))
    raise AssertionError(f"no way from {old} to {new}")


def test_where_one_canary_pod_is_too_much_stable_grows_first():
    way = shortest_way(release("v1*2", max_canary_share=20), release("v2*2", max_canary_share=20))
    assert [(each.stable, each.canary) for each in way] == [
        (Track("v1", 4), Track("v2", 1)),
        (Track("v2", 2), None),
    ]


def test_there_is_no_way_to_another_name_nor_to_a_canary_that_a_fixed_total_leaves_no_room_for():
    assert shortest_way(release("v1*2"), release("v1*2", name="other")) == []
    full = replace(BASE, fixed_total=2, max_canary_share=20)
    assert shortest_way(replace(full, stable=Track("v1", 2)), replace(full, stable=Track("v2", 2))) == []


def test_no_way_leads_around_the_proof():
    """Stable may take any version that the one before makes room for as canary: for going back alone."""
    steps = shortest_way(release("v1*2", "v2*2"), release("v3*2", "v2*2"))
    assert [kind(before, after) for before, after in zip([release("v1*2", "v2*2"), *steps], steps, strict=False)] == [
        Kind.CHANGE_CANARY,
        Kind.PROMOTE,
        Kind.START_CANARY,
    ]


def test_the_way_to_a_larger_new_canary_is_a_change_and_a_widening():
    way = shortest_way(release("v1*4", "v2*1"), release("v1*4", "v3*3"))
    assert way == [release("v1*4", "v3*1"), release("v1*4", "v3*3")]


def test_a_changed_canary_may_have_the_share_of_the_old_one_and_no_pod_more():
    assert not broken_rules(release("v1*6", "v2*2"), release("v1*6", "v3*2"))
    assert broken_rules(release("v1*6", "v2*2"), release("v1*6", "v3*3"))
    assert broken_rules(release("v1*6", "v2*2"), release("v1*5", "v3*2"))


def test_the_way_splits_a_version_from_other_changes():
    old, new = release("v1*2"), release("v1*2", "v2*1", image="example/other")
    assert shortest_way(old, new) == [replace(old, image="example/other"), new]


def test_a_default_that_is_taken_away_survives_a_state_that_keeps_no_null():
    pod = {"securityContext": {"seccompProfile": None}, "tolerations": [{"key": "spot", "value": "null"}]}
    old = replace(BASE, container={"lifecycle": None}, pod=pod)
    registered = old.inputs()
    assert "None" not in str(registered)
    assert Release.of_inputs(registered) == old
    assert broken_rules(Release.of_inputs(registered), replace(old, canary=Track("v2", 1))) == []
