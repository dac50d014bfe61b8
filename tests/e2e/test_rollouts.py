"""An update ends when its pods run, whatever the provider says, and the release wins against changes by hand."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from project import Stack, until
from test_interrupted_update import on_a_terminal, shown

HASTY = """import pulumi

def hasty(args):
    if args.type_ == "kubernetes:apps/v1:Deployment":
        args.props["metadata"]["annotations"]["pulumi.com/skipAwait"] = "true"
    return pulumi.ResourceTransformResult(props=args.props, opts=args.opts)

pulumi.runtime.register_resource_transform(hasty)
"""
"""The provider then waits for no Deployment: it is as hasty as it can be."""
REASON = "its image cannot be pulled"
NOT_ENDED = "the update failed, since its pods do not run"
RELEASES = 20
GENEROUS, SHORT = 300, 5
"""Seconds that a pod has to become ready: where all pods of all releases start at once, and where none can start."""
GOOD = {"stable": "v0.1", "canary": "v0.2", "replicas": 0, "deadline": GENEROUS, "canaryDeadline": GENEROUS}
MANY = f"""import pulumi
from canary_release import CanaryRelease, end_quietly_on_interrupt

end_quietly_on_interrupt()
config = pulumi.Config()

def deadline(key):
    return {{"progressDeadlineSeconds": config.require_int(key)}}

for number in range({RELEASES}):
    CanaryRelease(f"release-{{number}}", {{
        "manifest": f"release-{{number}}.yaml",
        "patches": [{{"kind": "Deployment", "spec": deadline("deadline")}}],
        "canary_patch": {{"spec": deadline("canaryDeadline")}},
        "namespace": config.require("namespace"),
        "stable_version": config.require("stable"),
        "stable_replicas": 1,
        "canary_version": config.require("canary"),
        "canary_replicas": config.require_int("replicas"),
        "max_canary_share": 100,
        "skip_transition_checks": True,
    }})
"""
"""Their rules are not asked: what is broken here is what they keep from being declared."""


def counts(deployment: dict[str, Any]) -> dict[str, Any]:
    """What has to be equal once the pods run."""
    status = deployment["status"]
    names = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return {"wanted": deployment["spec"]["replicas"], **{name: status.get(name, 0) for name in names}}


def cannot_pull(stack: Stack) -> bool:
    """Whether a pod waits for an image that is not there."""
    statuses = [each for pod in stack.get("pods")["items"] for each in pod["status"].get("containerStatuses", [])]
    reasons = {each["state"].get("waiting", {}).get("reason") for each in statuses}
    return bool(reasons & {"ErrImagePull", "ImagePullBackOff"})


def asks_for(deployment: str) -> bool:
    """Whether a kubectl that runs now asks for the Deployment."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            program, *arguments = (process / "cmdline").read_text().split("\0")
            if program == "kubectl" and f"deployments.apps/{deployment}" in arguments:
                return True
    return False


@pytest.fixture
def hasty(fresh_stack: Stack) -> Stack:
    program = fresh_stack.folder / "__main__.py"
    program.write_text(HASTY + program.read_text())
    fresh_stack.wait_for_pods(15)
    return fresh_stack


def test_pods_run_when_an_update_ends_also_where_the_provider_does_not_wait(hasty: Stack):
    hasty.wait_for_pods(15, min_ready=3)
    hasty.up()
    assert set(counts(hasty.deployment("k8s-testapp")).values()) == {2}
    assert set(counts(hasty.deployment("k8s-testapp-canary")).values()) == {1}
    hasty.configure(canaryReplicas=2)
    hasty.up()
    assert set(counts(hasty.deployment("k8s-testapp-canary")).values()) == {2}
    hasty.configure(stableVersion="v0.2", canaryReplicas=0)
    hasty.up()
    assert set(counts(hasty.deployment("k8s-testapp")).values()) == {2}
    assert set(counts(hasty.deployment("k8s-testapp-canary")).values()) == {0}


def test_an_update_that_the_provider_ended_too_early_fails_until_it_is_repaired(hasty: Stack):
    hasty.up()
    hasty.configure(canaryVersion="v9.9")
    for _ in range(2):
        failed = hasty.failing_up().text
        assert f"{REASON} (ImagePullBackOff)" in failed or f"{REASON} (ErrImagePull)" in failed, failed
        assert f"CanaryRelease 'release': {NOT_ENDED}" in failed
        assert "an unhandled error occurred" not in failed
    hasty.configure(stableVersion="v9.9", canaryReplicas=0)
    assert "the last update did not finish" in hasty.failing_up().text
    hasty.configure(stableVersion="v0.1", canaryVersion="v0.2", canaryReplicas=1)
    hasty.up()
    assert hasty.planned() == {"same": 5}


