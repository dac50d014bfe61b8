"""The pods of both tracks, as the API server knows them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..model.deployment import REVISION
from ..model.moment import moment_seconds
from ..model.release import Release, Track
from ..model.tree import Object, object_at, text_at
from ..update.live import controller, is_leaving, is_ready, lasting_containers


@dataclass(frozen=True)
class LivePods:
    """The pods of a Deployment's newest ReplicaSet that are not about to end."""

    deployment: str
    replica_set: str
    started: Mapping[str, float]
    """When each pod started, by its name, in seconds since 1970."""
    restarted: Mapping[str, float]
    """When a container of the pod ended last, of those pods where one did."""
    troubles: Sequence[str]
    """Pods that are missing or not ready, in words."""


def pods_of(release: Release, objects: Sequence[Object]) -> tuple[LivePods, LivePods]:
    """The canary's and stable's pods among Pods and ReplicaSets of their namespace."""
    assert release.canary is not None  # There is no canary to judge otherwise.
    return _pods(release.canary_name, release.canary, objects), _pods(release.name, release.stable, objects)


def _pods(deployment: str, track: Track, objects: Sequence[Object]) -> LivePods:
    sets = [each for each in objects if each["kind"] == "ReplicaSet" and _is_of(each, "name", deployment)]
    newest = max(sets, key=_revision, default=None)
    uid = newest["metadata"]["uid"] if newest else None
    pods = [each for each in objects if uid and each["kind"] == "Pod" and _is_of(each, "uid", uid)]
    pods = [each for each in pods if _runs(each)]
    name = newest["metadata"]["name"] if newest else ""
    started = {each["metadata"]["name"]: _seconds(object_at(each, "status").get("startTime")) for each in pods}
    ends = {each["metadata"]["name"]: max(_ends(each), default=0.0) for each in pods}
    troubles = [f"pod {each['metadata']['name']} is not ready" for each in pods if not is_ready(each)]
    if len(pods) < track.replicas:
        troubles.append(f"{deployment} has {len(pods)} of {track.replicas} pods")
    return LivePods(deployment, name, started, {pod: end for pod, end in ends.items() if end}, troubles)


def _is_of(item: Object, field: str, value: str) -> bool:
    owner = controller(item)
    return owner is not None and owner.get(field) == value


def _revision(replica_set: Object) -> int:
    revision = text_at(replica_set, "metadata", "annotations", REVISION)
    return int(revision) if revision.isdecimal() else 0


def _runs(pod: Object) -> bool:
    return not is_leaving(pod) and object_at(pod, "status").get("phase") in ("Pending", "Running")


def _ends(pod: Object) -> Iterator[float]:
    for container in lasting_containers(pod):
        for state in ("state", "lastState"):
            if end := object_at(container, state, "terminated").get("finishedAt"):
                yield _seconds(end)


def _seconds(time: object) -> float:
    """Kubernetes' time as seconds since 1970. A missing or malformed time is in the infinite future, so that nothing
    counts yet.
    """
    return float("inf") if (seconds := moment_seconds(time)) is None else seconds
