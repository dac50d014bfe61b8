"""Why pods are missing or not ready, in plain words, each with Kubernetes' own word for it."""

from collections.abc import Iterator, Sequence
from typing import Any

from .cluster import Json, condition, inside, is_ready, listed

WORDS = {
    "ContainerCreating": "it is starting",
    "PodInitializing": "it is starting",
    "FailedScheduling": "no node takes it",
    "ErrImagePull": "its image cannot be pulled",
    "ImagePullBackOff": "its image cannot be pulled",
    "CreateContainerConfigError": "what its container needs is not there",
    "CrashLoopBackOff": "its container ends again and again",
    "OOMKilled": "its container took more memory than its limit",
    "Error": "its container ended",
    "Unhealthy": "it runs, but is not ready",
    "ProgressDeadlineExceeded": "its update does not go on",
}
MOST_CHARACTERS = 240


def of_pod(pod: Json, events: Sequence[Json]) -> list[str]:
    """Why the pod is not ready, if it is to be; `events` are warnings of any pods."""
    own = [event for event in events if inside(event, "involvedObject").get("uid") == pod["metadata"]["uid"]]
    own.sort(key=lambda event: str(event.get("lastTimestamp") or ""))
    newest = {str(event.get("reason")): str(event.get("message")) for event in own}
    return [] if is_ready(pod) or "deletionTimestamp" in pod["metadata"] else list(_of_pod(pod, newest))


def of_deployment(deployment: Json) -> list[str]:
    """Why the Deployment has fewer pods than it wants, beside what its pods say."""
    told: list[str] = []
    failure, progress = condition(deployment, "ReplicaFailure"), condition(deployment, "Progressing")
    if failure.get("status") == "True":
        message = str(failure.get("message"))
        words = "a quota forbids its pods" if "exceeded quota" in message else "its pods cannot be made"
        told.append(_told(str(failure.get("reason")), message.partition(" is forbidden: ")[2] or message, words))
    if progress.get("status") == "False":
        told.append(_told(str(progress.get("reason"))))
    return told


def _of_pod(pod: Json, events: dict[str, str]) -> Iterator[str]:
    status, scheduled = inside(pod, "status"), condition(pod, "PodScheduled")
    if status.get("phase") == "Failed":
        yield _told(status.get("reason") or "Failed", status.get("message"), "it has failed")
    if scheduled.get("status") == "False":
        yield _told("FailedScheduling", scheduled.get("message"))
    for container in [*listed(status, "initContainerStatuses"), *listed(status, "containerStatuses")]:
        waiting, ended = inside(container, "state", "waiting"), inside(container, "state", "terminated")
        if waiting:
            yield _waiting(container, waiting, events)
        elif ended and ended.get("reason") != "Completed":
            yield _told(ended.get("reason", "Error"), _end(container, ended))
        elif not ended and not container.get("ready"):
            before = inside(container, "lastState", "terminated")
            probe = events.get("Unhealthy", "no probe has succeeded yet")
            yield _told("Unhealthy", f"{probe}; {_end(container, before)}" if before else probe)


def _waiting(container: Json, waiting: Json, events: dict[str, str]) -> str:
    reason, detail = str(waiting.get("reason")), waiting.get("message")
    before = inside(container, "lastState", "terminated")
    if reason == "CrashLoopBackOff" and before:
        return _told("OOMKilled" if before.get("reason") == "OOMKilled" else reason, _end(container, before))
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        # The causes follow each other; the last ones are the first.
        detail = f"{container.get('image')}: {': '.join(str(detail).split(': ')[-3:])}"
    if reason in ("ContainerCreating", "PodInitializing"):
        # What holds a start up, a volume or a network, is told by events alone.
        detail = next((text for kind, text in events.items() if kind.startswith("Failed")), "")
    return _told(reason, detail)


def _end(container: Json, ended: Json) -> str:
    count = container.get("restartCount", 0)
    return f"exit code {ended.get('exitCode')}, {count} {'restart' if count == 1 else 'restarts'}"


def _told(reason: str, detail: Any = None, words: str | None = None) -> str:
    text = " ".join(str(detail or "").split())
    told = f"{words or WORDS.get(reason, 'it is not ready')} ({reason}){f': {text}' if text else ''}"
    return told if len(told) <= MOST_CHARACTERS else f"{told[: MOST_CHARACTERS - 1]}…"
