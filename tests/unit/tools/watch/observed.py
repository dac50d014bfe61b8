"""Objects as the API server lists them, for the tests of what the watch makes of them."""

from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from canary_release.model.parsing import Parsed, parse
from canary_release.model.release import Release
from canary_release.model.tree import with_value
from tools.watch.cluster import Objects

from ...model.shop import DEPLOYMENT

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=timezone.utc)
BEFORE = "2026-05-01T11:55:00Z"
READY = {"type": "Ready", "status": "True"}
UNREADY = {"type": "Ready", "status": "False"}
CONTAINERS = [
    {"name": "mesh", "image": "example/mesh:1"},
    {"name": "web", "image": "example/shop:1", "ports": [{"containerPort": 80}]},
]
SHOP: dict[str, Any] = with_value(DEPLOYMENT, ("spec", "template", "spec", "containers"), CONTAINERS)


def service(name: str = "shop", **selector: str) -> dict[str, Any]:
    """A Service in front of both tracks, or of those that the labels select."""
    spec = {"selector": {"app": "shop", **selector}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def release(*services: dict[str, Any], workers: bool = False, **arguments: Any) -> Release:
    """Two pods of v1 and one of v2, but for the arguments; behind the Service shop, but for the Services."""
    manifest = [SHOP, *(services or ([] if workers else [service()]))]
    given = {"stable_version": "v1", "canary_version": "v2", "canary_replicas": 1, "container_name": "web"}
    found = parse({"manifest": manifest, **given, **arguments})
    assert isinstance(found, Parsed), found
    return found.release


def image(version: str, repository: str = "example/shop") -> str:
    return f"{repository}{'@' if version.startswith('sha256:') else ':'}{version}"


def template(version: str, **labels: str) -> dict[str, Any]:
    containers = [{"name": "mesh", "image": "example/mesh:1"}, {"name": "web", "image": image(version)}]
    return {"metadata": {"labels": {"app": "shop", **labels}}, "spec": {"containers": containers}}


def owned(name: str, kind: str, owner: str, **metadata: Any) -> dict[str, Any]:
    references = [
        {"kind": "Other", "name": "other", "uid": "uid-other", "controller": False},
        {"kind": kind, "name": owner, "uid": f"uid-{owner}", "controller": True},
    ]
    return {"name": name, "uid": f"uid-{name}", "ownerReferences": references, **metadata}


def deployment(name: str, version: str, replicas: int, *conditions: dict[str, str]) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": f"uid-{name}"},
        "spec": {"replicas": replicas, "template": template(version)},
        "status": {"conditions": list(conditions)},
    }


def replica_set(of: str, version: str, revision: int = 1) -> dict[str, Any]:
    """A ReplicaSet of a Deployment."""
    name = f"{of}-{version}"
    revisions = {"deployment.kubernetes.io/revision": str(revision)}
    metadata = owned(name, "Deployment", of, annotations=revisions, labels={"pod-template-hash": version})
    return {"metadata": metadata, "spec": {"template": template(version, **{"pod-template-hash": version})}}


def pod(name: str, of: str, version: str, condition: dict[str, str] = READY, **status: Any) -> dict[str, Any]:
    """A pod of a ReplicaSet of a Deployment, with an image that a webhook has rewritten, as the API server has it."""
    metadata = owned(name, "ReplicaSet", f"{of}-{version}", creationTimestamp=BEFORE, labels={"app": "shop"})
    containers = [{"name": "web", "image": f"mirror.local/{image(version)}"}]
    return {
        "metadata": metadata,
        "spec": {"containers": containers},
        "status": {"phase": "Running", "conditions": [condition], **status},
    }


def endpoints(*names: str, of: str = "shop", **conditions: bool) -> dict[str, Any]:
    """An EndpointSlice of a Service with the pods."""
    conditions = conditions or {"ready": True}
    listed = [
        {"addresses": ["10.0.0.1"], "conditions": conditions, "targetRef": {"name": name, "uid": f"uid-{name}"}}
        for name in names
    ]
    return {"metadata": {"labels": {"kubernetes.io/service-name": of}}, "endpoints": listed}


def event(pod_name: str, reason: str, message: str, time: str = BEFORE) -> dict[str, Any]:
    involved = {"kind": "Pod", "name": pod_name, "uid": f"uid-{pod_name}"}
    return {"involvedObject": involved, "reason": reason, "message": message, "lastTimestamp": time}


STABLE, CANARY = deployment("shop", "v1", 2), deployment("shop-canary", "v2", 1)
PODS = (pod("s1", "shop", "v1"), pod("s2", "shop", "v1"), pod("c1", "shop-canary", "v2"))
SETS = (replica_set("shop", "v1"), replica_set("shop-canary", "v2"))


def objects(
    deployments: Sequence[dict[str, Any]] = (STABLE, CANARY),
    sets: Sequence[dict[str, Any]] = SETS,
    pods: Sequence[dict[str, Any]] = PODS,
    slices: Sequence[dict[str, Any]] = (endpoints("s1", "s2", "c1"),),
    events: Sequence[dict[str, Any]] = (),
) -> Objects:
    """The objects of a release that runs as configured, but for what is given."""
    return Objects(list(deployments), list(sets), list(pods), list(slices), list(events))


def changed(item: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with a value at a path such as `spec/replicas`."""
    return with_value(item, path.split("/"), value)
