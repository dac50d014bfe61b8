"""Every update has one kind; what would hurt is refused, whatever it is made of."""

from dataclasses import replace
from fractions import Fraction
from itertools import product

import pytest

from canary_release.model.release import Release
from canary_release.model.tree import with_value
from canary_release.update.content import tracks
from canary_release.update.former import is_known
from canary_release.update.rules import (
    Kind,
    Rule,
    broken_by,
    broken_rules,
    first_track,
    is_gated,
    kind,
    kind_of,
)
from canary_release.update.update import Update

from .releases import BASE, ENV, release, states, with_deployment

EXTRA = ("manifest", *ENV)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, ("v1*2", "v2*1"), Kind.FIRST_DEPLOY),
        (("v1*2",), ("v1*2", "v2*1"), Kind.START_CANARY),
        (("v1*2", "v2*0"), ("v1*2", "v3*1"), Kind.START_CANARY),
        (("v1*2",), ("v1*2", "v1+a*1"), Kind.START_CANARY),
        (("v1*2", "v2*1"), ("v1*2", "v2*2"), Kind.WIDEN),
        (("v1*4", "v2*1"), ("v1*2", "v2*2"), Kind.WIDEN),
        (("v1*2", "v1+a*1"), ("v1*2", "v1+a*2"), Kind.WIDEN),
        (("v1*2", "v2*2"), ("v1*2", "v2*1"), Kind.NARROW),
        (("v1*2", "v2*1"), ("v1*4", "v2*2"), Kind.SCALE_STABLE),
        (("v1*2", "v2*1"), ("v1*3", "v2*1"), Kind.SCALE_STABLE),
        (("v1*2",), ("v1*3",), Kind.SCALE_STABLE),
        (("v1*2", "v2*1"), ("v1*2", "v2*0"), Kind.STOP_CANARY),
        (("v1*2", "v2*1"), ("v1*2",), Kind.STOP_CANARY),
        (("v1*2", "v2*1"), ("v1*2", "v3*1"), Kind.CHANGE_CANARY),
        (("v1*2", "v2*1"), ("v1*2", "v2+a*1"), Kind.CHANGE_CANARY),
        (("v1*2", "v2*1"), ("v2*2", "v2*0"), Kind.PROMOTE),
        (("v1*2", "v2*1"), ("v2*2",), Kind.PROMOTE),
        (("v1*2", "v1+a*1"), ("v1+a*2",), Kind.PROMOTE),
        (("v1*2", "v2+a*1"), ("v2+a*2",), Kind.PROMOTE),
        (("v2*2", "v2*0"), ("v1*2", "v2*1"), Kind.ROLL_BACK),
        (("v2*2",), ("v1*2", "v2*0"), Kind.ROLL_BACK),
        (("v1+a*2",), ("v1*2", "v1+a*1"), Kind.ROLL_BACK),
        (("v1*2", "v2*0"), ("v2*2",), Kind.MIXED),
        (("v1*2", "v2+a*1"), ("v2*2",), Kind.MIXED),
        (("v1*2",), ("v1+a*2",), Kind.MIXED),
        (("v1*2", "v2*0"), ("v1*2",), Kind.NO_CHANGE),
        (("v1*2", "v2*0"), ("v1*2", "v3*0"), Kind.NO_CHANGE),
        (("v1*2", "v2*1"), ("v1*2", "v2*1"), Kind.NO_CHANGE),
    ],
)
def test_every_step_of_a_release_has_its_name(old: tuple[str, ...] | None, new: tuple[str, ...], expected: Kind):
    assert kind(release(*old) if old else None, release(*new)) is expected


@pytest.mark.parametrize(
    ("old", "new", "gated"),
    [
        (release("v1*2", "v2*1"), release("v1*2", "v2*2"), True),
        (release("v1*4", "v2*1"), release("v1*2", "v2*1"), True),
        (release("v1*2", "v1+a*1"), release("v1*2", "v1+a*2"), True),
        (release("v1*2", "v2*1"), release("v2*2", "v2*0"), True),
        (release("v1*2", "v1+a*1"), release("v1+a*2"), True),
        (release("v1*2"), release("v1*2", "v2*1"), False),
        (release("v1*2", "v2*2"), release("v1*2", "v2*1"), False),
        (release("v1*2", "v2*1"), release("v1*2"), False),
        (release("v1*2", "v2*1"), release("v1*2", "v3*1"), False),
        (release("v1*2", "v2*1"), release("v1*1", "v2+a*1"), False),
        (release("v2*2"), release("v1*2", "v2*1"), False),
    ],
)
def test_gates_judge_what_gives_the_canarys_content_more_users(old: Release, new: Release, gated: bool):
    assert is_gated(old, new) is gated


