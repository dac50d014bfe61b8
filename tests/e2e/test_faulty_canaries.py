"""Canaries that fail, and clusters that refuse them: stable keeps serving, and the update says why it failed.

Nothing is lost in any of them: the next update with a good config works. The counts of the client are printed.
"""

from collections.abc import Callable

import pytest
from project import Stack, until


@pytest.fixture
def stable(fresh_stack: Stack) -> Stack:
    """Stable alone, whose canaries have fifteen seconds."""
    fresh_stack.unset("canaryVersion")
    fresh_stack.configure(canaryReplicas=0)
    fresh_stack.wait_for_pods(15)
    container = {
        "name": "testapp",
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 2},
    }
    fresh_stack.patch("Deployment", {"template": {"spec": {"containers": [container]}}})
    fresh_stack.up()
    until(lambda: len(fresh_stack.endpoints()) == 2, "two endpoints")
    return fresh_stack


def ends_well(stack: Stack) -> None:
    """The canary is removed with the documented commands, and what is left is what the config says."""
    stack.configure(canaryReplicas=0)
    stack.wait_for_pods(15)
    stack.unset("canaryVersion")
    assert "repairs an update that did not finish" in stack.up().text
    assert stack.planned("--refresh") == {"same": 4}
    until(lambda: len(stack.endpoints()) == 2, "two endpoints")


def test_a_canary_that_never_gets_ready_gets_no_request(stable: Stack, traffic_on: Callable):
    with traffic_on(stable.node_port) as traffic:
        stable.configure(canaryVersion="v0.4-never-ready", canaryReplicas=1)
        assert "it runs, but is not ready (Unhealthy)" in stable.failing_up().text
        traffic.next(200)
        ends_well(stable)
    assert traffic.failures == []
    assert set(traffic.versions) == {"v0.1"}


def test_a_canary_that_crashes_after_it_was_ready_fails_the_update_when_it_must_stay_ready(
    stable: Stack, traffic_on: Callable
):
    """Lost are only connections to the crashed pod until the kubelet has seen its end, about a second each time."""
    with traffic_on(stable.node_port) as traffic:
        stable.configure(canaryVersion="v0.4-crashes", canaryReplicas=1)
        stable.wait_for_pods(15, min_ready=8)
        failed = stable.failing_up()
        assert "exit code 1" in failed.text, failed
        ends_well(stable)
        assert set(traffic.next(200)) == {"v0.1"}
    print(traffic, *traffic.failures, sep="\n")
    assert traffic.versions["v0.4-crashes"] > 0
    crash = ("ConnectionResetError", "ConnectionRefusedError", "RemoteDisconnected")
    assert all(any(error in failure for error in crash) for failure in traffic.failures), traffic.failures
    assert len(traffic.failures) < traffic.versions["v0.4-crashes"], "the canary's own, and fewer than it answered"


def test_a_canary_whose_readiness_flaps_fails_the_update_and_no_request(stable: Stack, traffic_on: Callable):
    with traffic_on(stable.node_port) as traffic:
        probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
        container = {"name": "testapp", "readinessProbe": probe}
        stable.patch_canary({"template": {"spec": {"containers": [container]}}})
        stable.configure(canaryVersion="v0.4-flaps", canaryReplicas=1)
        stable.wait_for_pods(15, min_ready=8)
        stable.failing_up()
        stable.unset("canaryPatch")
        ends_well(stable)
        traffic.next(100)
    assert traffic.failures == []


def test_a_quota_that_forbids_the_canarys_pod_is_named(stable: Stack, traffic_on: Callable):
    stable.kubectl("create", "quota", "full", "--hard=pods=2")
    until(lambda: stable.get("quota", "full").get("status", {}).get("used"), "a quota that counts")
    with traffic_on(stable.node_port) as traffic:
        stable.configure(canaryVersion="v0.2", canaryReplicas=1)
        assert "exceeded quota: full" in stable.failing_up().text
        traffic.next(100)
        ends_well(stable)
    assert traffic.failures == []


def test_of_two_updates_at_once_the_second_is_refused_and_the_first_finishes(stable: Stack, traffic_on: Callable):
    stable.configure(canaryVersion="v0.2", canaryReplicas=1)
    stable.wait_for_pods(15, min_ready=6)
    with traffic_on(stable.node_port) as traffic:
        first = stable.start("pulumi", "up", "--yes", "--skip-preview")
        until(stable.locks, "a lock")
        second = stable.run("pulumi", "up", "--yes", "--skip-preview")
        assert second.code != 0, second
        assert "the stack is currently locked by 1 lock(s)" in second.text, second
        output, _ = first.communicate()
        assert first.returncode == 0, output
    assert traffic.failures == []
    assert stable.planned("--refresh") == {"same": 5}
