"""Waiting until what was written is running, and saying why when it is not."""

import time
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

from api import Api, Manifest, UnreachableError

POLL_SECONDS = 0.2
DEFAULT_TIMEOUT_SECONDS = 600

Say = Callable[[str], None]


class NotReadyError(Exception):
    """`reasons`: what is missing, then what the pods say about it."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def timeout_seconds(manifest: Manifest, custom: float) -> float:
    """The resource's custom timeout, else its annotation, else ten minutes."""
    annotated = manifest["metadata"].get("annotations", {}).get("pulumi.com/timeoutSeconds", 0)
    return custom or float(annotated) or DEFAULT_TIMEOUT_SECONDS


def wait_until_ready(api: Api, written: Manifest, timeout: float, cancelled: Event, say: Say) -> Manifest:
    """The live object once its pods are as written; raises NotReadyError after `timeout` seconds or when cancelled."""
    kind, name, namespace = written["kind"], written["metadata"]["name"], written["metadata"].get("namespace", "")
    end = time.monotonic() + timeout
    said = missing = ""
    while True:
        try:
            live = api.get(written["apiVersion"], kind, namespace, name)
            if live is None:
                raise NotReadyError([f"{kind} {namespace}/{name} was deleted while the update waited for it"])
            missing = missing_in(api, live, written["metadata"].get("generation", 0))
            if not missing:
                if said:
                    say("ready")
                return live
        except UnreachableError as error:
            # An API server that restarts is no reason to give a rollout up.
            missing = str(error)
        if missing != said:
            said = missing
            say(f"waiting: {missing}")
        if cancelled.is_set():
            raise NotReadyError([f"canceled while waiting: {missing}"])
        if time.monotonic() >= end:
            first = f"{kind} {namespace}/{name} is not ready after {timeout:g} s: {missing}"
            raise NotReadyError([first, *pod_reasons(api, written)])
        cancelled.wait(POLL_SECONDS)


def missing_in(api: Api, live: Manifest, generation: int = 0) -> str:
    """What `live` lacks to be ready, empty when nothing; `generation` is that of the write that it must have seen."""
    if live["metadata"].get("annotations", {}).get("pulumi.com/skipAwait") == "true":
        return ""
    if live["kind"] == "Deployment":
        return _missing_in_deployment(live, generation)
    if live["kind"] == "Service" and live["spec"].get("selector"):
        return _missing_in_service(api, live)
    return ""


def _missing_in_deployment(live: Manifest, generation: int) -> str:
    status: dict[str, Any] = live.get("status", {})
    # The status is stale until the controller has seen the write.
    if status.get("observedGeneration", 0) < max(generation, live["metadata"]["generation"]):
        return "the Deployment controller has not seen the change"
    wanted = live["spec"]["replicas"]
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    ready, all_pods = status.get("readyReplicas", 0), status.get("replicas", 0)
    if updated == ready == available == all_pods == wanted:
        return ""
    return f"{updated} of {wanted} pods updated, {ready} of {all_pods} ready, {available} available"


def _missing_in_service(api: Api, live: Manifest) -> str:
    selector = f"kubernetes.io/service-name={live['metadata']['name']}"
    slices = api.list("discovery.k8s.io/v1", "EndpointSlice", live["metadata"]["namespace"], label_selector=selector)
    endpoints: list[Manifest] = [endpoint for part in slices for endpoint in part.get("endpoints") or ()]
    return "" if any(endpoint["conditions"].get("ready") for endpoint in endpoints) else "no endpoint is ready"


def pod_reasons(api: Api, written: Manifest) -> list[str]:
    """Why the pods of a Deployment are not there or not ready, in their own words; each reason once."""
    if written["kind"] != "Deployment":
        return []
    try:
        return list(dict.fromkeys(_reasons(api, written)))
    except UnreachableError:
        return []


def _reasons(api: Api, written: Manifest) -> Iterator[str]:
    namespace, uid = written["metadata"]["namespace"], written["metadata"]["uid"]
    labels = written["spec"]["selector"]["matchLabels"]
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    for replica_set in api.list("apps/v1", "ReplicaSet", namespace, label_selector=selector):
        if any(owner["uid"] == uid for owner in replica_set["metadata"].get("ownerReferences", [])):
            for condition in replica_set.get("status", {}).get("conditions", []):
                if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
                    yield f"{condition['reason']}: {condition['message']}"
    for pod in api.list("v1", "Pod", namespace, label_selector=selector):
        conditions = {condition["type"]: condition for condition in pod["status"].get("conditions", [])}
        # A pod that crashes and starts again may just be ready, and never for long enough.
        restarted = any(status["restartCount"] for status in pod["status"].get("containerStatuses", []))
        unready = conditions.get("Ready", {}).get("status") != "True"
        if (unready or restarted) and "deletionTimestamp" not in pod["metadata"]:
            for reason in _reasons_of(api, pod, conditions):
                yield f"pod {pod['metadata']['name']}: {reason}"


def _reasons_of(api: Api, pod: Manifest, conditions: dict[str, Any]) -> Iterator[str]:
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        yield f"{scheduled.get('reason')}: {scheduled.get('message')}"
    statuses = pod["status"].get("initContainerStatuses", []) + pod["status"].get("containerStatuses", [])
    for status in statuses:
        state: dict[str, Any] = status["state"]
        ended: dict[str, Any] = state.get("terminated") or status.get("lastState", {}).get("terminated") or {}
        exit_code = f"the container's last exit code was {ended['exitCode']}" if ended else ""
        if waiting := state.get("waiting"):
            yield ": ".join(filter(None, [waiting["reason"], exit_code or waiting.get("message", "")]))
        elif "terminated" in state:
            yield f"{ended.get('reason')}: {exit_code}"
        elif not status["ready"]:
            yield ", ".join(filter(None, [_readiness(api, pod), exit_code]))
        elif ended:
            yield f"restarted {status['restartCount']} times, {exit_code}"


def _readiness(api: Api, pod: Manifest) -> str:
    fields = f"involvedObject.uid={pod['metadata']['uid']},reason=Unhealthy"
    events = api.list("v1", "Event", pod["metadata"]["namespace"], field_selector=fields)
    return events[-1]["message"] if events else "running, but not ready"
