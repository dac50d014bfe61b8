"""The pods of both tracks are those that the API server has of the newest ReplicaSets."""

from typing import Any

import pytest

from canary_release.gates.pods import LivePods, pods_of
from canary_release.model.deployment import REVISION

from ..model.shop import release

SHOP = release(canary_version="v2", canary_replicas=1)
AT = 1_795_558_530.0
STARTED = "2026-11-24T22:15:30Z"


def replica_set(name: str, deployment: str, revision: int = 1) -> Any:
    owner = [{"kind": "Deployment", "name": deployment, "controller": True}]
    metadata = {"name": name, "uid": f"uid-{name}", "ownerReferences": owner, "annotations": {REVISION: str(revision)}}
    return {"kind": "ReplicaSet", "metadata": metadata}


def pod(name: str, owner: str, ready: str = "True", phase: str = "Running", **status: Any) -> Any:
    owners = [{"kind": "ReplicaSet", "uid": f"uid-{owner}", "controller": True}]
    return {
        "kind": "Pod",
        "metadata": {"name": name, "ownerReferences": owners},
        "status": {
            "phase": phase,
            "startTime": STARTED,
            "conditions": [{"type": "Ready", "status": ready}],
            **status,
        },
    }


GOOD = [
    replica_set("shop-1", "shop"),
    replica_set("shop-canary-1", "shop-canary"),
    pod("shop-1-a", "shop-1"),
    pod("shop-1-b", "shop-1"),
    pod("shop-canary-1-a", "shop-canary-1"),
]


def canary(*objects: Any) -> LivePods:
    return pods_of(SHOP, [*GOOD[:4], *objects])[0]


def test_both_tracks_have_their_pods():
    canary, stable = pods_of(SHOP, GOOD)
    assert canary == LivePods("shop-canary", "shop-canary-1", {"shop-canary-1-a": AT}, {}, [])
    assert (stable.replica_set, sorted(stable.started), stable.troubles) == ("shop-1", ["shop-1-a", "shop-1-b"], [])


def test_pods_of_an_earlier_replica_set_are_left_out():
    new = replica_set("shop-canary-0", "shop-canary", revision=10), pod("shop-canary-0-a", "shop-canary-0")
    assert list(canary(GOOD[4], *new).started) == ["shop-canary-0-a"]


@pytest.mark.parametrize(
    "leaving",
    [
        pod("shop-canary-1-b", "shop-canary-1", phase="Failed", reason="Evicted"),
        {
            **(ending := pod("shop-canary-1-b", "shop-canary-1")),
            "metadata": {**ending["metadata"], "deletionTimestamp": "x"},
        },
        {"kind": "Pod", "metadata": {"name": "by-hand"}, "status": {"phase": "Running"}},
    ],
    ids=["evicted", "about to end", "no one's"],
)
def test_pods_that_have_ended_or_are_others_are_left_out(leaving: Any):
    assert list(canary(GOOD[4], leaving).started) == ["shop-canary-1-a"]


def test_a_missing_pod_is_told():
    assert canary().troubles == ["shop-canary has 0 of 1 pods"]
    assert pods_of(SHOP, [])[1].troubles == ["shop has 0 of 2 pods"]


def test_a_pod_that_is_not_ready_is_told():
    assert canary(pod("p", "shop-canary-1", ready="False")).troubles == ["pod p is not ready"]


@pytest.mark.parametrize("state", ["state", "lastState"])
def test_a_restart_is_told_with_its_time(state: str):
    statuses = [{state: {"terminated": {"finishedAt": "2026-11-24T22:16:30Z"}}}, {"state": {"running": {}}}]
    assert canary(pod("p", "shop-canary-1", containerStatuses=statuses)).restarted == {"p": AT + 60}


def test_a_restart_of_a_native_sidecar_is_told_and_the_end_of_an_init_container_is_none():
    ended = {"terminated": {"finishedAt": "2026-11-24T22:16:30Z"}}
    statuses = [{"name": "proxy", "lastState": ended}, {"name": "migration", "state": ended}]
    init = [{"name": "migration"}, {"name": "proxy", "restartPolicy": "Always"}]
    started = pod("p", "shop-canary-1", initContainerStatuses=statuses) | {"spec": {"initContainers": init}}
    assert canary(started).restarted == {"p": AT + 60}
    once = pod("p", "shop-canary-1", initContainerStatuses=statuses[1:]) | {"spec": {"initContainers": init}}
    assert canary(once).restarted == {}


@pytest.mark.parametrize("revision", ["x", "", "-1", None])
def test_a_revision_that_is_no_number_counts_as_the_oldest(revision: Any):
    odd = replica_set("shop-canary-0", "shop-canary")
    odd["metadata"]["annotations"][REVISION] = revision
    assert list(canary(GOOD[4], odd, pod("shop-canary-0-a", "shop-canary-0")).started) == ["shop-canary-1-a"]


def test_a_pod_that_no_node_has_taken_counts_nothing_yet():
    assert canary(pod("p", "shop-canary-1", phase="Pending", startTime=None)).started == {"p": float("inf")}