STABLE, CANARY = ("stable_version",), ("canary_version",)


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        # Stable takes only what ran as canary.
        (release("v1*2"), release("v2*2"), [STABLE]),
        (release("v1*2", "v2*0"), release("v2*2"), [STABLE]),
        (release("v1*2", "v2*1"), release("v3*2", "v2*1"), [STABLE]),
        (release("v1*2"), release("v1+a*2"), [EXTRA]),
        (release("v1*2", "v2*1"), release("v1+a*2", "v2+a*1"), [EXTRA]),
        (release("v1*2", "v2*1"), release("v2+a*2"), [STABLE, EXTRA]),
        (release("v1*2", "v1+a*1"), release("v1+b*2"), [EXTRA]),
        (release("v1+a*2", "v1+b*1"), release("v1+c*2"), [(*EXTRA, 0, "value")]),
        # One track at a time.
        (release("v1*2", "v2*1"), release("v2*2", "v3*1"), [CANARY]),
        (release("v1*2", "v2*1"), release("v2*2", "v2+a*1"), [("canary_patch", *ENV)]),
        # A new content starts small.
        (release("v1*4", "v2*1"), release("v1*4", "v3*2"), [("canary_replicas",)]),
        (release("v1*4", "v2*1"), release("v1*4", "v2+a*2"), [("canary_replicas",)]),
        (release("v1*4", "v2*1"), release("v1*2", "v3*1"), [("canary_replicas",)]),
        # With a fixed total the engine's deletion would come too late.
        (release("v1*2", "v2*1", fixed_total=3), release("v2*3", fixed_total=3), [CANARY]),
    ],
)
def test_what_would_hurt_is_refused_where_it_is_said(old: Release, new: Release, paths: list[tuple[str | int, ...]]):
    assert [broken.path for broken in broken_rules(old, new)] == paths


def test_what_ran_as_canary_is_told():
    """Of a version that ran, another content did."""
    for canary, ran in (
        (None, "in which no canary ran"),
        ("v3*1", "ran v3)"),
        ("v2+a*1", "ran v2 with other content)"),
    ):
        [broken] = broken_rules(release("v1*2", canary), release("v2*2"))
        assert (broken.old, broken.new) == ("v1", "v2")
        assert ran in broken.rule


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (release("v1*2", "v2*1"), release("v2*2")),
        (release("v1*2", "v2*1"), release("v2*4", "v2*0")),
        (release("v1*2", "v2*1"), release("v2*2", "v1*1")),
        (release("v1*2", "v1+a*1"), release("v1+a*2")),
        (release("v1*2", "v2+a*1"), release("v2+a*2", "v2*0")),
        (release("v2*2", "v2*0"), release("v1*2", "v2*1")),
        (release("v1+a*2"), release("v1*2", "v1+a*0")),
        (release("v1*4", "v2*2"), release("v1*4", "v3*2")),
        (release("v1*2"), release("v1*2", "v1+a*2")),
        (release("v1*2", "v2*0"), release("v1*2", "v3+a*0")),
        (release("v1*2", "v2*1"), release("v1*2", "v2*1", max_canary_share=60)),
        (release("v1*2", "v2*1", fixed_total=3), release("v2*3", "v2*0", fixed_total=3)),
        (release("v1*2", "v2*0", fixed_total=2), release("v1*3", fixed_total=3)),
        (release("v1*2", "v2*1", fixed_total=3), release("v2*2", fixed_total=2)),
    ],
)
def test_the_steps_of_a_release_are_allowed(old: Release, new: Release):
    assert broken_rules(old, new) == []


