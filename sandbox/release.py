"""The stack: its updates through plain `pulumi` commands, and what the sandbox's cluster shows of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.error import URLError

from sandbox import cluster
from sandbox.environment import (
    PROJECT,
    SANDBOX,
    STACK,
    STATE,
    VENV,
    SandboxError,
    installed,
    sandbox_environment,
    sandbox_variables,
)

RECOVERING = STATE / "recovering"
UPSERT = {"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"}


def pulumi(stack: str, *arguments: str, **variables: str) -> None:
    """Runs one `pulumi` command on the stack; its failure, told by pulumi itself, ends this command too."""
    environment = sandbox_environment() if stack == STACK else _own_environment()
    done = subprocess.run(["pulumi", *arguments, "--stack", stack], cwd=PROJECT, env={**environment, **variables})
    if done.returncode:
        raise SystemExit(done.returncode)


def _own_environment() -> dict[str, str]:
    """The operator's, for stacks outside the sandbox."""
    return {**os.environ, "PATH": os.pathsep.join([str(VENV / "bin"), os.environ.get("PATH", os.defpath)])}


def check_official(stack: str) -> None:
    """Stacks other than the sandbox's run with the official pulumi and the operator's own login and kubeconfig."""
    problems: list[str] = []
    if not installed("pulumi"):
        problems.append("no `pulumi` on PATH: install the Pulumi CLI from https://www.pulumi.com/docs/install")
    borrowed = [
        key
        for key, value in sandbox_variables().items()
        if key != "PULUMI_SKIP_UPDATE_CHECK" and os.environ.get(key) == value
    ]
    if borrowed:
        problems.append(f"{', '.join(borrowed)} come from .sandbox/env: open a new shell, or unset them")
    if problems:
        text = "\n".join(f"  - {problem}" for problem in problems)
        raise SandboxError(f"stack {stack} is outside the sandbox and cannot be reached:\n{text}")


def check_running() -> None:
    if not cluster.is_running():
        raise SandboxError("the sandbox does not run: `make up` starts it")


def forget() -> None:
    """Deletes the dev stack's state, which describes objects of a cluster that is gone."""
    shutil.rmtree(STATE, ignore_errors=True)
    (SANDBOX / "env").unlink(missing_ok=True)


def select() -> None:
    """Makes the dev stack in the file backend if it is not there."""
    STATE.mkdir(parents=True, exist_ok=True)
    if not list(STATE.glob(f".pulumi/stacks/*/{STACK}.json*")):
        environment = sandbox_environment()
        subprocess.run(["pulumi", "stack", "init", STACK, "--no-select"], cwd=PROJECT, env=environment, check=True)


def update(stack: str) -> None:
    """Brings the stack to what its file says; in the sandbox also after an update that was killed."""
    if stack != STACK:
        pulumi(stack, "up")
        return
    select()
    if _killed_update():
        print("the last update was killed: recovering", flush=True)
        recover(stack)
    else:
        pulumi(stack, "up", "--yes")


def recover(stack: str) -> None:
    """The way out of a killed engine: drops its lock, adopts what it created but did not record, finishes."""
    yes = ["--yes"] if stack == STACK else []
    if stack == STACK:
        RECOVERING.touch()
    pulumi(stack, "cancel", *yes)
    pulumi(stack, "refresh", "--clear-pending-creates", *yes, **UPSERT)
    pulumi(stack, "up", *yes, **UPSERT)
    RECOVERING.unlink(missing_ok=True)


def _killed_update() -> bool:
    """A recovery did not end, or the lock is of an engine that is gone: its process id is free or a later process's."""
    for lock in STATE.glob(f".pulumi/locks/**/{STACK}/*.json"):
        process = Path("/proc", str(json.loads(lock.read_text())["pid"]))
        if not process.exists() or process.stat().st_ctime > lock.stat().st_mtime:
            return True
    return RECOVERING.exists()


def wait_until_ready(seconds: int = 60) -> None:
    """After a restart of the machine the pods need a moment; an update itself has waited for them already."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        deployments = cluster.api("/apis/apps/v1/deployments")["items"]
        if all(item["spec"]["replicas"] == item["status"].get("readyReplicas", 0) for item in deployments):
            return
        time.sleep(0.5)


def show() -> None:
    """Pods, endpoints and share of each Service with a node port, in a few lines."""
    check_running()
    try:
        services = cluster.api("/api/v1/services")["items"]
        pods = cluster.api("/api/v1/pods")["items"]
        slices = cluster.api("/apis/discovery.k8s.io/v1/endpointslices")["items"]
    except URLError as error:
        raise SandboxError(f"the API server does not answer ({error.reason}): `make up` repairs it") from error
    released = [service for service in services if service["spec"]["type"] == "NodePort"]
    for service in released:
        print("\n".join(describe(service, pods, slices)), flush=True)
    if not released:
        print("nothing is released: `make up` deploys the dev stack", flush=True)


def describe(service: dict[str, Any], pods: list[dict[str, Any]], slices: list[dict[str, Any]]) -> list[str]:
    """The lines of one Service: its address, pods with version and readiness, endpoints, and share of ready pods."""
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    labels = service["spec"]["selector"].items()
    selected = [
        pod
        for pod in pods
        if pod["metadata"]["namespace"] == namespace and labels <= pod["metadata"].get("labels", {}).items()
    ]
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


NEXT_COMMANDS = f"""
try next:
  curl 127.0.0.1:{cluster.NODE_PORT}          again and again: the versions alternate
  . .sandbox/env                pulumi and kubectl of the sandbox for this shell, then:
  pulumi config set canaryReplicas 2 && pulumi up
  make status                   pods, endpoints and share
  make down                     ends the sandbox"""
