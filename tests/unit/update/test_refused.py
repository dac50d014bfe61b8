"""All rules of an update together."""

from dataclasses import replace

import pytest

from canary_release.update.refused import broken_by_update
from canary_release.update.update import Update

from .releases import release

OLD = release("v1*4", "v2*1", soak_seconds=1800)
WIDER = release("v1*4", "v2*2", soak_seconds=1800)
UPDATE = Update(OLD, WIDER, canary_since=100.0, former_stable="")


@pytest.mark.parametrize(
    ("update", "now", "paths"),
    [
        (UPDATE, 1899, ["canary_replicas"]),
        (UPDATE, 1900, []),
        (UPDATE, None, []),
        (replace(UPDATE, new=release("v3*4", "v2*1")), None, ["stable_version"]),
        (replace(UPDATE, new=release("v0*4", "v1*1")), None, ["stable_version"]),
        (replace(UPDATE, new=release("v2*4"), finished=False), 9999, ["stable_version", "stable_version"]),
        (replace(UPDATE, old=None), 0, []),
        (replace(UPDATE, new=release("v3*4", "v2*2", skip_transition_checks=True)), 0, []),
    ],
    ids=[
        "before the end of the soak",
        "at its end",
        "at no time",
        "a version that did not run as canary",
        "back to a version that never ran",
        "an unfinished update",
        "a first deploy",
        "a skipped check",
    ],
)
def test_an_update_breaks_rules_of_contents_of_going_back_and_of_time(
    update: Update, now: float | None, paths: list[str]
):
    assert [broken.path[0] for broken in broken_by_update(update, now)] == paths