def test_services_may_change_come_and_go_in_any_update():
    old = release("v1*2", "v2*1")
    ports = with_value(BASE.services[0], ("spec", "ports", 0, "port"), 80)
    for services in ((ports,), (), (*BASE.services, ports)):
        for new in (release("v1*2", "v2*1"), release("v2*2"), release("v1*2", "v2*2")):
            assert broken_rules(old, replace(new, services=services)) == []
            assert broken_rules(replace(old, services=services), new) == []


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        (with_deployment(BASE, ("metadata", "name"), "other"), ("manifest", "metadata", "name")),
        (with_deployment(BASE, ("metadata", "namespace"), "other"), ("namespace",)),
        (with_deployment(BASE, ("spec", "selector", "matchLabels"), {}), ("manifest", "spec", "selector")),
        (
            with_deployment(BASE, ("spec", "selector", "matchExpressions"), [{"key": "a", "operator": "Exists"}]),
            ("manifest", "spec", "selector"),
        ),
        (replace(BASE, track_label="version"), ("manifest", "spec", "selector")),
    ],
)
def test_what_a_deployed_release_is_found_by_stays_also_after_an_unfinished_update(
    changed: Release, path: tuple[str, ...]
):
    for finished in (True, False):
        assert [broken.path for broken in broken_rules(BASE, changed, finished)] == [path]


@pytest.mark.parametrize(
    ("wanted", "new"),
    [
        (release("v1x*2"), release("v1*2")),
        (release("v1x*2", "v2*1"), release("v1*2", "v2*1")),
        (release("v1*2", "v2x*1"), release("v1*2", "v2*1")),
        (release("v1*2", "v2*1"), release("v1*2", "v2*1")),
        (release("v2*2", "v2*0"), release("v1*2", "v2*1")),
        (release("v1*2", "v2*1"), release("v1*2")),
        (release("v1+x*2"), release("v1*2")),
    ],
)
def test_after_an_unfinished_update_repairing_retrying_and_going_back_are_allowed(wanted: Release, new: Release):
    assert broken_rules(wanted, new, finished=False) == []


@pytest.mark.parametrize(
    ("canary", "promoted", "path"), [("v2*1", "v2*2", STABLE), ("v1+a*1", "v1+a*2", EXTRA)], ids=["version", "content"]
)
def test_the_canary_of_an_unfinished_update_is_not_promoted(canary: str, promoted: str, path: tuple[str, ...]):
    [broken] = broken_rules(release("v1*2", canary), release(promoted), finished=False)
    assert broken.path == path
    assert "did not finish" in broken.rule


@pytest.mark.parametrize(
    ("old", "new", "known"),
    [
        (None, release("v1*2"), True),
        (release("v2*2"), release("v9*2", "v2*1"), False),
        (release("v2*2", "v1*1"), release("v1*2", "v2*1"), True),
        (release("v2*2", "v1*0"), release("v1*2", "v2*1"), False),
        (release("v2*2", "v1+a*1"), release("v1*2", "v2*1"), False),
        (release("v2+a*2", "v2*1"), release("v2*2", "v2+a*1"), True),
        (release("v1*2", "v2*1"), release("v2*2"), True),
        (release("v1*2"), release("v1*3"), True),
        (release("v1*2"), release("v2*2"), False),
    ],
)
def test_what_the_last_update_had_in_no_track_is_not_known(old: Release | None, new: Release, known: bool):
    assert is_known(Update(old, new)) is known


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
    assert first_track(old, new) == first


@pytest.mark.parametrize("total", [None, 4])
def test_every_pair_of_releases_has_the_kind_that_fits_and_breaks_the_rules_as_they_are_written(total: int | None):
    seen: set[Kind] = set()
    for was, now in product(map(tracks, states(total=total, limit=75 if total else 50)), repeat=2):
        what, broken = kind_of(was, now), set(broken_by(was, now, True, total is not None))
        seen.add(what)
        changes_stable = was.stable.content != now.stable.content
        proven = was.running is not None and was.running.content == now.stable.content
        rolls_back = now.canary is not None and now.canary.content == was.stable.content
        assert changes_stable == (what in (Kind.PROMOTE, Kind.ROLL_BACK, Kind.MIXED))
        assert (what is Kind.PROMOTE) == (changes_stable and proven)
        # The rules in one line each, as the design says them.
        share, larger = (Fraction(each.canary_replicas, each.stable.replicas) for each in (was, now))
        new_content = bool(was.running and now.running and was.running.content != now.running.content)
        assert broken == {
            rule
            for rule, breaks in {
                Rule.PROVEN: changes_stable and not proven and not rolls_back,
                Rule.ONE_TRACK: changes_stable and proven and now.running is not None and not rolls_back,
                Rule.SMALL_START: not changes_stable and new_content and larger > share,
                Rule.ROOM: total and was.running and not now.canary and now.stable.replicas > was.stable.replicas,
            }.items()
            if breaks
        }
        assert was != now or what is Kind.NO_CHANGE
    assert seen == set(Kind) - {Kind.FIRST_DEPLOY} - ({Kind.SCALE_STABLE} if total else set())
