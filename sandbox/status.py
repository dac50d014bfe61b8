"""What the sandbox's cluster shows of a release: its address, pods, endpoints and share."""

from __future__ import annotations

import time
import urllib.request
from collections import Counter
from typing import Any
from urllib.error import URLError

from sandbox import cluster, release
from sandbox.environment import LOGS, SandboxError


def wait_until_ready(node_port: int, seconds: int = 60) -> None:
    """After a restart of the machine the release's pods need a moment; an update has waited for them already."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        services, pods = _released(), cluster.api("/api/v1/pods")["items"]
        own = [service for service in services if service["spec"]["ports"][0]["nodePort"] == node_port]
        if all(pod_state(pod) in ("ready", "terminating") for service in own for pod in _selected(service, pods)):
            return
        time.sleep(0.5)


def record_first_answer(node_port: int, began: float) -> None:
    """Leaves the seconds from the beginning to an answer of the release, which the benchmark tells."""
    with urllib.request.urlopen(f"http://127.0.0.1:{node_port}", timeout=10):
        LOGS.mkdir(parents=True, exist_ok=True)
        (LOGS / "first-answer.seconds").write_text(f"{time.monotonic() - began:.0f}\n")


def show() -> None:
    """Pods, endpoints and share of each Service with a node port, in a few lines."""
    release.check_running()
    try:
        services, pods = _released(), cluster.api("/api/v1/pods")["items"]
        slices = cluster.api("/apis/discovery.k8s.io/v1/endpointslices")["items"]
    except URLError as error:
        raise SandboxError(f"the API server does not answer ({error.reason}): `make up` repairs it") from error
    for service in services:
        print("\n".join(describe(service, pods, slices)), flush=True)
    if not services:
        print("nothing is released: `make up` deploys the dev stack", flush=True)


def describe(service: dict[str, Any], pods: list[dict[str, Any]], slices: list[dict[str, Any]]) -> list[str]:
    """The lines of one Service: its address, pods with version and readiness, endpoints, and share of ready pods."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    selected = _selected(service, pods)
    lines = [f"Service {name} in {namespace}: http://127.0.0.1:{service['spec']['ports'][0]['nodePort']}"]
    ready: Counter[str] = Counter()
    for pod in sorted(selected, key=lambda pod: str(pod["metadata"]["name"])):
        version = pod["spec"]["containers"][0]["image"].rpartition(":")[2]
        state = pod_state(pod)
        ready[version] += state == "ready"
        lines.append(f"  pod {pod['metadata']['name']}  {version}  {state}")
    addresses: list[str] = []
    for item in slices:
        of_service = item["metadata"].get("labels", {}).get("kubernetes.io/service-name") == name
        if of_service and item["metadata"]["namespace"] == namespace:
            endpoints: list[dict[str, Any]] = item.get("endpoints") or []
            addresses += [endpoint["addresses"][0] for endpoint in endpoints if endpoint["conditions"].get("ready")]
    lines.append(f"  endpoints {', '.join(sorted(addresses)) or 'none'}")
    for version, count in sorted(ready.items()):
        share = (
            f"{count} of {ready.total()} ready pods, {100 * count / ready.total():.1f} %"
            if ready.total()
            else "no ready pod"
        )
        lines.append(f"  share {version}: {share}")
    return lines


def _released() -> list[dict[str, Any]]:
    services: list[dict[str, Any]] = cluster.api("/api/v1/services")["items"]
    return [service for service in services if service["spec"]["type"] == "NodePort"]


def _selected(service: dict[str, Any], pods: list[dict[str, Any]]) -> list[dict[str, Any]]:
    namespace, labels = service["metadata"]["namespace"], service["spec"].get("selector", {}).items()
    return [
        pod
        for pod in pods
        if pod["metadata"]["namespace"] == namespace and labels <= pod["metadata"].get("labels", {}).items()
    ]


def pod_state(pod: dict[str, Any]) -> str:
    """`ready`, or why not, in Kubernetes' own word."""
    if "deletionTimestamp" in pod["metadata"]:
        return "terminating"
    status = pod["status"]
    if any(
        condition["type"] == "Ready" and condition["status"] == "True" for condition in status.get("conditions", [])
    ):
        return "ready"
    waiting = [container["state"].get("waiting", {}).get("reason") for container in status.get("containerStatuses", [])]
    return next((reason for reason in waiting if reason), "not ready")


def next_commands(node_port: int | None) -> str:
    """What to try after an update."""
    ask = "  curl 127.0.0.1:{:<15}again and again: the versions alternate\n"
    return f"""
try next:
{ask.format(node_port) if node_port else ""}\
  . .sandbox/env                pulumi and kubectl of the sandbox for this shell, then:
  pulumi config set canaryReplicas 2 && pulumi up
  make status                   pods, endpoints and share
  make down                     ends the sandbox"""
