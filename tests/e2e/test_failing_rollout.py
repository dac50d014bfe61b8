"""A version that does not become ready fails its update with a message and no traceback; the rest of the release
keeps serving.
"""

from collections.abc import Callable
from typing import Any

import pytest
from project import Ended, Stack, until


@pytest.fixture(scope="module")
def deployed(stack: Stack) -> Stack:
    stack.wait_for_pods(15)
    stack.up()
    until(lambda: len(stack.endpoints()) == 3, "three endpoints")
    return stack


def untouched(stack: Stack, *names: str) -> dict[str, Any]:
    """Spec and generation of the Deployments and of the Service: what must be the same before and after."""
    objects = {name: stack.deployment(name) for name in names} | {"service": stack.get("service", "myapp-svc")}
    return {name: (each["spec"], each["metadata"].get("generation")) for name, each in objects.items()}


def fails_in_words(failed: Ended) -> None:
    assert "ImagePullBackOff" in failed.text or "ErrImagePull" in failed.text, failed


def test_a_canary_that_cannot_start_touches_nothing_else(deployed: Stack, traffic_on: Callable):
    before = untouched(deployed, "k8s-testapp")
    with traffic_on(deployed.node_port) as traffic:
        deployed.configure(canaryVersion="v9.9")
        fails_in_words(deployed.failing_up())
        assert untouched(deployed, "k8s-testapp") == before

        deployed.configure(canaryVersion="v0.2")
        deployed.up()
        traffic.next(100)
    assert deployed.planned() == {"same": 5}
    assert untouched(deployed, "k8s-testapp") == before
    assert traffic.failures == []
    assert "v9.9" not in traffic.versions


def test_a_stable_version_that_cannot_start_leaves_old_stable_and_canary_serving(deployed: Stack, traffic_on: Callable):
    before, pods = untouched(deployed, "k8s-testapp-canary"), deployed.pods()
    with traffic_on(deployed.node_port) as traffic:
        # The rules refuse a version that no canary proved, which is how this one gets there.
        deployed.configure(stableVersion="v9.9", canaryReplicas=0, skipTransitionChecks="true")
        fails_in_words(deployed.failing_up())
        assert untouched(deployed, "k8s-testapp-canary") == before
        assert pods.items() < deployed.pods().items(), "all old pods, and the one that does not start"
        assert set(traffic.next(100)) == {"v0.1", "v0.2"}

        deployed.unset("skipTransitionChecks")
        deployed.configure(stableVersion="v0.2")
        deployed.up()
        until(lambda: len(deployed.endpoints()) == 2, "two endpoints")
        until(lambda: set(traffic.next(50)) == {"v0.2"}, "answers of v0.2 alone")
    assert deployed.planned() == {"same": 5}
    assert traffic.failures == []