def test_the_canary_keeps_its_pods_while_stable_cannot_run(hasty: Stack):
    hasty.up()
    hasty.configure(stableVersion="v9.9", canaryReplicas=0, skipTransitionChecks="true")
    failed = hasty.failing_up().text
    assert f"{REASON} (" in failed
    told = failed.rpartition("Diagnostics:")[2]
    assert told.count(NOT_ENDED) == 1, failed
    assert hasty.deployment("k8s-testapp-canary")["spec"]["replicas"] == 1
    hasty.unset("skipTransitionChecks")
    hasty.configure(stableVersion="v0.2")
    hasty.up()
    assert set(hasty.pods().values()) == {"arisu1000/simple-container-app:v0.2"}


def test_an_unchanged_retry_lets_no_second_deployment_change_before_the_first_runs(hasty: Stack):
    """The provider holds the canary's update for done, and the engine leaves it alone in the retry."""
    hasty.configure(stableReplicas=4)
    hasty.up()
    hasty.configure(stableReplicas=2, canaryReplicas=2)
    hasty.kubectl("create", "quota", "full", "--hard=pods=5")
    try:
        for _ in range(2):
            assert "exceeded quota: full" in hasty.failing_up().text
            assert hasty.deployment("k8s-testapp-canary")["spec"]["replicas"] == 2
            assert hasty.deployment("k8s-testapp")["spec"]["replicas"] == 4
    finally:
        hasty.kubectl("delete", "quota", "full")
    # The controller tries again ever later; a pod that goes makes it try at once.
    hasty.kubectl("delete", "pod", next(name for name in hasty.pods() if "canary" in name))
    hasty.kubectl("rollout", "status", "deployment/k8s-testapp-canary", "--timeout=300s")
    hasty.up()
    assert hasty.deployment("k8s-testapp")["spec"]["replicas"] == 2


def test_a_pod_that_is_missing_does_not_fail_an_update_that_changes_nothing(hasty: Stack):
    def available() -> int:
        return hasty.deployment("k8s-testapp-canary")["status"].get("availableReplicas", 0)

    hasty.up()
    hasty.kubectl("create", "quota", "full", "--hard=pods=2")
    try:
        hasty.kubectl("delete", "pod", next(name for name in hasty.pods() if "canary" in name))
        until(lambda: available() == 0, "no canary pod")
        hasty.up()
        assert available() == 0, "the pod was missing all the time"
    finally:
        hasty.kubectl("delete", "quota", "full")
    assert hasty.changes() == {"same": 5}


def test_a_deployment_that_kubectl_paused_is_resumed_by_the_update_that_changes_it(hasty: Stack):
    hasty.up()
    hasty.kubectl("rollout", "pause", "deployment/k8s-testapp")
    hasty.configure(stableVersion="v0.2", canaryReplicas=0)
    hasty.up()
    assert not hasty.deployment("k8s-testapp")["spec"].get("paused")
    assert set(hasty.pods().values()) == {"arisu1000/simple-container-app:v0.2"}


def test_a_deployment_that_stays_paused_is_named_with_the_command_that_resumes_it(hasty: Stack):
    """The provider undoes what kubectl set under its own name, and leaves what another tool applied."""
    hasty.up()
    paused = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "k8s-testapp", "namespace": hasty.namespace},
        "spec": {"paused": True},
    }
    file = hasty.folder / "paused.json"
    file.write_text(json.dumps(paused))
    hasty.kubectl("apply", "--server-side", "--field-manager=another-tool", "--filename", str(file))
    hasty.configure(stableVersion="v0.2", canaryReplicas=0)
    failed = hasty.failing_up().text
    command = f"kubectl rollout resume deployment/k8s-testapp --namespace {hasty.namespace}"
    assert f"Deployment k8s-testapp in {hasty.namespace}: it is paused; fix: {command}" in failed
    hasty.good(*command.split())
    hasty.up()
    assert set(hasty.pods().values()) == {"arisu1000/simple-container-app:v0.2"}


def test_ctrl_c_while_the_program_waits_for_pods_ends_the_update_and_the_next_one_finishes(hasty: Stack):
    """The engine shows why the program ends only if it still listens."""
    hasty.up()
    hasty.configure(canaryVersion="v9.9")
    hasty.wait_for_pods(300)
    plain = ("--skip-preview", "--non-interactive", "--color", "never")
    process, operator = on_a_terminal(hasty, "pulumi", "up", "--yes", *plain)
    until(lambda: cannot_pull(hasty), "a pod that cannot pull its image")
    until(lambda: asks_for("k8s-testapp-canary"), "the program asks for the Deployment")
    os.write(operator, b"\x03")
    text = " ".join(shown(operator).split())
    assert process.wait(60) != 0, text
    assert "error: update canceled" in text, text
    assert "Traceback" not in text, text
    assert hasty.locks() == []
    hasty.configure(canaryVersion="v0.2")
    hasty.up()
    assert hasty.planned("--refresh") == {"same": 5}
    assert sorted(image.rpartition(":")[2] for image in hasty.pods().values()) == ["v0.1", "v0.1", "v0.2"]


