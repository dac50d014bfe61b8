"""Why pods are missing or not ready, in plain words, each with Kubernetes' own word for it."""

from collections.abc import Iterator, Sequence

from ..model.tree import Object, number_at, object_at, objects_at, text_at
from ..update.live import condition, has_condition, is_leaving, is_ready, lasting_containers

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
    "ProgressDeadlineExceeded": "its rollout does not go on",
}
MOST_CHARACTERS = 240


def of_pod(pod: Object, events: Sequence[Object]) -> list[str]:
    """Why the pod is not ready; empty for one that is ready or leaves. `events` are warnings of any pods."""
    own = [each for each in events if text_at(each, "involvedObject", "uid") == text_at(pod, "metadata", "uid")]
    own.sort(key=lambda event: text_at(event, "lastTimestamp") or text_at(event, "eventTime"))
    newest = {text_at(event, "reason"): text_at(event, "message") for event in own}
    return [] if is_ready(pod) or is_leaving(pod) else list(_of_pod(pod, newest))


def of_restarts(pod: Object) -> list[str]:
    """Why containers of the pod ended before, also of one that is ready at the moment."""
    ended = [(each, object_at(each, "lastState", "terminated")) for each in lasting_containers(pod)]
    return [_told(text_at(before, "reason") or "Error", _end(each, before)) for each, before in ended if before]


def of_deployment(deployment: Object) -> list[str]:
    """Why the Deployment has fewer pods than it wants, beside what its pods say."""
    told: list[str] = []
    if has_condition(deployment, "ReplicaFailure", "True"):
        failure = condition(deployment, "ReplicaFailure")
        message = text_at(failure, "message")
        words = "a quota forbids its pods" if "exceeded quota" in message else "its pods cannot be made"
        told.append(_told(text_at(failure, "reason"), message.partition(" is forbidden: ")[2] or message, words))
    if has_condition(deployment, "Progressing", "False"):
        told.append(_told(text_at(condition(deployment, "Progressing"), "reason")))
    return told


def _of_pod(pod: Object, events: dict[str, str]) -> Iterator[str]:
    status = object_at(pod, "status")
    if text_at(status, "phase") == "Failed":
        yield _told(text_at(status, "reason") or "Failed", text_at(status, "message"), "it has failed")
    if has_condition(pod, "PodScheduled", "False"):
        yield _told("FailedScheduling", text_at(condition(pod, "PodScheduled"), "message"))
    for container in [*objects_at(status, "initContainerStatuses"), *objects_at(status, "containerStatuses")]:
        waiting, ended = object_at(container, "state", "waiting"), object_at(container, "state", "terminated")
        if waiting:
            yield _waiting(container, waiting, events)
        elif ended and text_at(ended, "reason") != "Completed":
            yield _told(text_at(ended, "reason") or "Error", _end(container, ended))
        elif not ended and not container.get("ready"):
            before = object_at(container, "lastState", "terminated")
            probe = events.get("Unhealthy") or "no probe has succeeded yet"
            yield _told("Unhealthy", f"{probe}; {_end(container, before)}" if before else probe)


def _waiting(container: Object, waiting: Object, events: dict[str, str]) -> str:
    reason, detail = text_at(waiting, "reason"), text_at(waiting, "message")
    before = object_at(container, "lastState", "terminated")
    if reason == "CrashLoopBackOff" and before:
        return _told("OOMKilled" if text_at(before, "reason") == "OOMKilled" else reason, _end(container, before))
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        # The text goes from effect to cause: its last parts are the causes.
        detail = f"{text_at(container, 'image')}: {': '.join(detail.split(': ')[-3:])}"
    if reason in ("ContainerCreating", "PodInitializing"):
        # Only events tell which volume or network delays the start.
        detail = next((text for kind, text in events.items() if kind.startswith("Failed")), "")
    return _told(reason, detail)


def _end(container: Object, ended: Object) -> str:
    count = number_at(container, "restartCount")
    return f"exit code {number_at(ended, 'exitCode', default=-1)}, {count} {'restart' if count == 1 else 'restarts'}"


def _told(reason: str, detail: str = "", words: str | None = None) -> str:
    text = " ".join(detail.split())
    shown = (
        f"{words or WORDS.get(reason, 'it is not ready')} ({reason or 'no reason given'}){f': {text}' if text else ''}"
    )
    return shown if len(shown) <= MOST_CHARACTERS else f"{shown[: MOST_CHARACTERS - 1]}…"
