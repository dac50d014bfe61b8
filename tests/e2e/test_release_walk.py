"""One canary from start to promotion, and the end of its release, under a client that opens a connection per request.

The steps are fixtures, each built on the one before; the tests state what is true after a step.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import comb
from typing import Any

import pytest
from project import Ended, Stack, until
from traffic import Traffic

IMAGE = "arisu1000/simple-container-app"


@dataclass(frozen=True)
class Step:
    """What an update did and what it left behind."""

    planned: dict[str, Any]
    update: Ended
    changes: dict[str, int]
    stable: dict[str, Any]
    canary: dict[str, Any]
    service: dict[str, Any]
    pods: dict[str, str]
    outputs: dict[str, Any]


def take(stack: Stack) -> Step:
    """Previews and updates, and waits until the endpoints are those of the pods."""
    planned, update = stack.preview(), stack.up()
    changes, outputs = stack.changes(), stack.outputs()
    until(lambda: len(stack.endpoints()) == outputs["totalPods"], f"{outputs['totalPods']} endpoints: {update}")
    return Step(
        planned,
        update,
        changes,
        stack.deployment("k8s-testapp"),
        stack.deployment("k8s-testapp-canary"),
        stack.get("service", "myapp-svc"),
        stack.pods(),
        outputs,
    )


@pytest.fixture(scope="module")
def seed(stack: Stack) -> Step:
    return take(stack)


@pytest.fixture(scope="module")
def traffic(stack: Stack, seed: Step) -> Iterator[Traffic]:  # noqa: ARG001 # its Service is there
    with Traffic(stack.node_port) as traffic:
        yield traffic


@pytest.fixture(scope="module")
def shares(traffic: Traffic) -> dict[str, int]:
    """Versions of 300 connections to the seed, once the client has met the canary."""
    until(lambda: traffic.versions["v0.2"], "an answer of the canary")
    return traffic.next(300)


@pytest.fixture(scope="module")
def repeated(stack: Stack, shares: dict[str, int]) -> Step:  # noqa: ARG001
    return take(stack)


@pytest.fixture(scope="module")
def widened(stack: Stack, repeated: Step) -> Step:  # noqa: ARG001
    stack.configure(canaryReplicas=2)
    return take(stack)


@pytest.fixture(scope="module")
def at_zero(stack: Stack, widened: Step) -> Step:  # noqa: ARG001
    stack.configure(canaryReplicas=0)
    return take(stack)


@pytest.fixture(scope="module")
def removed(stack: Stack, at_zero: Step) -> Step:  # noqa: ARG001
    stack.unset("canaryVersion")
    return take(stack)


@pytest.fixture(scope="module")
def started_again(stack: Stack, removed: Step) -> Step:  # noqa: ARG001
    stack.configure(canaryVersion="v0.2", canaryReplicas=1)
    return take(stack)


@pytest.fixture(scope="module")
def promoted(stack: Stack, started_again: Step) -> Step:  # noqa: ARG001
    stack.configure(stableVersion="v0.2", canaryReplicas=0)
    return take(stack)


@pytest.fixture(scope="module")
def rolled_back(stack: Stack, promoted: Step) -> Step:  # noqa: ARG001
    stack.configure(stableVersion="v0.1", canaryReplicas=1)
    return take(stack)


def interval(trials: int, probability: float, confidence: float) -> tuple[int, int]:
    """The smallest and largest number of successes left when each tail has lost at most half of the rest."""
    tail = (1 - confidence) / 2
    below, low, above, high = 0.0, 0, 0.0, trials

    def chance(count: int) -> float:
        return comb(trials, count) * probability**count * (1 - probability) ** (trials - count)

    while below + chance(low) <= tail:
        below, low = below + chance(low), low + 1
    while above + chance(high) <= tail:
        above, high = above + chance(high), high - 1
    return low, high


def operations(step: Step) -> dict[str, str]:
    """What a preview plans for each resource that does not stay as it is, by Pulumi name."""
    return {each["urn"].rpartition("::")[2]: each["op"] for each in step.planned["steps"] if each["op"] != "same"}


def detailed(step: Step, name: str) -> dict[str, str]:
    """The properties of a resource that a preview plans to change, and how."""
    found = next(each for each in step.planned["steps"] if each["urn"].endswith(f"::{name}"))
    return {path: change["kind"] for path, change in found["detailedDiff"].items()}


def container(deployment: dict[str, Any]) -> dict[str, Any]:
    return deployment["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize(
    ("track", "name", "replicas", "version"),
    [("stable", "k8s-testapp", 2, "v0.1"), ("canary", "k8s-testapp-canary", 1, "v0.2")],
)
def test_the_deployments_are_the_seeds(seed: Step, track: str, name: str, replicas: int, version: str):
    deployment = getattr(seed, track)
    labels = {"app": "myapp", "version": track}
    assert deployment["metadata"]["name"] == name
    assert deployment["metadata"]["labels"] == labels
    assert deployment["spec"]["selector"] == {"matchLabels": labels}
    assert deployment["spec"]["template"]["metadata"]["labels"] == labels
    assert deployment["spec"]["replicas"] == deployment["status"]["readyReplicas"] == replicas
    assert len(deployment["spec"]["template"]["spec"]["containers"]) == 1
    assert container(deployment)["name"] == "testapp"
    assert container(deployment)["image"] == f"{IMAGE}:{version}"
    assert container(deployment)["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]


def test_the_service_is_the_seeds(seed: Step, stack: Stack):
    assert seed.service["metadata"]["labels"] == {"app": "myapp"}
    spec = seed.service["spec"]
    assert (spec["type"], spec["selector"]) == ("NodePort", {"app": "myapp"})
    assert spec["ports"] == [{"port": 8080, "targetPort": 8080, "protocol": "TCP", "nodePort": stack.node_port}]


def test_the_release_makes_three_objects_and_no_other(seed: Step):
    assert seed.changes == {"create": 5}, "the three, the release and the stack"


def test_three_pods_stand_behind_the_service(seed: Step):
    assert sorted(seed.pods.values()) == [f"{IMAGE}:v0.1", f"{IMAGE}:v0.1", f"{IMAGE}:v0.2"]


def test_the_outputs_tell_the_release_in_full(seed: Step, stack: Stack):
    assert seed.outputs == {
        "stableVersion": "v0.1",
        "stableReplicas": 2,
        "canaryVersion": "v0.2",
        "canaryReplicas": 1,
        "canaryShare": "33.3 %",
        "totalPods": 3,
        "namespace": stack.namespace,
        "serviceNames": ["myapp-svc"],
        "nodePort": stack.node_port,
        "selector": {"app": "myapp"},
    }


def test_a_third_of_300_connections_reaches_the_canary(shares: dict[str, int]):
    """kube-proxy picks a pod at random, so the share is a third within the 99.9 % interval of the binomial."""
    low, high = interval(300, 1 / 3, 0.999)
    assert (low, high) == (74, 127)
    assert low <= shares["v0.2"] <= high
    assert shares["v0.1"] + shares["v0.2"] == 300


def test_a_second_update_with_the_same_config_changes_nothing(repeated: Step, seed: Step):
    assert repeated.changes == {"same": 5}
    assert repeated.planned["changeSummary"] == {"same": 5}
    assert repeated.pods == seed.pods


def test_widening_starts_pods_and_restarts_none(widened: Step, seed: Step):
    assert operations(widened) == {"release": "update", "release-canary": "update"}
    assert detailed(widened, "release-canary") == {"spec.replicas": "update"}
    assert seed.pods.items() < widened.pods.items()
    assert sorted(widened.pods.values()) == [f"{IMAGE}:v0.1"] * 2 + [f"{IMAGE}:v0.2"] * 2
    assert widened.outputs["canaryShare"] == "50.0 %"


def test_zero_canary_replicas_keep_the_deployment_without_pods(at_zero: Step, traffic: Traffic):
    assert at_zero.canary["spec"]["replicas"] == 0
    assert at_zero.canary["metadata"]["uid"]
    assert list(at_zero.pods.values()) == [f"{IMAGE}:v0.1"] * 2
    assert at_zero.outputs["canaryShare"] == "0.0 %"
    until(lambda: set(traffic.next(50)) == {"v0.1"}, "answers of stable alone")


def test_without_a_canary_version_only_the_canary_deployment_goes(removed: Step, seed: Step, at_zero: Step):
    assert operations(removed) == {"release": "update", "release-canary": "delete"}
    assert removed.canary == {}
    assert removed.stable["metadata"]["generation"] == seed.stable["metadata"]["generation"]
    assert removed.pods == at_zero.pods
    assert "canaryVersion" not in removed.outputs


def test_a_canary_starts_again_beside_the_same_stable_pods(started_again: Step, removed: Step):
    assert operations(started_again) == {"release": "update", "release-canary": "create"}
    assert removed.pods.items() < started_again.pods.items()
    assert started_again.canary["status"]["readyReplicas"] == 1


def test_a_promotion_changes_one_image_and_the_canarys_replicas_and_replaces_nothing(promoted: Step):
    assert operations(promoted) == {"release": "update", "release-stable": "update", "release-canary": "update"}
    assert detailed(promoted, "release-stable") == {"spec.template.spec.containers[0].image": "update"}
    assert detailed(promoted, "release-canary") == {"spec.replicas": "update"}
    assert promoted.changes == {"same": 2, "update": 3}


def test_after_a_promotion_every_pod_runs_the_new_version(promoted: Step, started_again: Step, traffic: Traffic):
    assert list(promoted.pods.values()) == [f"{IMAGE}:v0.2"] * 2
    until(lambda: set(traffic.next(50)) == {"v0.2"}, "answers of v0.2 alone")
    assert promoted.stable["metadata"]["uid"] == started_again.stable["metadata"]["uid"]
    assert promoted.service["spec"] == started_again.service["spec"]


def test_a_rollback_gives_the_manifests_of_before(rolled_back: Step, started_again: Step):
    for track in ("stable", "canary"):
        before, after = getattr(started_again, track), getattr(rolled_back, track)
        assert after["spec"] == before["spec"]
        assert after["metadata"]["labels"] == before["metadata"]["labels"]
    assert rolled_back.service["spec"] == started_again.service["spec"]


def test_no_request_failed_of_at_least_10000_over_the_walk(
    rolled_back: Step,  # noqa: ARG001
    traffic: Traffic,
    tell: Callable[[object], None],
):
    # On a busy machine the client is slower than the updates.
    until(lambda: traffic.requests >= 10_000, "10,000 requests", seconds=120)
    tell(traffic)
    assert traffic.failures == []
    assert set(traffic.versions) == {"v0.1", "v0.2"}


def test_destroy_leaves_nothing_in_the_namespace(rolled_back: Step, stack: Stack, traffic: Traffic):  # noqa: ARG001
    traffic.stop()
    stack.good("pulumi", "destroy", "--yes")
    until(lambda: not stack.objects(), "an empty namespace")
