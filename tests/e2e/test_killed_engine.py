"""An engine that is killed leaves a lock and objects that it did not record; one command finishes its update."""

from collections.abc import Callable

import pytest
from project import Stack, kill_tree, until


def kill_during_update(stack: Stack, under_way: Callable[[], bool], what: str) -> None:
    """Starts an update and kills it, with all its processes, as soon as the cluster shows how far it is."""
    update = stack.start("pulumi", "up", "--yes")
    try:
        until(lambda: update.poll() is not None or under_way(), what)
        assert update.poll() is None, f"the update ended before {what}: {update.communicate()[0]}"
    finally:
        kill_tree(update)
    assert under_way(), f"the update finished in spite of the kill after {what}"


def updates_are_locked(stack: Stack) -> None:
    assert len(stack.locks()) == 1
    assert "locked" in stack.failing_up().text


def finished(stack: Stack, file: bytes, images: list[str]) -> None:
    assert stack.file.read_bytes() == file
    assert set(stack.planned("--refresh")) == {"same"}
    assert sorted(image.rpartition(":")[2] for image in stack.pods().values()) == images
    assert stack.locks() == []


@pytest.fixture
def slow_stack(fresh_stack: Stack) -> Stack:
    """A rollout of it takes long enough to be killed."""
    fresh_stack.wait_for_pods(120, min_ready=4)
    return fresh_stack


def test_a_kill_while_stable_is_created(slow_stack: Stack):
    stack, file = slow_stack, slow_stack.file.read_bytes()

    def under_way() -> bool:
        stable = stack.deployment("k8s-testapp")
        return bool(stable) and stable["status"].get("availableReplicas", 0) < 2

    kill_during_update(stack, under_way, "stable is created")
    updates_are_locked(stack)
    stack.recover()
    finished(stack, file, ["v0.1", "v0.1", "v0.2"])
    updates_on(stack)


def updates_on(stack: Stack) -> None:
    """What a killed update has made belongs to the release alone: further updates pass, and dropped fields go."""
    stack.patch("Deployment", {"revisionHistoryLimit": 5})
    for step in ({"canaryReplicas": 2}, {"stableVersion": "v0.2", "canaryReplicas": 0}, {"stableReplicas": 3}):
        stack.configure(**step)
        stack.up()
    stack.patch("Deployment", {"revisionHistoryLimit": None})
    stack.up()
    assert stack.planned("--refresh") == {"same": 5}
    for name in ("k8s-testapp", "k8s-testapp-canary"):
        assert stack.deployment(name)["spec"]["revisionHistoryLimit"] == 10, "Kubernetes' default"
    assert set(stack.pods().values()) == {"arisu1000/simple-container-app:v0.2"}
    assert len(stack.pods()) == 3


def test_a_kill_while_stable_rolls_in_a_promotion(slow_stack: Stack, traffic_on: Callable):
    stack = slow_stack
    stack.up()
    stack.configure(stableVersion="v0.2", canaryReplicas=0)
    file = stack.file.read_bytes()

    def under_way() -> bool:
        stable = stack.deployment("k8s-testapp")
        image = stable["spec"]["template"]["spec"]["containers"][0]["image"]
        status = stable["status"]
        return image.endswith(":v0.2") and status["replicas"] > status.get("updatedReplicas", 0) > 0

    with traffic_on(stack.node_port) as traffic:
        kill_during_update(stack, under_way, "stable rolls")
        updates_are_locked(stack)
        told = stack.recover().text
        traffic.next(100)
    assert f"Deployment k8s-testapp-canary in {stack.namespace}: v0.2 x 1 => v0.2 x 0; no rule is asked" in told
    finished(stack, file, ["v0.2", "v0.2"])
    assert traffic.failures == []


def test_a_kill_while_the_canary_is_created(slow_stack: Stack, traffic_on: Callable):
    stack = slow_stack
    stack.unset("canaryVersion")
    stack.configure(canaryReplicas=0)
    stack.up()
    stack.configure(canaryVersion="v0.2", canaryReplicas=1)
    file = stack.file.read_bytes()

    def under_way() -> bool:
        canary = stack.deployment("k8s-testapp-canary")
        return bool(canary) and canary["status"].get("availableReplicas", 0) < 1

    with traffic_on(stack.node_port) as traffic:
        kill_during_update(stack, under_way, "the canary is created")
        updates_are_locked(stack)
        stack.recover()
        traffic.next(100)
    finished(stack, file, ["v0.1", "v0.1", "v0.2"])
    assert traffic.failures == []
