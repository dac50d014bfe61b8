"""The figures of an update are what Kubernetes' own controller does at worst."""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_release.model.release import Release, Track
from canary_release.update.effect import most_and_fewest, rolls
from canary_release.update.rules import broken_rules, first_track

from .controller import Controller
from .releases import release, states, with_deployment

STRATEGY = ("spec", "strategy")


def rolling(surge: int | str, unavailable: int | str) -> dict[str, Any]:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


FIXED = rolling(0, 1)
RECREATE = {"type": "Recreate"}


@pytest.mark.parametrize(
    ("old", "new", "most", "fewest"),
    [
        (None, release("v1*2", "v2*1"), 3, 0),
        (release("v1*2", "v2*1"), release("v1*2", "v2*2"), 4, 3),
        # Stable rolls with a surge of one beside two canary pods, which then leave.
        (release("v1*2", "v2*2"), release("v2*2"), 5, 2),
        (release("v1*8", "v2*2"), release("v2*8"), 12, 8),
        # The canary grows before stable shrinks.
        (release("v1*4", "v2*1"), release("v1*2", "v2*2"), 6, 4),
        # Both roll, one after the other.
        (release("v1*4", "v2*4"), release("v1+a*4", "v2+a*4"), 9, 8),
        # Nothing rolls where only numbers change, or what is outside the pods.
        (release("v1*4", "v2*1"), with_deployment(release("v1*4", "v2*1"), STRATEGY, RECREATE), 5, 5),
    ],
)
def test_the_pods_meanwhile_follow_from_order_and_surge(old: Release | None, new: Release, most: int, fewest: int):
    assert most_and_fewest(old, new) == (most, fewest)


@pytest.mark.parametrize(
    ("strategy", "most", "fewest"),
    [
        (None, 11, 7),
        ({}, 11, 7),
        ({"type": "RollingUpdate"}, 11, 7),
        (rolling(0, 1), 9, 8),
        (rolling(1, 0), 10, 9),
        (rolling("10%", "10%"), 10, 9),
        (rolling("50%", "50%"), 13, 5),
        (rolling("100%", "0%"), 17, 9),
        # No more new pods than the Deployment wants.
        (rolling(20, 20), 17, 1),
        # Kubernetes lets one be away where a percentage rounds to none.
        (rolling(0, "10%"), 9, 8),
        (rolling("0%", "0%"), 9, 8),
        (RECREATE, 9, 1),
    ],
)
def test_each_strategy_has_its_figures(strategy: dict[str, Any] | None, most: int, fewest: int):
    """Eight pods of stable roll beside one of the canary."""
    new = release("v2*8", "v1*1")
    if strategy is not None:
        new = with_deployment(new, STRATEGY, strategy)
    else:
        new = with_deployment(new, STRATEGY, rolling("25%", "25%"))
    assert most_and_fewest(release("v1*8", "v1*1"), new) == (most, fewest)


@pytest.mark.parametrize(
    ("old", "new", "most", "fewest"),
    [
        # One pod is away while a track rolls.
        (release("v1*3"), release("v1*2", "v2*1"), 3, 2),
        (release("v1*2", "v2*1"), release("v2*3", "v2*0"), 3, 2),
        (release("v1*3"), release("v1*1", "v2*2"), 3, 1),
        (release("v1*1", "v2*2"), release("v2*3", "v2*0"), 3, 1),
    ],
)
def test_a_fixed_total_is_never_exceeded(old: Release, new: Release, most: int, fewest: int):
    old, new = (replace(with_deployment(each, STRATEGY, FIXED), fixed_total=3) for each in (old, new))
    assert most_and_fewest(old, new) == (most, fewest)


def test_a_canary_that_is_removed_serves_until_the_end():
    """Also with a fixed total, where what shrinks goes first: the engine deletes last."""
    old, new = release("v1*2", "v2*1", fixed_total=3), release("v2*2", fixed_total=2)
    assert first_track(old, new) == "canary"
    assert most_and_fewest(old, with_deployment(new, STRATEGY, FIXED)) == (3, 2)


def test_each_track_has_its_own_strategy():
    new = release("v2*4", "v3*4")
    assert new.canary
    canary = replace(new.canary, deployment={**new.canary.deployment, "spec": _recreated(new.canary)})
    assert most_and_fewest(release("v1*4", "v2*4"), replace(new, canary=canary)) == (9, 4)


def _recreated(track: Track) -> dict[str, Any]:
    return {**track.deployment["spec"], "strategy": RECREATE}


def test_pods_are_replaced_where_they_run_before_and_after():
    v1, none = release("v1*2").stable, release("v1*2", "v1*0").canary
    assert rolls(v1, release("v2*1").stable)
    assert rolls(v1, release("v1+a*2").stable)
    assert not rolls(v1, release("v1*5").stable)
    assert not rolls(v1, none)
    assert not rolls(none, release("v2*1").stable)
    assert not rolls(None, v1)
    assert not rolls(v1, None)


numbers = st.integers(0, 6) | st.sampled_from(["0%", "10%", "25%", "34%", "50%", "100%", "150%"])
unavailable = st.integers(0, 6) | st.sampled_from(["0%", "10%", "25%", "34%", "50%", "100%"])
strategies = st.builds(rolling, numbers, unavailable) | st.just(RECREATE)
pods = st.tuples(st.sampled_from(["v1", "v2", "v1+a"]), st.integers(0, 8)).map(lambda pair: f"{pair[0]}*{pair[1]}")
stables = pods.filter(lambda text: not text.endswith("*0"))


@given(
    old=st.builds(release, stables, st.none() | pods),
    new=st.builds(release, stables, st.none() | pods),
    strategy=strategies,
    seed=st.randoms(use_true_random=False),
    lazy=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_no_schedule_of_the_controller_exceeds_the_figures_and_the_slowest_reaches_them(
    old: Release, new: Release, strategy: dict[str, Any], seed: Any, lazy: bool
):
    new = with_deployment(new, STRATEGY, strategy)
    controller = Controller(None if lazy else seed)
    seen = controller.carry_out(old, new, first_track(old, new))
    most, fewest = most_and_fewest(old, new)
    assert fewest <= min(ready for _, ready in seen)
    assert max(total for total, _ in seen) <= most
    if lazy:
        assert (max(total for total, _ in seen), min(ready for _, ready in seen)) == (most, fewest)


@cache
def fixed(total: int) -> list[Release]:
    return [with_deployment(each, STRATEGY, FIXED) for each in states(100, total)]


@given(data=st.data(), total=st.integers(2, 4), seed=st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_with_a_fixed_total_no_allowed_update_runs_more_pods(data: st.DataObject, total: int, seed: Any):
    every = st.sampled_from(fixed(total))
    old, new = (data.draw(every) for _ in range(2))
    if not broken_rules(old, new):
        seen = Controller(seed).carry_out(old, new, first_track(old, new))
        assert max(pods for pods, _ in seen) <= total
        assert most_and_fewest(old, new)[0] <= total