def test_replicas_that_somebody_changes_meanwhile_are_not_what_the_update_declares(hasty: Stack):
    hasty.up()
    hasty.wait_for_pods(300)
    hasty.configure(canaryVersion="v9.9")
    update = hasty.start("pulumi", "up", "--yes", "--skip-preview")
    until(lambda: any(image.endswith(":v9.9") for image in hasty.pods().values()), "a rollout under way")
    hasty.kubectl("scale", "deployment", "k8s-testapp-canary", "--replicas", "0")
    text, _ = update.communicate()
    assert update.returncode != 0, text
    assert "its replicas are 0, not 1; fix: pulumi up --refresh" in text, text
    hasty.configure(canaryVersion="v0.2")
    hasty.up("--refresh")
    assert set(counts(hasty.deployment("k8s-testapp-canary")).values()) == {1}


def test_replicas_that_kubectl_set_are_undone_by_the_next_change(fresh_stack: Stack):
    stack = fresh_stack
    stack.up()
    stack.kubectl("scale", "deployment", "k8s-testapp", "--replicas", "5")
    stack.configure(stableReplicas=4)
    stack.up()
    assert stack.deployment("k8s-testapp")["spec"]["replicas"] == 4
    assert stack.planned("--refresh") == {"same": 5}


def test_a_field_that_the_release_no_longer_declares_goes(fresh_stack: Stack):
    stack = fresh_stack
    container = {"name": "testapp", "env": [{"name": "LEVEL", "value": "debug"}]}
    stack.patch("Deployment", {"template": {"spec": {"containers": [container]}}})
    stack.up()
    stack.patch("Deployment", {"template": {"spec": {"containers": [{"name": "testapp"}]}}})
    stack.configure(skipTransitionChecks="true")
    stack.up()
    for name in ("k8s-testapp", "k8s-testapp-canary"):
        assert "env" not in stack.deployment(name)["spec"]["template"]["spec"]["containers"][0]


@pytest.fixture(scope="module")
def many(namespace: Callable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Many releases in one stack: what happens once in fifty updates shows."""
    with namespace() as name:
        applications = [f"release-{number}" for number in range(RELEASES)]
        yield Stack.program(tmp_path_factory.mktemp("many"), name, MANY, *applications, service=False)


@pytest.mark.parametrize(
    ("good", "broken", "track"),
    [
        (
            [{"replicas": 1}, {"stable": "v0.2"}],
            {"stable": "v0.2", "canary": "v9.9", "replicas": 1, "canaryDeadline": SHORT},
            "canary",
        ),
        ([{"replicas": 1}, {}], {"canary": "v9.9", "replicas": 1, "canaryDeadline": SHORT}, "canary"),
        ([{"replicas": 1}], {"canary": "v9.9", "replicas": 2, "canaryDeadline": SHORT}, "canary"),
        ([{"replicas": 1}], {"stable": "v9.9", "deadline": SHORT}, "stable"),
    ],
    ids=["start after a promotion", "start after a stop", "widen", "promote"],
)
def test_every_update_to_a_version_that_cannot_run_fails_and_none_counts_as_finished(
    many: Stack, good: list[dict[str, Any]], broken: dict[str, Any], track: str
):
    for each in good:
        many.configure(**{**GOOD, **each})
        many.up()
    # Only here a pod has no time: a deadline is no content, and changes with the version.
    many.configure(**{**GOOD, **broken})
    failed = many.run("pulumi", "up", "--yes", "--skip-preview", "--continue-on-error", "--parallel", "40")
    assert failed.code != 0
    state = {each["urn"].rpartition("::")[2]: each for each in many.exported()["resources"]}
    releases = [f"release-{number}" for number in range(RELEASES)]
    finished = [name for name in releases if state[name].get("outputs")]
    assert finished == [], f"counted as finished:\n{failed}"
    for name in releases:
        # The provider names what it saw fail. The program tells the first release that does not end, and ends.
        is_named = state[f"{name}-{track}"].get("initErrors")
        told = [f"({name}-{track}):"] if is_named else [NOT_ENDED, "failed, and does not count as finished"]
        assert any(each in failed.text for each in told), f"{name} is not told:\n{failed}"
