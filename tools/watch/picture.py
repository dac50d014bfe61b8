"""Objects of the cluster → what of the release runs: pods by track, and their shares of the Services' endpoints."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from canary_release.model.deployment import REVISION, containers
from canary_release.model.image import ImageReference
from canary_release.model.release import Release
from canary_release.model.tree import Object, get, number_at, object_at, objects_at, text_at
from canary_release.text import reasons
from canary_release.update.live import controller, is_leaving, is_ready, lasting_containers

from ..answers import plain
from .cluster import Objects

HASH = "pod-template-hash"
MOST_IMAGE = 300
"""Characters of an image that is shown as a whole."""


@dataclass(frozen=True)
class Pod:
    """A pod of a track."""

    name: str
    uid: str
    version: str
    """The one that its ReplicaSet declares. What the API server admits may be another image: that of a mirror."""
    is_current: bool
    """Whether it belongs to what its Deployment declares now."""
    state: str
    """`ready`, `unready`, `terminating`, or `ended`: evicted, for example, which no Deployment counts."""
    restarts: int
    age_seconds: int | None


@dataclass(frozen=True)
class TrackPicture:
    """What of a track runs."""

    name: str
    """`stable` or `canary`."""
    version: str | None
    """The version that the Deployment declares; None if there is no Deployment."""
    desired: int
    ready: int
    """Pods of what the Deployment declares; while it rolls, others serve beside them."""
    unready: int
    restarts: int
    age_seconds: int | None
    """Age of the youngest pod; None if there is none."""
    pods: tuple[Pod, ...]


@dataclass(frozen=True)
class Share:
    """How the ready endpoints of a Service, or the ready pods where there is no Service, belong to the tracks."""

    of: str
    serves: str
    """`both` tracks, or the one that the Service selects."""
    stable: int
    canary: int
    strays: tuple[str, ...]
    """Those of neither track, by pod or address."""
    percent: float | None
    """The canary's share in percent; None if there is no endpoint."""
    configured: float | None
    """The one that the config says; None if it wants no endpoint."""
    fits: bool

    @property
    def total(self) -> int:
        """All of them."""
        return self.stable + self.canary + len(self.strays)


@dataclass(frozen=True)
class Picture:
    """What of a release runs at one moment."""

    stable: TrackPicture
    canary: TrackPicture
    shares: tuple[Share, ...]
    """One for each Service; where there is none, that of ready pods."""
    failing: dict[str, str]
    """Why pods are not ready or not there, in plain words, by the name of the Deployment or pod."""

    @property
    def split(self) -> object:
        """What says where connections go: it changes with every endpoint."""
        pods = [(pod.name, pod.state) for track in (self.stable, self.canary) for pod in track.pods]
        return self.shares, sorted(pods)


def picture(release: Release, objects: Objects, now: datetime) -> Picture:
    """What of the release runs, by its objects at this moment."""
    tracks = [_track(release, track, objects, now) for track in ("stable", "canary")]
    shares = [_share(release, service, objects.endpoint_slices, tracks) for service in release.services]
    names, pods = (release.name, release.canary_name), {pod.uid for track in tracks for pod in track.pods}
    deployments = [each for each in objects.deployments if _name(each) in names]
    why = {f"Deployment {_name(each)}": reasons.of_deployment(each) for each in deployments}
    why |= {f"pod {_name(each)}": reasons.of_pod(each, objects.events) for each in objects.pods if _uid(each) in pods}
    most = reasons.MOST_CHARACTERS
    failing = {name: "; ".join(plain(each, most) for each in told) for name, told in why.items() if told}
    return Picture(tracks[0], tracks[1], tuple(shares or [_share_of_pods(release, tracks)]), failing)


def _track(release: Release, track: str, objects: Objects, now: datetime) -> TrackPicture:
    name = release.name if track == "stable" else release.canary_name
    named = [each for each in objects.deployments if _name(each) == name]
    deployment = named[0] if named else {}
    sets = _owned(objects.replica_sets, [deployment])
    current = _uid(_current(deployment, sets) or {})
    versions = {_uid(each): _version(each, release, track) for each in sets}
    found = [(pod, _owner(pod)) for pod in _owned(objects.pods, sets)]
    pods = tuple(_pod(pod, versions[owner], owner == current, now) for pod, owner in found)
    return TrackPicture(
        name=track,
        version=_version(deployment, release, track) if deployment else None,
        desired=number_at(deployment, "spec", "replicas", default=1) if deployment else 0,
        ready=sum(pod.state == "ready" and pod.is_current for pod in pods),
        unready=sum(pod.state == "unready" for pod in pods),
        restarts=sum(pod.restarts for pod in pods),
        age_seconds=min((pod.age_seconds for pod in pods if pod.age_seconds is not None), default=None),
        pods=pods,
    )


