"""What an update is announced as: at most eight lines, with figures that Kubernetes' own rules give."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.announcement import announcement, gate_refusal, most_and_fewest, refusal, resumption, sentence
from components.gates.comparison import State
from components.gates.sampling import Sample, Verdict
from components.objects import stable_deployment
from components.problems import config_keys
from components.release import Release
from components.transition import broken_rules

from .test_transition import release, states


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
        (release("v1*2"), release("v1*2", image="a/b"), "changes no exposure; changes image of both tracks"),
        (release("v1*2"), release("v1*2", service_port=80), "changes no exposure; changes servicePort of the Service"),
    ],
)
def test_every_update_has_its_sentence(old: Release | None, new: Release, text: str):
    assert sentence(old, new) == text


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
        (release("v1*4", "v2*4"), release("v1*4", "v2*4", image="a/b"), 9, 8),
        # A fixed total is never exceeded, and one pod is away while a track rolls.
        (release("v1*3", fixed_total=3), release("v1*2", "v2*1", fixed_total=3), 3, 2),
        (release("v1*2", "v2*1", fixed_total=3), release("v2*3", "v2*0", fixed_total=3), 3, 1),
    ],
)
def test_the_pods_meanwhile_follow_from_order_and_surge(old: Release | None, new: Release, most: int, fewest: int):
    assert most_and_fewest(old, new) == (most, fewest)


@given(data=st.data(), total=st.sampled_from([None, 3]), finished=st.booleans())
@settings(max_examples=200, deadline=None)
def test_the_text_has_at_most_eight_lines_is_plain_and_a_fixed_total_is_kept(
    data: st.DataObject, total: int | None, finished: bool
):
    every = st.sampled_from(states(total=total))
    old, new = data.draw(st.none() | every), data.draw(every)
    text = announcement(old, new, finished)
    lines = text.splitlines()
    assert 6 <= len(lines) <= 8
    assert text.isascii()
    assert "\x1b" not in text
    assert len({line.index(cell) for line, cell in zip(lines[1:3], ("before", new.stable.version), strict=True)}) <= 2
    if total and not (old and broken_rules(old, new)):
        assert most_and_fewest(old, new)[0] <= total


def test_a_fall_of_the_pods_that_serve_is_warned_of():
    last = announcement(release("v1*2", "v2*2"), release("v2*2")).splitlines()[-1]
    assert last == "warning: the pods that serve fall from 4 to 2"


def test_with_one_stable_pod_and_a_fixed_total_nobody_is_ready_while_it_rolls_and_the_text_says_so():
    old, new = release("v1*1", "v2*1", fixed_total=2), release("v2*1", "v3*1", fixed_total=2)
    assert "warning: no stable pod is ready while stable rolls" in announcement(old, new)


def test_a_roll_back_tells_what_the_withdrawn_version_keeps():
    text = announcement(release("v2*2"), release("v1*2", "v2*1"))
    assert "warning: v2 keeps 33.3 % as canary; that v1 once was stable is not checked" in text


def test_a_refusal_names_key_values_rule_and_the_commands():
    old, new = release("v1*4", "v2*1"), release("v1*4", "v3*3")
    assert refusal("shop", old, new, broken_rules(old, new), config_keys("prod")) == (
        "CanaryRelease 'shop': this update changes the canary from v2 to v3 at 42.9 %, and is refused; "
        "nothing was changed\n"
        "\n"
        "  canaryReplicas: 3\n"
        "    was 1: a new canary version starts at no larger share than the old one had: change it, then widen\n"
        "\n"
        "allowed instead, one update after the other:\n"
        "  1. pulumi config set --stack prod canaryReplicas 1\n"
        "     pulumi up --stack prod\n"
        "  2. pulumi config set --stack prod canaryReplicas 3\n"
        "     pulumi up --stack prod"
    )


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
            "when there are answers and enough traffic, the same again:\n  pulumi up --stack prod\n",
        ),
    ],
)
def test_a_refusal_of_gates_has_every_sample_and_what_can_be_done(state: State, old: Release, new: Release, way: str):
    verdict = Verdict({"rate": state}, [Sample("rate", 1, "2026-11-24T22:15:31Z", state, value=0.5)])
    text = gate_refusal("shop", old, new, verdict, config_keys("prod"))
    assert text.startswith(f"CanaryRelease 'shop': this update {sentence(old, new)}, and its gates refuse it (rate: ")
    assert f"; nothing was changed\n\n{verdict.table()}\n\n{way}" in text
    assert text.endswith("skipTransitionChecks goes around gates and rules in an emergency")


def test_a_release_that_is_renamed_is_told_to_move_over():
    old, new = release("v1*2"), release("v1*2", name="other")
    text = refusal("shop", old, new, broken_rules(old, new), config_keys("dev"))
    assert "declare a second release beside this one, move its users over, remove this one" in text
    assert text.endswith(f"or keep what runs:\n  pulumi config set --stack dev name {old.name}")


def test_values_with_braces_are_shown_as_they_are():
    old, new = release("v1*2", container={"args": ["{a}"]}), release("v1*2", "v2*1", container={"args": ["{b}"]})
    text = refusal("shop", old, new, broken_rules(old, new), config_keys("dev"))
    assert '{"args": ["{b}"]}' in text
    assert 'was {"args": ["{a}"]}:' in text


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (release("v1*2"), release("v2*3"), "v1 x 2 => v2 x 3; the config is unchanged"),
        (release("v1*3"), release("v1*2"), "v1 x 3 => v1 x 2; the config is unchanged"),
        (release("v1*2"), release("v1*2"), "v1 x 2 again; the config is unchanged"),
        (None, release(f"sha256:{'1' * 64}*1"), f"none => sha256:{'1' * 64} x 1; the config is unchanged"),
        (None, release("v1*2", image="localhost:5000/shop"), "none => v1 x 2; the config is unchanged"),
    ],
)
def test_what_changes_without_a_change_of_the_config_is_told(old: Release | None, new: Release, text: str):
    told = resumption(stable_deployment(old) if old else None, stable_deployment(new))
    assert told.startswith(f"Deployment {new.name} in {new.namespace}: {text}")


def test_a_manifest_that_transforms_changed_is_told_as_unknown():
    new = stable_deployment(release("v1*2"))
    new["spec"] = {**new["spec"], "replicas": None}
    assert ": v1 x 2 => unknown; " in resumption(stable_deployment(release("v1*2")), new)
