"""What an update does is told before it happens, and what would hurt is refused with nothing touched."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from project import Ended, Stack, until

ALLOWED_INSTEAD = """\
allowed instead, one update after the other:
  1. pulumi config set --stack dev stableVersion v0.1
     pulumi config set --stack dev canaryVersion v0.3
     pulumi config set --stack dev canaryReplicas 1
     pulumi up --stack dev
  2. pulumi config set --stack dev stableVersion v0.3
     pulumi config set --stack dev canaryVersion v0.2
     pulumi config set --stack dev canaryReplicas 0
     pulumi up --stack dev
"""


def indented(text: str) -> str:
    """As the engine shows a message."""
    return "".join(f"    {line}\n" for line in text.splitlines())


def state(stack: Stack) -> dict[str, Any]:
    """All that the backend knows of the stack, but for the time at which it was written."""
    exported = stack.exported()
    exported["manifest"].pop("time")
    return exported


def everything(stack: Stack) -> str:
    """The objects of the namespace as the API server has them, with their resource versions."""
    return stack.kubectl("get", "deployments,replicasets,pods,services", "--output", "json", "--show-managed-fields")


def settled(stack: Stack) -> Stack:
    """The stack, once Kubernetes is done with its pods."""
    pods = stack.outputs()["totalPods"]
    until(lambda: len(stack.endpoints()) == len(stack.get("pods")["items"]) == pods, f"{pods} pods and no other")
    return stack


@pytest.fixture
def deployed(fresh_stack: Stack) -> Stack:
    fresh_stack.up()
    return settled(fresh_stack)


def test_an_update_shows_its_exposure_in_the_preview_and_while_it_runs(deployed: Stack):
    deployed.configure(canaryReplicas=2)
    table = indented(
        f"k8s-testapp in {deployed.namespace}: widens the canary from 33.3 % to 50.0 %\n"
        "                before     after\n"
        "stable          v0.1 x 2   v0.1 x 2\n"
        "canary          v0.2 x 1   v0.2 x 2\n"
        "canary's share  33.3 %     50.0 %\n"
        "pods meanwhile  at most 4  at least 3 ready\n"
    )
    assert table in deployed.good("pulumi", "preview").text
    assert table in deployed.up().text
    assert "canary's share" not in deployed.up(preview=True).text, "an unchanged release has nothing to tell"


def test_a_refused_update_leaves_cluster_and_state_as_they_are_and_prints_the_way(deployed: Stack):
    deployed.configure(stableVersion="v0.3", canaryReplicas=0)
    before = state(deployed), everything(deployed)
    for command in (["preview"], ["up", "--yes"], ["up", "--yes", "--skip-preview"]):
        refused = deployed.run("pulumi", *command)
        assert refused.code != 0, refused
        assert 'stableVersion: "v0.3"' in refused.text, refused
        assert "stable takes only what ran as canary in the last finished update (which ran v0.2)" in refused.text
        assert indented(ALLOWED_INSTEAD) in refused.text, refused
        assert "Traceback" not in refused.text, refused
    assert (state(deployed), everything(deployed)) == before


def test_the_way_of_a_refusal_leads_to_the_goal_command_by_command(deployed: Stack):
    deployed.configure(stableVersion="v0.3", canaryReplicas=0)
    deployed.failing_up()
    for line in ALLOWED_INSTEAD.splitlines()[1:]:
        command = line.removeprefix("  1. ").removeprefix("  2. ").split()
        deployed.good(*command, *(["--yes"] if command[1] == "up" else []))
    assert deployed.outputs()["stableVersion"] == "v0.3"


def test_stable_rolls_back_to_what_it_ran_and_to_nothing_else(deployed: Stack):
    deployed.configure(stableVersion="v0.2", canaryReplicas=0)
    deployed.up()
    deployed.up()  # An unchanged update forgets nothing.
    deployed.configure(stableVersion="v0.9-typo")
    refused = deployed.failing_up().text
    assert "was changed. It gives stable v0.9-typo, which no canary proved" in refused, refused
    assert "stable rolls back only to what it ran before its last change" in refused, refused
    deployed.configure(stableVersion="v0.1")
    assert "never ran" not in deployed.up().text
    deployed.configure(stableVersion="v0.2", canaryVersion="v0.1")
    assert "rolls back to v0.2" in deployed.up().text


def test_skipping_the_checks_runs_the_update_and_warns_each_time(deployed: Stack):
    deployed.configure(stableVersion="v0.3", canaryReplicas=0, skipTransitionChecks="true")
    warning = "warning: skipTransitionChecks is set: no rule guards the updates of CanaryRelease 'release'"
    assert warning in deployed.good("pulumi", "preview").text
    assert warning in deployed.up().text
    assert warning in deployed.up().text
    assert deployed.changes() == {"same": 5}


def test_a_first_deploy_with_a_mistyped_version_is_repaired(fresh_stack: Stack):
    fresh_stack.wait_for_pods(5)
    fresh_stack.configure(stableVersion="v9.9")
    fresh_stack.failing_up()
    fresh_stack.wait_for_pods(60)
    fresh_stack.configure(stableVersion="v0.1")
    assert "repairs an update that did not finish" in fresh_stack.up().text
    assert fresh_stack.planned() == {"same": 5}


def test_after_a_failed_canary_going_back_works_and_promoting_it_is_refused(deployed: Stack):
    deployed.wait_for_pods(5)
    deployed.configure(canaryVersion="v9.9")
    deployed.failing_up()
    deployed.failing_up()
    deployed.configure(stableVersion="v9.9", canaryReplicas=0)
    assert "the last update did not finish" in deployed.failing_up().text
    deployed.wait_for_pods(60)
    deployed.configure(stableVersion="v0.1", canaryVersion="v0.2", canaryReplicas=1)
    assert "repairs an update that did not finish" in deployed.up().text
    assert deployed.planned() == {"same": 5}


@pytest.mark.parametrize("options", [[], ["--parallel", "1"]], ids=["parallel", "one-at-a-time"])
def test_what_grows_goes_first_and_what_shrinks_goes_last(fresh_stack: Stack, options: list[str]):
    stack = fresh_stack
    stack.configure(stableReplicas=4, canaryReplicas=1)
    stack.wait_for_pods(120, min_ready=2)
    stack.up()
    stack.configure(stableReplicas=2, canaryReplicas=2)
    assert order_of(stack.up(*options)) == ["release-canary", "release-stable"]
    stack.configure(stableReplicas=4, canaryReplicas=1)
    assert order_of(stack.up(*options)) == ["release-stable", "release-canary"]


def test_a_canary_that_cannot_grow_keeps_stable_from_shrinking_also_in_a_retry(deployed: Stack):
    deployed.configure(stableReplicas=4)
    deployed.wait_for_pods(60)
    deployed.up()
    settled(deployed)
    deployed.configure(canaryReplicas=2, stableReplicas=2)
    deployed.wait_for_pods(5)
    deployed.kubectl("create", "quota", "full", "--hard=pods=5")
    try:
        for _ in range(2):
            assert "exceeded quota: full" in deployed.failing_up().text
            assert deployed.deployment("k8s-testapp")["spec"]["replicas"] == 4
    finally:
        deployed.kubectl("delete", "quota", "full")
    deployed.wait_for_pods(60)
    deployed.up()
    assert deployed.deployment("k8s-testapp")["spec"]["replicas"] == 2


def order_of(update: Ended) -> list[str]:
    """The Deployments in the order in which their updates ended."""
    ended = [line.split() for line in update.stdout.splitlines() if " updated (" in line]
    return [words[2] for words in ended if words[1] == "kubernetes:apps/v1:Deployment"]


BROKEN_HOOK = """import canary_release.hooks.guard

