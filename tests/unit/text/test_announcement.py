"""What an update is announced as: a table and its warnings, with figures that Kubernetes' own rules give."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_release.model.objects import stable_deployment
from canary_release.model.release import Release
from canary_release.model.tree import with_value
from canary_release.text.announcement import announcement, resumption, sentence
from canary_release.update.content import fingerprint, tracks
from canary_release.update.update import Update

from ..update.releases import BASE, release, states, with_deployment

LABEL = ("metadata", "labels", "team")
[SERVICE] = BASE.services
IMAGE = ("spec", "template", "spec", "containers", 0, "image")
STATES = states()
SOAKING = release("v1*4", "v2*1", soak_seconds=1800)
OTHER_REGISTRY = with_deployment(release("v1*2"), IMAGE, "localhost:5000/shop")
OTHER_PORT = with_value(SERVICE, ("spec", "ports", 0, "port"), 80)


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (None, release("v1*2", "v2*1"), "deploys for the first time: v1 in stable, v2 as canary at 33.3 %"),
        (release("v1*2"), release("v1*2", "v2*1"), "starts the canary v2 at 33.3 %"),
        (release("v1*2", "v2*1"), release("v1*2", "v2*2"), "widens the canary from 33.3 % to 50.0 %"),
        (release("v1*2", "v2*2"), release("v1*2", "v2*1"), "narrows the canary from 50.0 % to 33.3 %"),
        (release("v1*2", "v2*1"), release("v1*2"), "stops the canary, which had 33.3 %"),
        (release("v1*2", "v2*1"), release("v1*2", "v3*1"), "changes the canary from v2 to v3 at 33.3 %"),
        (release("v1*2"), release("v1*5"), "scales stable from 2 to 5"),
        (release("v1*2", "v2*1"), release("v2*2"), "promotes v2"),
        (release("v2*2"), release("v1*2", "v2*1"), "rolls back to v1"),
        (
            release("v1*2"),
            release("v1*2", "v1+a*1"),
            "starts the canary v1 with other content at 33.3 %; the canary "
            "differs from stable in environment of container web",
        ),
        (
            release("v1*2", "v1+a*1"),
            release("v1*2", "v1+b*1"),
            "changes the canary v1 at 33.3 %; the canary differs from stable in environment of container web",
        ),
        (
            release("v1*2", "v1+a*1"),
            release("v1+a*2"),
            "promotes v1 with other content; changes environment of container web in stable",
        ),
        (release("v1*2", "v2+a*1"), release("v2+a*2"), "promotes v2; changes environment of container web in stable"),
        (
            release("v1*2"),
            release("v1+a*2"),
            "gives stable v1 with other content, which no canary proved; "
            "changes environment of container web in stable",
        ),
        (
            release("v1*2"),
            with_deployment(release("v1*2"), LABEL, "a"),
            "changes no version and no share; changes labels of Deployment shop",
        ),
        (
            release("v1*2"),
            release("v1*2", services=(OTHER_PORT,)),
            "changes no version and no share; changes Service shop: ports",
        ),
        (release("v1*2"), release("v1*2", "v3*0"), "declares v3 as canary, without pods"),
        (release("v1*2", "v2*0"), release("v1*2", "v3*0"), "declares v3 as canary, without pods"),
        (release("v1*2", "v2*0"), release("v1*2"), "removes the canary, which had no pods"),
        (release("v1*2"), release("v1*2", services=()), "changes no version and no share; changes Service shop: gone"),
    ],
)
def test_every_update_has_its_sentence(old: Release | None, new: Release, text: str):
    assert sentence(Update(old, new)) == text


@given(data=st.data(), finished=st.booleans(), soak=st.sampled_from([None, 1800]))
@settings(max_examples=200, deadline=None)
def test_the_text_has_a_line_for_each_warning_is_plain_and_has_aligned_columns(
    data: st.DataObject, finished: bool, soak: int | None
):
    every = st.sampled_from(STATES)
    new = replace(data.draw(every), soak_seconds=soak)
    text = announcement(Update(data.draw(st.none() | every), new, finished))
    lines = text.splitlines()
    warnings = sum(line.startswith("warning: ") for line in lines)
    assert 6 <= len(lines) - warnings <= 6 + (soak is not None)
    assert text.isascii()
    assert "\x1b" not in text
    assert len({line.index(cell) for line, cell in zip(lines[1:3], ("before", new.stable.version), strict=True)}) <= 2


@pytest.mark.parametrize(
    ("update", "line"),
    [
        (
            Update(SOAKING, SOAKING, canary_since=0),
            "the canary may be widened or promoted from 1970-01-01 00:30 UTC on",
        ),
        (Update(SOAKING, SOAKING, False, 0), "the canary may be widened or promoted once it has run for 30m"),
        (Update(release("v1*4"), SOAKING), "the canary may be widened or promoted once it has run for 30m"),
        (Update(SOAKING, release("v2*4", "v2*0", soak_seconds=1800), True, 0), None),
        (Update(SOAKING, release("v1*4", "v2*1"), True, 0), None),
    ],
)
def test_from_when_on_a_canary_may_be_promoted_is_told(update: Update, line: str | None):
    told = [each for each in announcement(update).splitlines() if "may be widened or promoted" in each]
    assert told == ([line] if line else [])


def test_a_first_update_tells_no_ready_pods_since_those_of_what_it_adopts_go_on():
    assert announcement(Update(None, release("v1*2"))).splitlines()[-1] == "pods meanwhile  at most 2"


def test_a_fall_of_the_pods_that_serve_is_warned_of():
    last = announcement(Update(release("v1*2", "v2*2"), release("v2*2"))).splitlines()[-1]
    assert last == "warning: the pods that serve fall from 4 to 2"


def test_with_one_stable_pod_and_a_fixed_total_nobody_is_ready_while_it_rolls_and_the_text_says_so():
    old, new = release("v1*1", "v2*1", fixed_total=2), release("v2*1", "v3*1", fixed_total=2)
    assert "warning: no stable pod is ready while stable rolls" in announcement(Update(old, new))


@pytest.mark.parametrize(
    ("old", "new", "warning"),
    [
        (release("v2*2", "v1*0"), release("v1*2", "v2*1"), "v2 keeps 33.3 % as canary"),
        (
            release("v2*2"),
            release("v9*2", "v2*1"),
            "v2 keeps 33.3 % as canary; the state does not know whether v9 ran in stable",
        ),
        (release("v2*2", "v1*0"), release("v1*2", "v2*0"), "v2 stays declared as canary, without pods"),
    ],
)
def test_a_rollback_tells_what_the_version_that_leaves_keeps_and_what_is_known(
    old: Release, new: Release, warning: str
):
    former = fingerprint(tracks(release("v1*2")).stable.content)
    assert f"warning: {warning}" in announcement(Update(old, new, former_stable=former)).splitlines()


def test_a_change_of_a_service_is_warned_of_since_no_canary_tries_it():
    text = announcement(Update(release("v1*2"), release("v1*2", services=(OTHER_PORT,))))
    assert text.endswith("\nwarning: what changes of a Service reaches all users at once: no canary tries it")


def test_an_update_after_one_that_did_not_finish_says_so():
    lines = announcement(Update(release("v1*2"), release("v1*3"), finished=False)).splitlines()
    assert lines[0].endswith("; repairs an update that did not finish")
    assert lines[-1].startswith("warning: what ran before is not known")


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (release("v1*2"), release("v2*3"), "v1 x 2 => v2 x 3; no rule is asked, as "),
        (release("v1*3"), release("v1*2"), "v1 x 3 => v1 x 2; no rule is asked, as "),
        (release("v1*2"), release("v1*2"), "v1 x 2 again; no rule is asked, as "),
        (None, release(f"sha256:{'1' * 64}*1"), f"none => sha256:{'1' * 64} x 1; no rule is asked, as "),
        (
            None,
            with_deployment(release("v1*2"), IMAGE, "localhost:5000/shop"),
            "none => v1 x 2; no rule is asked, as ",
        ),
    ],
)
def test_a_change_of_a_deployment_that_no_rule_saw_is_told_with_all_that_it_may_be(
    old: Release | None, new: Release, text: str
):
    told = resumption(stable_deployment(old) if old else None, stable_deployment(new), "web")
    assert told.startswith(f"Deployment {new.name} in {new.namespace}: {text}")
    assert "config" not in told, "it may have changed: by --target the engine passes over the release"
    assert told.endswith("or comes from --target or --exclude")


def test_a_manifest_that_transforms_changed_is_told_as_unknown():
    new = stable_deployment(release("v1*2"))
    new["spec"] = {**new["spec"], "replicas": None}
    assert ": v1 x 2 => unknown; " in resumption(stable_deployment(release("v1*2")), new, "web")
