"""Stable rolls back only to what it ran before, as far as the state knows that."""

import pytest

from canary_release.model.release import Release
from canary_release.update.content import fingerprint, tracks
from canary_release.update.former import former_stable, is_known, unknown_content
from canary_release.update.update import Update
from canary_release.update.way import shortest_way

from .releases import release

PROMOTED = release("v2*2", "v2*0")
BACK = release("v1*2", "v2*0")
UNPROVEN = release("v9*2", "v2*0")
RAN = fingerprint(tracks(release("v1*2")).stable.content)


def promoted() -> str | None:
    """What is kept after v2 took the place of v1."""
    return former_stable(Update(release("v1*2", "v2*1"), PROMOTED, former_stable=""))


def test_stable_rolls_back_to_what_a_promotion_replaced():
    back = Update(PROMOTED, BACK, former_stable=promoted())
    assert is_known(back)
    assert list(unknown_content(back)) == []


@pytest.mark.parametrize("former", ["", RAN], ids=["stable ran nothing else", "stable ran v1"])
@pytest.mark.parametrize("canary", ["v2*0", "v2*1"])
def test_stable_does_not_roll_back_to_what_it_never_ran(former: str, canary: str):
    update = Update(PROMOTED, release("v9*2", canary), former_stable=former)
    [broken] = unknown_content(update)
    assert (broken.path, broken.old, broken.new) == (("stable_version",), "v2", "v9")
    assert "the state knows nothing older" in broken.rule


@pytest.mark.parametrize("was", ["v9*0", "v9+a*1"], ids=["declared without pods", "other content ran"])
def test_a_canary_that_had_no_pod_proves_nothing(was: str):
    update = Update(release("v2*2", was), release("v9*2", "v2*0"), former_stable=RAN)
    [broken] = unknown_content(update)
    assert (broken.old, broken.new) == ("v2", "v9")


def test_the_allowed_way_to_it_begins_with_a_canary():
    way = shortest_way(PROMOTED, UNPROVEN, may_roll_back=False)
    assert way[-1] == UNPROVEN
    assert len(way) > 1
    assert way[0].stable.version == "v2"
    assert (way[0].canary_version, way[0].canary_replicas) == ("v9", 1)


@pytest.mark.parametrize(
    "update",
    [
        Update(PROMOTED, UNPROVEN),
        Update(PROMOTED, UNPROVEN, finished=False, former_stable=RAN),
        Update(None, UNPROVEN),
        Update(release("v1*2", "v2*1"), release("v2*2"), former_stable=""),
    ],
    ids=["not known", "unfinished", "first deploy", "promotion"],
)
def test_where_nothing_is_known_to_be_wrong_nothing_is_refused(update: Update):
    assert list(unknown_content(update)) == []


@pytest.mark.parametrize(
    ("old", "new", "finished", "kept"),
    [
        (None, release("v1*2"), True, ""),
        (release("v1*2"), release("v1*4"), True, "before"),
        (release("v1*2", "v2*1"), PROMOTED, True, RAN),
        (release("v1*2"), release("v1*4"), False, None),
        (release("v1*2", "v2*1"), PROMOTED, False, None),
    ],
)
def test_what_stable_ran_before_is_kept_until_stable_changes(
    old: Release | None, new: Release, finished: bool, kept: str | None
):
    assert former_stable(Update(old, new, finished, former_stable="before")) == kept