def fail(*_):
    raise TimeoutError()

canary_release.hooks.guard.broken_by_update = fail
"""


def test_an_error_without_text_in_the_rules_does_not_pass_for_success(deployed: Stack):
    program = deployed.folder / "__main__.py"
    program.write_text(BROKEN_HOOK + program.read_text())
    deployed.configure(canaryReplicas=2)
    before = state(deployed)
    refused = deployed.failing_up()
    assert "the rules of CanaryRelease 'release' could not be checked: TimeoutError()" in refused.text
    assert state(deployed) == before


PAIR = """import pulumi
from canary_release import CanaryRelease, end_quietly_on_interrupt

end_quietly_on_interrupt()
config = pulumi.Config()
for name in ("red", "blue"):
    CanaryRelease(name, {
        "manifest": f"{name}.yaml",
        "namespace": config.require("namespace"),
        "stable_version": config.require(name),
    })
"""


def test_two_releases_of_a_program_of_its_own_are_announced_and_refused_by_name(namespace: Callable, tmp_path: Path):
    with namespace() as name:
        stack = Stack.program(tmp_path, name, PAIR, "red", "blue")
        stack.configure(red="v0.1", blue="v0.1")
        first = stack.up().text
        for release in ("red", "blue"):
            assert f"{release} in {name}: deploys for the first time" in first
        stack.configure(red="v0.2")
        refused = stack.failing_up().text
        assert "CanaryRelease 'red': this update is refused, and nothing of this release was changed" in refused
        assert '1. stable_version = "v0.1"\n' in refused, "the arguments of the program, not config keys"
        assert "blue" not in refused
