"""Objects of the cluster → what of the release runs: pods and ready endpoints by track."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from components.release import Release

from . import reasons
from .cluster import Json, Objects, inside, is_ready, listed


@dataclass(frozen=True)
class Pod:
    """A pod of a track."""

    name: str
    version: str
    state: str
    """`ready`, `unready`, `terminating`, or `ended`: evicted, for example, which no Deployment counts."""
    endpoint: bool
    """Whether it is a ready endpoint of the Service; where there is no Service, whether it is ready."""
    restarts: int
    age_seconds: int


@dataclass(frozen=True)
class TrackPicture:
    """What of a track runs."""

    name: str
    """`stable` or `canary`."""
    version: str | None
    """The version that the Deployment is to run; None if there is no Deployment."""
    desired: int
    ready: int
    """Pods of that version; while the Deployment rolls, others serve beside them."""
    unready: int
    restarts: int
    age_seconds: int | None
    """Age of the youngest pod; None if there is none."""
    endpoints: int
    pods: tuple[Pod, ...]


@dataclass(frozen=True)
class Share:
    """The share that the canary has."""

    of: str
    """What it is one of: ready endpoints; where there is no Service, ready pods."""
    total: int
    canary: float | None
    """In percent; None if there are none."""


@dataclass(frozen=True)
class Picture:
    """What of a release runs at one moment."""

    stable: TrackPicture
    canary: TrackPicture
    stray_endpoints: tuple[str, ...]
    """Ready endpoints of the Service that belong to neither track, by pod or address."""
    share: Share
    failing: dict[str, str]
    """Why pods are not ready or not there, in plain words, by the name of the Deployment or pod."""


def picture(release: Release, objects: Objects, now: datetime) -> Picture:
    """What of the release runs, by its objects at this moment."""
    endpoints = set(_ready_endpoints(objects.endpoint_slices)) if release.service_name else None
    stable = _track("stable", release.name, release, objects, endpoints, now)
    canary = _track("canary", release.canary_name, release, objects, endpoints, now)
    stray = (endpoints or set()) - {pod.name for pod in stable.pods + canary.pods}
    total = stable.endpoints + canary.endpoints + len(stray)
    of = "ready pods" if endpoints is None else "ready endpoints"
    share = Share(of, total, 100 * canary.endpoints / total if total else None)
    tracks = (release.name, release.canary_name)
    deployments = [each for each in objects.deployments if each["metadata"]["name"] in tracks]
    found = {f"Deployment {each['metadata']['name']}": reasons.of_deployment(each) for each in deployments}
    found |= {f"pod {each['metadata']['name']}": reasons.of_pod(each, objects.events) for each in objects.pods}
    failing = {name: "; ".join(why) for name, why in found.items() if why}
    return Picture(stable, canary, tuple(sorted(stray)), share, failing)


def _track(
    name: str, deployment: str, release: Release, objects: Objects, endpoints: set[str] | None, now: datetime
) -> TrackPicture:
    spec: Json = {each["metadata"]["name"]: each["spec"] for each in objects.deployments}.get(deployment, {})
    version = _version(spec["template"]["spec"], release) if spec else None
    own = [pod for pod in objects.pods if inside(pod, "metadata", "labels").get("version") == name]
    pods = tuple(_pod(pod, release, endpoints, now) for pod in own)
    return TrackPicture(
        name=name,
        version=version,
        desired=spec.get("replicas", 0),
        ready=sum(pod.state == "ready" and pod.version == version for pod in pods),
        unready=sum(pod.state == "unready" for pod in pods),
        restarts=sum(pod.restarts for pod in pods),
        age_seconds=min((pod.age_seconds for pod in pods), default=None),
        endpoints=sum(pod.endpoint for pod in pods),
        pods=pods,
    )


def _pod(pod: Json, release: Release, endpoints: set[str] | None, now: datetime) -> Pod:
    metadata, status = pod["metadata"], inside(pod, "status")
    created = datetime.fromisoformat(metadata["creationTimestamp"].replace("Z", "+00:00"))
    state = "ready" if is_ready(pod) else "unready"
    if "deletionTimestamp" in metadata:
        state = "terminating"
    elif status.get("phase") in ("Failed", "Succeeded"):
        state = "ended"
    return Pod(
        name=metadata["name"],
        version=_version(pod["spec"], release),
        state=state,
        endpoint=state == "ready" if endpoints is None else metadata["name"] in endpoints,
        restarts=sum(container.get("restartCount", 0) for container in listed(status, "containerStatuses")),
        age_seconds=max(0, int((now - created).total_seconds())),
    )


def _version(spec: Json, release: Release) -> str:
    """What follows the release's repository in the image; another repository's image as a whole."""
    containers = {container["name"]: container["image"] for container in spec["containers"]}
    image = str(containers.get(release.container_name) or spec["containers"][0]["image"])
    own = re.fullmatch(f"{re.escape(release.image)}[:@](.+)", image)
    return own[1] if own else image


def _ready_endpoints(slices: list[Json]) -> Iterator[str]:
    """Name of the pod, else the address, of every ready endpoint: a pod with two addresses stands in two slices."""
    for endpoint in (endpoint for each in slices for endpoint in listed(each, "endpoints")):
        # Not told means ready, says the API.
        if inside(endpoint, "conditions").get("ready") is not False:
            yield inside(endpoint, "targetRef").get("name", endpoint["addresses"][0])
