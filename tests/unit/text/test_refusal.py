"""A refused update names what is wrong, and the commands of the way that is allowed."""

from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_release.gates.contract import State
from canary_release.gates.sampling import Sample, Verdict
from canary_release.model.merge import merged
from canary_release.model.release import Release
from canary_release.model.tree import with_value
from canary_release.text.announcement import sentence
from canary_release.text.refusal import gate_refusal, refusal
from canary_release.text.spelling import ARGUMENTS, PROPERTIES, Spelling, config_keys
from canary_release.update.rules import broken_rules
from canary_release.update.soak import too_early
from canary_release.update.update import Update

from ..update.releases import BASE, release, states, with_deployment

PROD = config_keys("prod")
STATES = states()


def refused(old: Release, new: Release, spelling: Spelling = PROD) -> str:
    return refusal("shop", Update(old, new), broken_rules(old, new), spelling)


def test_a_refusal_names_key_values_rule_and_the_commands():
    assert refused(release("v1*4", "v2*1"), release("v1*4", "v3*3")) == (
        "CanaryRelease 'shop': this update is refused, and nothing of this release was changed. It "
        "changes the canary from v2 to v3 at 42.9 %\n"
        "\n"
        "  canaryReplicas: 3\n"
        "    was 1: a canary's new content starts at no larger share than the old one had: change it, then widen\n"
        "\n"
        "allowed instead, one update after the other:\n"
        "  1. pulumi config set --stack prod canaryReplicas 1\n"
        "     pulumi up --stack prod\n"
        "  2. pulumi config set --stack prod canaryReplicas 3\n"
        "     pulumi up --stack prod"
    )


def test_an_update_that_comes_too_early_is_told_when_to_come_again():
    old = release("v1*4", "v2*1", soak_seconds=1800)
    update = Update(old, release("v1*4", "v2*2", soak_seconds=1800), canary_since=0)
    assert refusal("shop", update, list(too_early(update, 60)), PROD) == (
        "CanaryRelease 'shop': this update is refused, and nothing of this release was changed. It "
        "widens the canary from 20.0 % to 33.3 %\n"
        "\n"
        "  canaryReplicas: 2\n"
        "    was 1: the canary must run for 30m before it is widened or promoted: allowed from 1970-01-01 00:30 UTC "
        "on\n"
        "\n"
        "when the soak is over, run the same command again:\n"
        "  pulumi up --stack prod"
    )


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(("spelling", "key"), [(PROD, "skipTransitionChecks"), (ARGUMENTS, "skip_transition_checks")])
def test_the_way_after_an_update_that_did_not_finish_names_the_key_that_goes_around_it(
    spelling: Spelling, key: str, finished: bool
):
    old, new = release("v1*2", "v2*1"), release("v2*2", "v2*0") if not finished else release("v3*2", "v2*1")
    text = refusal("shop", Update(old, new, finished), broken_rules(old, new, finished), spelling)
    told = f"\nor, if stable ran v2 before the update that did not finish, set {key} once"
    assert text.endswith(told) is not finished
    assert (key in text) is not finished


def test_content_that_no_canary_proved_is_printed_as_the_patch_that_tries_it():
    assert refused(release("v1*4"), release("v1+a*4")) == (
        "CanaryRelease 'shop': this update is refused, and nothing of this release was changed. It gives stable v1 "
        "with other content, which no canary proved; changes environment of container web in stable\n"
        "\n"
        '  manifest.spec.template.spec.containers[0].env: [{"name": "EXTRA", "value": "a"}]\n'
        "    was not set: stable takes only what ran as canary in the last finished update (in which no canary ran): "
        "run it as canary first\n"
        "\n"
        "allowed instead, one update after the other:\n"
        "  1. undo in manifest or patches: environment of container web\n"
        "     set canaryPatch in Pulumi.prod.yaml, below config:\n"
        "       canary:canaryPatch:\n"
        "         spec:\n"
        "           template:\n"
        "             spec:\n"
        "               containers:\n"
        "               - name: web\n"
        "                 env:\n"
        "                 - name: EXTRA\n"
        "                   value: a\n"
        "     pulumi config set --stack prod canaryVersion v1\n"
        "     pulumi config set --stack prod canaryReplicas 1\n"
        "     pulumi up --stack prod\n"
        "  2. move canaryPatch into manifest or patches: environment of container web\n"
        "     pulumi config rm canaryPatch --stack prod\n"
        "     pulumi config rm canaryVersion --stack prod\n"
        "     pulumi config rm canaryReplicas --stack prod\n"
        "     pulumi up --stack prod"
    )


