"""What keeps pods from serving, in plain words with Kubernetes' own word."""

from typing import Any

import pytest

from canary_release.text.reasons import of_deployment, of_pod, of_restarts

from ..tools.watch.observed import READY, UNREADY, deployment, event, pod

BACK_OFF = (
    'Back-off pulling image "example/shop:v9": ErrImagePull: failed to resolve reference "example/shop:v9": '
    "example/shop:v9: not found"
)


def container(state: str, last: dict[str, Any] | None = None, restarts: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "name": "shop",
        "image": "example/shop:v9",
        "ready": False,
        "restartCount": restarts,
        "state": {state: fields},
        "lastState": {"terminated": last} if last else {},
    }


CASES: dict[str, tuple[dict[str, Any], list[dict[str, Any]], list[str]]] = {
    "image": (
        {"containerStatuses": [container("waiting", reason="ImagePullBackOff", message=BACK_OFF)]},
        [],
        [
            "its image cannot be pulled (ImagePullBackOff): example/shop:v9: failed to resolve reference "
            '"example/shop:v9": example/shop:v9: not found'
        ],
    ),
    "crash": (
        {"containerStatuses": [container("waiting", {"exitCode": 3, "reason": "Error"}, 1, reason="CrashLoopBackOff")]},
        [],
        ["its container ends again and again (CrashLoopBackOff): exit code 3, 1 restart"],
    ),
    "memory": (
        {
            "containerStatuses": [
                container("waiting", {"exitCode": 137, "reason": "OOMKilled"}, 4, reason="CrashLoopBackOff")
            ]
        },
        [],
        ["its container took more memory than its limit (OOMKilled): exit code 137, 4 restarts"],
    ),
    "secret": (
        {
            "containerStatuses": [
                container("waiting", reason="CreateContainerConfigError", message='secret "db" not found'),
            ]
        },
        [],
        ['what its container needs is not there (CreateContainerConfigError): secret "db" not found'],
    ),
    "volume": (
        {"containerStatuses": [container("waiting", reason="ContainerCreating")]},
        [event("c1", "FailedMount", "configmap not found"), event("other", "FailedMount", "of another pod")],
        ["it is starting (ContainerCreating): configmap not found"],
    ),
    "starting": (
        {"containerStatuses": [container("waiting", reason="ContainerCreating")]},
        [],
        ["it is starting (ContainerCreating)"],
    ),
    "probe": (
        {"containerStatuses": [container("running")]},
        [
            event("c1", "Unhealthy", "Readiness probe failed: newer", "2026-05-01T11:59:00Z"),
            event("c1", "Unhealthy", "Readiness probe failed: older", "2026-05-01T11:58:00Z"),
        ],
        ["it runs, but is not ready (Unhealthy): Readiness probe failed: newer"],
    ),
    "an event of the scheduler's kind": (
        {"containerStatuses": [container("running")]},
        [
            {**event("c1", "Unhealthy", "newer"), "lastTimestamp": None, "eventTime": "2026-05-01T11:59:00.000000Z"},
            event("c1", "Unhealthy", "older", "2026-05-01T11:58:00Z"),
        ],
        ["it runs, but is not ready (Unhealthy): newer"],
    ),
    "no reason": (
        {"containerStatuses": [container("waiting", message=None)]},
        [],
        ["it is not ready (no reason given)"],
    ),
    "probe without events": (
        {"containerStatuses": [container("running", {"exitCode": 1}, 2)]},
        [],
        ["it runs, but is not ready (Unhealthy): no probe has succeeded yet; exit code 1, 2 restarts"],
    ),
    "ended": (
        {"containerStatuses": [container("terminated", exitCode=1, reason="Error")]},
        [],
        ["its container ended (Error): exit code 1, 0 restarts"],
    ),
    "unknown": (
        {"containerStatuses": [container("waiting", reason="SomethingNew", message="as it says")]},
        [],
        ["it is not ready (SomethingNew): as it says"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_pod_that_is_not_ready_says_why(case: str):
    status, events, words = CASES[case]
    assert of_pod(pod("c1", "shop-canary", "v9", UNREADY, **status), events) == words


def test_a_pod_that_no_node_takes_says_why():
    unscheduled = pod("c1", "shop-canary", "v2", UNREADY)
    unscheduled["status"]["conditions"].append(
        {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 Insufficient cpu."}
    )
    assert of_pod(unscheduled, []) == [
        "no node takes it (FailedScheduling): 0/1 nodes are available: 1 Insufficient cpu."
    ]


def test_a_ready_pod_has_nothing_to_say_whatever_happened_before():
    before = container("running", {"exitCode": 1}, 2)
    ready = pod("c1", "shop-canary", "v2", READY, containerStatuses=[before])
    assert of_pod(ready, [event("c1", "BackOff", "x")]) == []


def test_a_pod_that_terminates_has_nothing_to_say():
    leaving = pod("c1", "shop-canary", "v2", UNREADY, containerStatuses=[container("running")])
    leaving["metadata"]["deletionTimestamp"] = "2026-05-01T12:00:00Z"
    assert of_pod(leaving, []) == []


def test_a_deployment_says_what_forbids_its_pods():
    message = 'pods "shop-x" is forbidden: exceeded quota: full, used: pods=2, limited: pods=2'
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    stuck = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    assert of_deployment(deployment("shop", "v1", 3, failure, stuck)) == [
        "a quota forbids its pods (FailedCreate): exceeded quota: full, used: pods=2, limited: pods=2",
        "its rollout does not go on (ProgressDeadlineExceeded)",
    ]
    assert of_deployment(deployment("shop", "v1", 3)) == []


def test_a_long_message_is_cut():
    long = container("waiting", reason="CreateContainerError", message="x" * 1000)
    told = of_pod(pod("c1", "shop-canary", "v2", UNREADY, containerStatuses=[long]), [])[0]
    assert len(told) == 240
    assert told.endswith("…")


def test_a_pod_that_is_ready_tells_how_its_containers_ended_before():
    ended = {"reason": "Error", "exitCode": 1}
    ready = container("running", ended, restarts=2) | {"ready": True}
    restarted = pod("shop-1", "shop", "v9", containerStatuses=[ready])
    assert of_restarts(restarted) == ["its container ended (Error): exit code 1, 2 restarts"]
    assert of_restarts(pod("shop-1", "shop", "v9")) == []


def test_how_a_native_sidecar_ended_before_is_told_as_of_a_container():
    ended = {"reason": "OOMKilled", "exitCode": 137}
    proxy = container("running", ended, restarts=7) | {"name": "proxy"}
    migration = container("running", ended, restarts=1) | {"name": "migration"}
    restarted = pod("shop-1", "shop", "v9", initContainerStatuses=[migration, proxy])
    restarted["spec"]["initContainers"] = [{"name": "migration"}, {"name": "proxy", "restartPolicy": "Always"}]
    told = "its container took more memory than its limit (OOMKilled): exit code 137, 7 restarts"
    assert of_restarts(restarted) == [told]
