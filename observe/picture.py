"""Objects of the cluster → what of the release runs: pods and ready endpoints by track."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from components.release import Release

from . import reasons
from .cluster import Json, MissingPermission, Objects, inside, is_ready, listed


@dataclass(frozen=True)
class Pod:
    """A pod of a track."""

    name: str
    version: str
    state: str
    """`ready`, `unready`, `terminating`, or `ended`: evicted, for example, which no Deployment counts."""
    restarts: int
    age_seconds: int
    reasons: tuple[str, ...]
    """Why it is not ready, in plain words."""


@dataclass(frozen=True)
class TrackPicture:
    """What of a track runs. None is what is not known for want of a permission."""

    name: str
    """`stable` or `canary`."""
    deployment: str
    """Name of the Deployment."""
    exists: bool | None
    version: str | None
    """The version that the Deployment is to run; where there is no Deployment, that of all pods, if they have one."""
    desired: int | None
    pods: tuple[Pod, ...] | None
    endpoints: int | None
    """Ready endpoints of the Service, or ready pods where there is none."""
    reasons: tuple[str, ...]
    """Why pods are not there, in plain words."""

    def count(self, state: str, version: str | None = None) -> int | None:
        """Pods in a state, of one version or of all."""
        if self.pods is None:
            return None
        return sum(pod.state == state and version in (None, pod.version) for pod in self.pods)

    @property
    def restarts(self) -> int | None:
        """Restarts of all containers of the track's pods."""
        return None if self.pods is None else sum(pod.restarts for pod in self.pods)


@dataclass(frozen=True)
class Picture:
    """What of a release runs at one moment."""

    stable: TrackPicture
    canary: TrackPicture
    stray_endpoints: tuple[str, ...]
    """Ready endpoints of the Service that belong to neither track, by pod or address."""
    missing: tuple[MissingPermission, ...]

    @property
    def tracks(self) -> tuple[TrackPicture, TrackPicture]:
        return self.stable, self.canary

    @property
    def endpoints(self) -> int | None:
        """All ready endpoints."""
        if self.stable.endpoints is None or self.canary.endpoints is None:
            return None
        return self.stable.endpoints + self.canary.endpoints + len(self.stray_endpoints)

    @property
    def canary_share(self) -> float | None:
        """Share of the canary in all ready endpoints, in percent; None if it is not known or there is none."""
        canary, total = self.canary.endpoints, self.endpoints
        return 100 * canary / total if canary is not None and total else None

    def failing(self) -> dict[str, str]:
        """What is wrong, by the name of its pod or Deployment; pods with the same reason are told once."""
        told: dict[str, str] = {}
        named: dict[str, list[str]] = {}
        for track in self.tracks:
            if track.reasons:
                told[f"Deployment {track.deployment}"] = "; ".join(track.reasons)
            for pod in track.pods or ():
                if pod.reasons and pod.state != "terminating":
                    named.setdefault("; ".join(pod.reasons), []).append(f"pod {pod.name}")
        for text, (first, *others) in named.items():
            told[f"{first} and {len(others)} more" if others else first] = text
        return told


def picture(release: Release, objects: Objects, now: datetime) -> Picture:
    """What of the release runs, by its objects at this moment."""
    ready = None if objects.endpoint_slices is None else set(_ready_endpoints(objects.endpoint_slices))
    stable = _track("stable", release.name, release, objects, ready, now)
    canary = _track("canary", release.canary_name, release, objects, ready, now)
    known = {pod.name for track in (stable, canary) for pod in track.pods or ()}
    stray = sorted((ready or set()) - known) if objects.pods is not None else []
    return Picture(stable, canary, tuple(stray), objects.missing)


def _track(
    name: str, deployment_name: str, release: Release, objects: Objects, ready: set[str] | None, now: datetime
) -> TrackPicture:
    found = [each for each in objects.deployments or [] if each["metadata"]["name"] == deployment_name]
    spec: Json = found[0]["spec"] if found else {}
    pods = None
    if objects.pods is not None:
        own = [pod for pod in objects.pods if pod["metadata"].get("labels", {}).get("version") == name]
        pods = tuple(_pod(pod, release, objects.events or [], now) for pod in own)
    endpoints = None
    if pods is not None and release.service_name is None:
        endpoints = sum(pod.state == "ready" for pod in pods)
    elif pods is not None and ready is not None:
        endpoints = sum(pod.name in ready for pod in pods)
    running = {pod.version for pod in pods or ()}
    return TrackPicture(
        name=name,
        deployment=deployment_name,
        exists=None if objects.deployments is None else bool(found),
        version=_version(spec["template"]["spec"], release) if found else running.pop() if len(running) == 1 else None,
        desired=spec.get("replicas", 1) if found else None if objects.deployments is None else 0,
        pods=pods,
        endpoints=endpoints,
        reasons=tuple(reasons.of_deployment(found[0])) if found else (),
    )


def _pod(pod: Json, release: Release, events: list[Json], now: datetime) -> Pod:
    metadata, status = pod["metadata"], pod.get("status", {})
    created = datetime.fromisoformat(metadata["creationTimestamp"].replace("Z", "+00:00"))
    ended = status.get("phase") in ("Failed", "Succeeded")
    state = "terminating" if "deletionTimestamp" in metadata else "ended" if ended else ""
    return Pod(
        name=metadata["name"],
        version=_version(pod["spec"], release),
        state=state or ("ready" if is_ready(pod) else "unready"),
        restarts=sum(container.get("restartCount", 0) for container in listed(status, "containerStatuses")),
        age_seconds=max(0, int((now - created).total_seconds())),
        reasons=tuple(reasons.of_pod(pod, events)),
    )


def _version(spec: Json, release: Release) -> str:
    """What follows the release's repository in the image; another repository's image as a whole."""
    containers = {container["name"]: container["image"] for container in spec["containers"]}
    image = str(containers.get(release.container_name) or spec["containers"][0]["image"])
    repository, rest = image[: len(release.image)], image[len(release.image) :]
    return rest[1:] if repository == release.image and rest[:1] in (":", "@") else image


def _ready_endpoints(slices: list[Json]) -> Iterator[str]:
    """Name of the pod, else the address, of every ready endpoint: a pod with two addresses stands in two slices."""
    for each in slices:
        for endpoint in listed(each, "endpoints"):
            # Not told means ready, says the API.
            if inside(endpoint, "conditions").get("ready") is not False:
                yield inside(endpoint, "targetRef").get("name", endpoint["addresses"][0])