@pytest.mark.parametrize(
    ("spelling", "line"), [(ARGUMENTS, 'set "canary_patch": {'), (PROPERTIES, "set canaryPatch: {")]
)
def test_in_a_program_the_patch_is_in_its_language(spelling: Spelling, line: str):
    assert line in refused(release("v1*4"), release("v1+a*4"), spelling)


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_the_printed_patch_makes_the_content_that_is_to_be_proven(data: st.DataObject):
    old, new = data.draw(st.sampled_from(STATES)), data.draw(st.sampled_from(STATES))
    if not broken_rules(old, new):
        return
    text = refused(old, new)
    for part in text.split("  canary:canaryPatch:\n")[1:]:
        block = "\n".join(line for line in ("x:", *part.splitlines()) if line == "x:" or line.startswith(" " * 9))
        patch: Any = yaml.safe_load(block)["x"]
        made = [merged("Deployment", each.deployment, patch) for each in (old.stable, new.stable)]
        tracks = [each.deployment for each in (old.stable, old.canary, new.stable, new.canary) if each]
        assert any(each in tracks for each in made)


def test_what_is_undone_names_the_services_that_change_with_it():
    [service] = BASE.services
    other = with_value(service, ("spec", "ports", 0, "port"), 80)
    text = refused(release("v1*2"), release("v2*2", services=(other,)))
    assert "  1. undo in manifest or patches: Service shop: ports\n" in text
    assert "  2. change again in manifest or patches: Service shop: ports\n" in text


@pytest.mark.parametrize(
    ("new", "kept"),
    [
        (
            with_deployment(release("v1*2"), ("metadata", "name"), "other"),
            "undo in manifest or patches: name of Deployment shop",
        ),
        (
            with_deployment(release("v1*2"), ("metadata", "namespace"), "other"),
            "pulumi config set --stack prod namespace default",
        ),
        (
            with_deployment(release("v1*2"), ("spec", "selector", "matchLabels", "tier"), "web"),
            "undo in manifest or patches: selector of Deployment shop",
        ),
    ],
)
def test_a_release_that_is_renamed_is_told_to_move_over_or_to_keep_what_runs(new: Release, kept: str):
    text = refused(release("v1*2"), new)
    assert "declare a second release beside this one, move its users over, remove this one" in text
    assert text.endswith(f"or keep what runs:\n  {kept}")


def test_the_label_that_tells_the_tracks_apart_is_named_where_nothing_else_differs():
    text = refused(release("v1*2"), replace(release("v1*2"), track_label="version"))
    assert '  manifest.spec.selector: "version"\n    was "track"' in text
    assert text.endswith("or keep what runs: undo what is named above")


def test_values_with_braces_are_shown_as_they_are():
    text = refused(release("v1+{a}*2"), release("v1+{b}*2"))
    assert '"{b}"' in text
    assert 'was "{a}":' in text


@pytest.mark.parametrize(
    ("state", "old", "new", "way"),
    [
        (
            State.FAILURE,
            release("v1*2", "v2*1"),
            release("v2*2", "v2*0"),
            "v2 keeps 33.3 % as canary; to stop it:\n"
            "  1. pulumi config set --stack prod stableVersion v1\n"
            "     pulumi up --stack prod\n",
        ),
        (
            State.FAILURE,
            release("v1*2", "v2*1", fixed_total=3),
            release("v1*1", "v2*2", fixed_total=3),
            "v2 keeps 33.3 % as canary; to stop it:\n"
            "  1. pulumi config set --stack prod stableReplicas 3\n"
            "     pulumi config set --stack prod canaryReplicas 0\n"
            "     pulumi up --stack prod\n",
        ),
        (
            State.INCONCLUSIVE,
            release("v1*2", "v2*1"),
            release("v2*2", "v2*0"),
            "when there are answers and enough traffic, run the same command again:\n  pulumi up --stack prod\n",
        ),
    ],
)
def test_a_refusal_of_gates_has_every_sample_and_what_can_be_done(state: State, old: Release, new: Release, way: str):
    verdict = Verdict({"rate": state}, [Sample(state, value=0.5, check="rate", number=1, at="2026-11-24T22:15:31Z")])
    text = gate_refusal("shop", Update(old, new), verdict, PROD)
    assert text.startswith(f"CanaryRelease 'shop': the gates refuse this update (rate: {state.value}), and nothing of ")
    assert f" was changed. It {sentence(Update(old, new))}\n\n{verdict.table()}\n\n{way}" in text
    assert text.endswith("skipTransitionChecks skips gates and rules in an emergency")
