"""Objects as the API server lists them, for the tests of what the watch makes of them."""

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from components.release import Release
from observe.cluster import Objects

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=timezone.utc)
BEFORE = "2026-05-01T11:55:00Z"
ARGUMENTS: dict[str, Any] = {
    "app": "shop",
    "name": "shop",
    "image": "example/shop",
    "stable_version": "v1",
    "stable_replicas": 2,
    "canary_version": "v2",
    "canary_replicas": 1,
}
READY = {"type": "Ready", "status": "True"}
UNREADY = {"type": "Ready", "status": "False"}


def release(**arguments: Any) -> Release:
    """Two pods of v1 and one of v2, but for the arguments."""
    return Release.of({**ARGUMENTS, **arguments})  # type: ignore[arg-type]


def deployment(name: str, version: str, replicas: int, *conditions: dict[str, str]) -> dict[str, Any]:
    separator = "@" if version.startswith("sha256:") else ":"
    container = {"name": "shop", "image": f"example/shop{separator}{version}"}
    return {
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [container]}}},
        "status": {"conditions": list(conditions)},
    }


def pod(track: str, name: str, version: str, condition: dict[str, str] = READY, **status: Any) -> dict[str, Any]:
    labels = {"app": "shop", "version": track}
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "labels": labels, "creationTimestamp": BEFORE},
        "spec": {
            "containers": [{"name": "sidecar", "image": "mesh:1"}, {"name": "shop", "image": f"example/shop:{version}"}]
        },
        "status": {"phase": "Running", "conditions": [condition], **status},
    }


def endpoints(*names: str, **conditions: bool) -> dict[str, Any]:
    """An EndpointSlice with the pods."""
    conditions = conditions or {"ready": True}
    listed = [
        {"addresses": ["10.0.0.1"], "conditions": conditions, "targetRef": {"kind": "Pod", "name": name}}
        for name in names
    ]
    return {"endpoints": listed}


def event(pod_name: str, reason: str, message: str, time: str = BEFORE) -> dict[str, Any]:
    involved = {"kind": "Pod", "name": pod_name, "uid": f"uid-{pod_name}"}
    return {"involvedObject": involved, "reason": reason, "message": message, "lastTimestamp": time}


def objects(
    deployments: Sequence[dict[str, Any]] = (deployment("shop", "v1", 2), deployment("shop-canary", "v2", 1)),
    pods: Sequence[dict[str, Any]] = (
        pod("stable", "s1", "v1"),
        pod("stable", "s2", "v1"),
        pod("canary", "c1", "v2"),
    ),
    slices: Sequence[dict[str, Any]] = (endpoints("s1", "s2", "c1"),),
    events: Sequence[dict[str, Any]] = (),
) -> Objects:
    """The objects of a release that runs as configured, but for what is given."""
    return Objects(list(deployments), list(pods), list(slices), list(events))
