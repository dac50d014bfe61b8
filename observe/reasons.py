"""Why pods are missing or not ready, in plain words, each with Kubernetes' own word for it."""

from collections.abc import Iterator, Sequence
from typing import Any

from .cluster import Json, condition, inside, is_ready, listed

WORDS = {
    "ErrImagePull": "its image cannot be pulled",
    "ImagePullBackOff": "its image cannot be pulled",
    "ErrImageNeverPull": "its image is not on the node, and must not be pulled",
    "InvalidImageName": "its image has an invalid name",
    "CrashLoopBackOff": "its container ends again and again",
    "OOMKilled": "its container took more memory than its limit",
    "Error": "its container ended",
    "CreateContainerConfigError": "what its container needs is not there",
    "CreateContainerError": "its container cannot be made",
    "RunContainerError": "its container cannot be started",
}
STARTING = ("ContainerCreating", "PodInitializing")
MOST_CHARACTERS = 240


def of_pod(pod: Json, events: Sequence[Json]) -> list[str]:
    """Why the pod is not ready; `events` are warnings of any pods."""
    return [] if is_ready(pod) else list(_of_pod(pod, _newest(pod, events)))


def of_deployment(deployment: Json) -> list[str]:
    """Why the Deployment has fewer pods than it wants, beside what its pods say."""
    told: list[str] = []
    failure, progress = condition(deployment, "ReplicaFailure"), condition(deployment, "Progressing")
    if failure.get("status") == "True":
        message = str(failure.get("message"))
        words = "a quota forbids its pods" if "exceeded quota" in message else "its pods cannot be made"
        told.append(_told(str(failure.get("reason")), message.partition(" is forbidden: ")[2] or message, words))
    if progress.get("status") == "False":
        told.append(_told(str(progress.get("reason")), "", "its update does not go on"))
    return told


def _of_pod(pod: Json, events: dict[str, str]) -> Iterator[str]:
    status, scheduled = inside(pod, "status"), condition(pod, "PodScheduled")
    if status.get("phase") == "Failed":
        yield _told(status.get("reason", "Failed"), status.get("message"), "it has failed")
    if scheduled.get("status") == "False":
        yield _told("FailedScheduling", scheduled.get("message"), "no node takes it")
    for container in [*listed(status, "initContainerStatuses"), *listed(status, "containerStatuses")]:
        waiting, ended = inside(container, "state", "waiting"), inside(container, "state", "terminated")
        before = inside(container, "lastState", "terminated")
        if waiting:
            yield _waiting(container, waiting, before, events)
        elif ended and ended.get("reason") != "Completed":
            yield _told(ended.get("reason", "Error"), _end(container, ended))
        elif not ended and not container.get("ready"):
            detail = [
                events.get("Unhealthy", "no probe has succeeded yet"),
                *([_end(container, before)] if before else []),
            ]
            yield _told("Unhealthy", "; ".join(detail), "it runs, but is not ready")


def _waiting(container: Json, waiting: Json, before: Json, events: dict[str, str]) -> str:
    reason, detail = str(waiting.get("reason")), waiting.get("message")
    if reason == "CrashLoopBackOff" and before:
        return _told("OOMKilled" if before.get("reason") == "OOMKilled" else reason, _end(container, before))
    if WORDS.get(reason) == WORDS["ErrImagePull"]:
        # The causes follow each other; the last ones are the first.
        detail = f"{container.get('image')}: {': '.join(str(detail).split(': ')[-3:])}"
    if reason in STARTING:
        # What holds a start up, a volume or a network, is told by events alone.
        detail = next((text for kind, text in events.items() if kind.startswith("Failed")), "")
    return _told(reason, detail)


def _newest(pod: Json, events: Sequence[Json]) -> dict[str, str]:
    """The pod's newest warning of each reason."""
    own = [event for event in events if inside(event, "involvedObject").get("uid") == pod["metadata"]["uid"]]
    return {str(event.get("reason")): str(event.get("message")) for event in sorted(own, key=_time)}


def _time(event: Json) -> str:
    times = (inside(event, "series").get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return str(next(filter(None, times), ""))


def _end(container: Json, ended: Json) -> str:
    count = container.get("restartCount", 0)
    return f"exit code {ended.get('exitCode')}, {count} {'restart' if count == 1 else 'restarts'}"


def _told(reason: str, detail: Any, words: str | None = None) -> str:
    text = " ".join(str(detail or "").split())
    text = f": {text}" if text else ""
    usual = "it is starting" if reason in STARTING else WORDS.get(reason, "it is not ready")
    told = f"{words or usual} ({reason}){text}"
    return told if len(told) <= MOST_CHARACTERS else f"{told[: MOST_CHARACTERS - 1]}…"
