"""The state says since when the canary has run its content, and an update that changes nothing says the same."""

from typing import Any

import pulumi
import pytest

from canary_release.hooks.soak import since_output, update_after
from canary_release.model.release import Release
from canary_release.update.update import Update

from ..conftest import Recorder
from ..update.releases import release

OLD, WIDER, OTHER = release("v1*4", "v2*1"), release("v1*4", "v2*2"), release("v1*4", "v3*1")
OUTPUTS = {"canarySince": "2026-11-24T22:15:30Z", "totalPods": 5}


@pytest.fixture(params=[True, False], ids=["preview", "update"])
def is_preview(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    pulumi.runtime.set_mocks(Recorder(), "canary", "dev", preview=request.param)
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    return request.param


def test_an_unchanged_update_shows_what_the_last_one_left(is_preview: bool):  # noqa: ARG001
    assert since_output(update_after(OUTPUTS, OLD, OLD)) == OUTPUTS["canarySince"]


def test_a_widening_keeps_it(is_preview: bool):  # noqa: ARG001
    since = update_after(OUTPUTS, OLD, OLD).canary_since
    assert since_output(Update(OLD, WIDER, canary_since=since)) == OUTPUTS["canarySince"]


@pytest.mark.parametrize("update", [Update(None, OLD), Update(OLD, OTHER, canary_since=1), update_after({}, OLD, OLD)])
def test_what_begins_anew_is_unknown_in_a_preview_and_begins_when_the_update_ends(update: Update, is_preview: bool):
    found = since_output(update)
    assert isinstance(found, pulumi.output.Unknown) if is_preview else found == "2033-05-18T03:33:20Z"


@pytest.mark.parametrize("new", [release("v1*4"), release("v1*4", "v2*0"), release("v2*4")])
def test_without_pods_there_is_no_time(new: Release, is_preview: bool):  # noqa: ARG001
    assert since_output(Update(OLD, new, canary_since=1)) is None


@pytest.mark.parametrize("outputs", [{}, {"canarySince": "soon"}, {"canarySince": None}])
def test_an_output_that_says_nothing_is_not_known(outputs: dict[str, Any]):
    assert update_after(outputs, OLD, OLD).canary_since is None