def _pod(pod: Object, version: str, is_current: bool, now: datetime) -> Pod:
    state = "ready" if is_ready(pod) else "unready"
    if is_leaving(pod):
        state = "terminating"
    elif text_at(pod, "status", "phase") in ("Failed", "Succeeded"):
        state = "ended"
    return Pod(
        name=_name(pod),
        uid=_uid(pod),
        version=version,
        is_current=is_current,
        state=state,
        restarts=sum(number_at(each, "restartCount") for each in lasting_containers(pod)),
        age_seconds=_age(text_at(pod, "metadata", "creationTimestamp"), now),
    )


def _age(created: str, now: datetime) -> int | None:
    try:
        return max(0, int((now - datetime.fromisoformat(created.replace("Z", "+00:00"))).total_seconds()))
    except (ValueError, TypeError):
        return None


def _name(item: Object) -> str:
    return text_at(item, "metadata", "name")


def _uid(item: Object) -> str:
    return text_at(item, "metadata", "uid")


def _owner(item: Object) -> str:
    """Identity of the object's controller; empty without one."""
    return text_at(controller(item), "uid")


def _owned(items: Sequence[Object], owners: Sequence[Object]) -> list[Object]:
    identities = {_uid(owner) for owner in owners} - {""}
    return [item for item in items if _owner(item) in identities]


def _current(deployment: Object, sets: Sequence[Object]) -> Object | None:
    """The newest ReplicaSet of a Deployment; None as long as it has not the template that the Deployment declares."""

    def revision(replica_set: Object) -> int:
        text = text_at(replica_set, "metadata", "annotations", REVISION)
        return int(text) if text.isdecimal() and len(text) < 20 else 0

    newest = max(sets, key=revision, default=None)
    return newest if newest is not None and _template(newest) == _template(deployment) else None


def _template(item: Object) -> Object:
    template = object_at(item, "spec", "template")
    metadata = object_at(template, "metadata")
    labels = {key: value for key, value in object_at(metadata, "labels").items() if key != HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _version(item: Object, release: Release, track: str) -> str:
    """The version of the released container that a Deployment or ReplicaSet declares; another repository's image as a
    whole.
    """
    listed = objects_at(item, "spec", "template", "spec", "containers")
    images = [text_at(each, "image") for each in listed if text_at(each, "name") == release.container_name]
    if not images:
        return f"no container {release.container_name}"
    declared = release.canary if track == "canary" and release.canary else release.stable
    repository = next(
        each["image"] for _, each in containers(declared.deployment) if each["name"] == release.container_name
    )
    try:
        image = ImageReference.parse(images[0])
    except ValueError:
        return plain(images[0], MOST_IMAGE)
    return image.version if image.repository == repository and image.version else plain(images[0], MOST_IMAGE)


def _share(release: Release, service: Object, slices: Sequence[Object], tracks: Sequence[TrackPicture]) -> Share:
    name = service["metadata"]["name"]
    labelled = [each for each in slices if text_at(each, "metadata", "labels", "kubernetes.io/service-name") == name]
    endpoints = dict(_ready_endpoints(labelled))
    stable, canary = ([pod.uid for pod in track.pods if pod.uid in endpoints] for track in tracks)
    strays = sorted(shown for identity, shown in endpoints.items() if identity not in (*stable, *canary))
    serves = service["spec"]["selector"].get(release.track_label, "both")
    return _compared(release, f"ready endpoints of Service {name}", serves, len(stable), len(canary), strays)


def _share_of_pods(release: Release, tracks: Sequence[TrackPicture]) -> Share:
    stable, canary = (sum(pod.state == "ready" for pod in track.pods) for track in tracks)
    return _compared(release, "ready pods", "both", stable, canary, [])


def _compared(release: Release, of: str, serves: str, stable: int, canary: int, strays: Sequence[str]) -> Share:
    wanted_stable = 0 if serves == "canary" else release.stable.replicas
    wanted_canary = 0 if serves == "stable" else release.canary_replicas
    total, wanted = stable + canary + len(strays), wanted_stable + wanted_canary
    return Share(
        of=of,
        serves=serves,
        stable=stable,
        canary=canary,
        strays=tuple(strays),
        percent=100 * canary / total if total else None,
        configured=100 * wanted_canary / wanted if wanted else None,
        # Compared without division: no rounding decides it.
        fits=canary * wanted == wanted_canary * total and bool(total) == bool(wanted),
    )


def _ready_endpoints(slices: Sequence[Object]) -> Iterator[tuple[str, str]]:
    """Identity and name of every ready endpoint: a pod with two addresses stands in two slices."""
    for endpoint in (endpoint for each in slices for endpoint in objects_at(each, "endpoints")):
        # Not told means ready, says the API.
        if get(endpoint, ("conditions", "ready")) is not False:
            name = text_at(endpoint, "targetRef", "name") or str(endpoint.get("addresses"))
            yield text_at(endpoint, "targetRef", "uid") or name, name
