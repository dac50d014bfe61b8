"""Nobody else gets the canary before it has run for its soak, and no clock, widening or retry shortens that."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_release.model.release import Release
from canary_release.update.content import fingerprint, tracks
from canary_release.update.rules import is_gated
from canary_release.update.soak import canary_since, too_early
from canary_release.update.update import Update

from .releases import release, states

BEGAN, SOAK = 1_800_000_000, 1800
OLD = release("v1*4", "v2*1", soak_seconds=SOAK)
STATES = states(most=2)


def refused(update: Update, after: float) -> list[str]:
    return [broken.rule for broken in too_early(update, BEGAN + after)]


@pytest.mark.parametrize(
    ("new", "path"),
    [
        (release("v1*4", "v2*2"), ("canary_replicas",)),
        (release("v1*2", "v2*1"), ("stable_replicas",)),
        (release("v2*4", "v2*0"), ("stable_version",)),
        (release("v2*4"), ("stable_version",)),
    ],
)
def test_a_canary_is_widened_and_promoted_from_the_end_of_its_soak_on(new: Release, path: tuple[str]):
    update = Update(OLD, new, canary_since=BEGAN)
    [broken] = too_early(update, BEGAN + SOAK - 1)
    assert broken.path == path
    assert broken.rule == (
        "the canary must run for 30m before it is widened or promoted: allowed from 2027-01-15 08:30 UTC on"
    )
    assert refused(update, SOAK) == []


def test_a_patch_that_is_promoted_too_early_is_refused_where_its_pods_go():
    old = release("v1*4", "v1+a*1", soak_seconds=SOAK)
    [broken] = too_early(Update(old, release("v1+a*4", "v1*0"), canary_since=BEGAN), BEGAN)
    assert broken.path == ("canary_replicas",)


def test_what_widens_a_canary_does_not_shorten_its_soak():
    for shorter in (None, 1):
        assert refused(Update(OLD, release("v1*4", "v2*2", soak_seconds=shorter), canary_since=BEGAN), SOAK - 1)


def test_a_soak_that_comes_with_the_widening_counts_for_the_next_step():
    new = release("v1*4", "v2*2", soak_seconds=SOAK)
    assert refused(Update(replace(OLD, soak_seconds=None), new, canary_since=BEGAN), 0) == []


def test_the_way_back_is_never_too_early():
    for new in (release("v1*4"), release("v1*4", "v2*0"), release("v1*8", "v2*1"), release("v1*4", "v3*1"), OLD):
        assert refused(Update(OLD, new, canary_since=BEGAN), 0) == []
    promoted = release("v2*4", "v2*0", soak_seconds=SOAK)
    assert refused(Update(promoted, OLD), 0) == []


@pytest.mark.parametrize(("former", "is_refused"), [("v1*1", False), ("v9*1", True)])
def test_a_rollback_is_never_too_early_also_where_the_former_version_is_kept_with_pods(former: str, is_refused: bool):
    old, new = (release(*each, soak_seconds=SOAK) for each in (("v2*4", "v1*1"), ("v1*4", "v2*0")))
    ran = fingerprint(tracks(release(former)).stable.content)
    assert bool(refused(Update(old, new, canary_since=BEGAN, former_stable=ran), 0)) is is_refused


def test_a_clock_that_is_set_back_makes_the_wait_no_shorter():
    update = Update(OLD, release("v1*4", "v2*2"), canary_since=BEGAN)
    assert refused(update, -SOAK) == refused(update, 0)


def test_what_did_not_finish_has_not_run():
    [rule] = refused(Update(OLD, release("v1*4", "v2*2"), finished=False, canary_since=BEGAN), 2 * SOAK)
    assert rule == "the last update did not finish: a soak of 30m begins with the next one that finishes"
    assert refused(Update(OLD, OLD, finished=False), 0) == []


def test_a_canary_of_which_nobody_knows_since_when_it_runs_waits():
    [rule] = refused(Update(OLD, release("v1*4", "v2*2")), 2 * SOAK)
    assert rule.startswith("the state does not know since when the canary runs")


@pytest.mark.parametrize(
    ("old", "new", "finished", "since"),
    [
        (OLD, OLD, True, 0),
        (OLD, release("v1*4", "v2*2"), True, 0),
        (OLD, release("v1*8", "v2*1"), True, 0),
        (OLD, replace(OLD, soak_seconds=1), True, 0),
        (OLD, OLD, False, 9),
        (OLD, release("v1*4", "v3*1"), True, 9),
        (OLD, release("v1*4", "v2+a*1"), True, 9),
        (release("v1*4", "v2*0"), OLD, True, 9),
        (release("v1*4"), OLD, True, 9),
        (None, OLD, True, 9),
        (OLD, release("v1*4", "v2*0"), True, None),
        (OLD, release("v2*4"), True, None),
    ],
)
def test_the_time_is_kept_as_long_as_the_content_runs_in_finished_updates(
    old: Release | None, new: Release, finished: bool, since: float | None
):
    known = 0.0 if old and old.canary_replicas else None
    assert canary_since(Update(old, new, finished, known), 9) == since


def test_a_canary_of_which_nobody_knew_it_is_known_since_the_next_update():
    assert canary_since(Update(OLD, OLD), 9) == 9


@given(st.lists(st.tuples(st.sampled_from(STATES), st.booleans(), st.integers(0, 40)), min_size=1, max_size=8))
def test_no_history_of_updates_gives_anyone_a_content_that_has_not_run_for_its_soak(
    history: list[tuple[Release, bool, int]],
):
    """A content runs from the end of the finished update that gave it pods; what a rule refuses leaves all as it is."""
    old, finished, since, now = replace(STATES[0], soak_seconds=30), True, None, 0.0
    ran: dict[str, float] = {}
    for state, finishes, seconds in history:
        new, now = replace(state, soak_seconds=30), now + seconds
        update = Update(old, new, finished, since)
        if any(too_early(update, now)):
            continue
        if is_gated(old, new):
            assert finished
            assert now - ran[_content(old)] >= 30
        if not finishes:
            ran.clear()
        elif (content := _content(new)) and (content != _content(old) or not finished):
            ran = {content: now}
        since = canary_since(update, now) if finishes else None
        old, finished = new, finishes


def _content(of: Release) -> str:
    canary = of.canary
    return f"{canary.version} {canary.deployment}" if canary and canary.replicas else ""


def test_the_states_of_the_history_can_be_widened_and_promoted():
    assert sum(is_gated(old, new) for old, new in product(STATES, repeat=2)) > 50
