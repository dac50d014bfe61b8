"""Warnings of what the release keeps from the manifest although it costs users something. Each preview shows them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .additions import GRACE_SECONDS, PRE_STOP_SECONDS
from .deployment import (
    CONTAINERS,
    INIT_CONTAINERS,
    POD,
    TEMPLATE_LABELS,
    containers,
    is_headless,
    ports,
    protocol,
    serving_containers,
    start_seconds,
    target,
)
from .image import split
from .references import matches
from .release import Release
from .share import Rolling, progress_deadline
from .tree import Object, get

STICKY = (
    (("spec", "sessionAffinity"), "ClientIP", "keeps each client at one pod"),
    (("spec", "externalTrafficPolicy"), "Local", "keeps traffic on the node where it arrives"),
    (("spec", "internalTrafficPolicy"), "Local", "keeps traffic on the node where it starts"),
    (("spec", "trafficDistribution"), None, "prefers near pods"),
    (("metadata", "annotations", "service.kubernetes.io/topology-mode"), None, "prefers near pods"),
)
"""What of a Service breaks the share: its path, the value that does (None: any), and what it does."""


APART = (*POD, "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution")

OWN = ("name", "configMap", "secret", "projected", "downwardAPI", "emptyDir", "ephemeral", "csi", "gitRepo", "image")
"""Fields of a volume that is each pod's own, or that no pod writes to."""


def warnings(release: Release, others: Sequence[tuple[str, str]]) -> Iterator[str]:
    """All warnings of a release whose manifest also holds these other kinds."""
    if others:
        named = ", ".join(f"{kind} {name}".strip() for kind, name in others)
        yield f"the release leaves these objects of the manifest to whoever applies them: {named}"
    for service in release.sharing_services:
        yield from _share(service)
    yield from _declared(release)
    yield from _rollout(release)
    yield from _pods(release)
    yield from _beside(release)


def _share(service: Object) -> Iterator[str]:
    for path, wanted, what in STICKY:
        value, field = get(service, path, None), path[-1].rpartition("/")[2]
        if value and wanted in (None, value):
            yield (
                f"Service {service['metadata']['name']}: {field} {value} {what}, so the canary's share of requests "
                "may differ from its share of pods"
            )
    if get(service, ("spec", "publishNotReadyAddresses"), False):
        name = service["metadata"]["name"]
        yield f"Service {name}: with publishNotReadyAddresses, pods that are not ready get requests"


def _declared(release: Release) -> Iterator[str]:
    """Where Services and the ports that containers declare do not fit."""
    found = [port for _, each in serving_containers(release.stable.deployment) for port in ports(each)]
    users = [port["containerPort"] for port in found if "metrics" not in port.get("name", "")]
    if users and not release.services:
        yield (
            f"Deployment {release.name} declares port {_listed(users)}, but the manifest has no Service. The release "
            "takes it for a worker, and adds no readiness probe and no preStop. If it has a Service, put that into the "
            "manifest"
        )
    for service in release.services:
        for port in () if is_headless(service) else get(service, ("spec", "ports"), []):
            known = [each["containerPort"] for each in found if protocol(each) == protocol(port)]
            if known and isinstance(wanted := target(port), int) and wanted not in known:
                name = service["metadata"]["name"]
                yield f"Service {name}: no container declares port {wanted} (declared: {_listed(known)})"


def _rollout(release: Release) -> Iterator[str]:
    rolling = Rolling.of(release.stable.deployment)
    name, tracks = release.name, filter(None, (release.stable, release.canary))
    slowest = max((each.deployment for each in tracks), key=start_seconds)
    if (deadline := progress_deadline(slowest)) < (start := start_seconds(slowest)):
        yield (
            f"Deployment {name}: progressDeadlineSeconds {deadline} is shorter than the {start} seconds that its "
            "probes let a pod take, so an update may fail although its pods are well"
        )
    if rolling.recreate:
        yield f"Deployment {name}: with strategy Recreate no pod of a track serves while the track changes"
    elif release.fixed_total is None and (missing := rolling.unavailable(release.stable.replicas)):
        pods = "1 pod" if missing == 1 else f"{missing} pods"
        yield f"Deployment {name}: maxUnavailable lets {pods} of stable be away while it changes"


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(map(str, dict.fromkeys(values)))


def _pods(release: Release) -> Iterator[str]:
    deployment, name = release.stable.deployment, release.name
    host = [
        port["hostPort"]
        for _, each in containers(deployment, CONTAINERS, INIT_CONTAINERS)
        for port in ports(each)
        if "hostPort" in port
    ]
    apart = "hostNetwork" if get(deployment, (*POD, "hostNetwork"), False) else host and f"hostPort {_listed(host)}"
    if apart := apart or (
        any(_keeps_apart(term, release) for term in get(deployment, APART, [])) and "podAntiAffinity"
    ):
        yield f"Deployment {name}: with {apart} no two pods run on one node: an update needs a free node"
    grace = get(deployment, (*POD, "terminationGracePeriodSeconds"), GRACE_SECONDS)
    own = all(get(each, ("lifecycle", "preStop"), None) for _, each in containers(deployment))
    if release.services and grace <= PRE_STOP_SECONDS and not (own and grace):
        yield (
            f"Deployment {name}: with terminationGracePeriodSeconds {grace} a pod ends before every node knows, "
            "and requests to it are lost in each update"
        )


def _keeps_apart(term: Object, release: Release) -> bool:
    """Whether no two pods of the release run on one node."""
    selector, labels = term.get("labelSelector"), get(release.stable.deployment, TEMPLATE_LABELS, {})
    labels = {**labels, release.track_label: "stable"}
    return (
        term.get("topologyKey") == "kubernetes.io/hostname"
        and "matchLabelKeys" not in term
        and selector is not None
        and selector.get("matchLabels", {}).items() <= labels.items()
        and all(matches(each, labels) for each in selector.get("matchExpressions", []))
    )


def _beside(release: Release) -> Iterator[str]:
    """What both tracks share or run, and the versions do not change."""
    canary = (release.canary or release.stable).deployment
    both = {*_written(canary)}
    if shared := [each for each in _written(release.stable.deployment) if each in both]:
        yield (
            f"Deployment {release.name}: both tracks mount {_listed(shared)}, and may write there: "
            "stable and canary run at the same time"
        )
    images = {each["name"]: each.get("image", "") for _, each in containers(canary, CONTAINERS, INIT_CONTAINERS)}
    released = images[release.container_name]
    for _, each in containers(release.stable.deployment, CONTAINERS, INIT_CONTAINERS):
        name, (repository, version) = each["name"], split(each.get("image", ""))
        if name != release.container_name and repository == released and images.get(name) == each["image"]:
            stays = f"container {name} stays at {version or 'latest'}"
            yield f"Deployment {release.name}: {stays}, beside the released version: a canaryPatch changes it"


def _written(deployment: Object) -> Iterator[str]:
    """The volumes that more than one pod may write to."""
    mounts = [
        mount
        for _, each in containers(deployment, CONTAINERS, INIT_CONTAINERS)
        for mount in [*each.get("volumeMounts", []), *each.get("volumeDevices", [])]
    ]
    writable = {mount["name"] for mount in mounts if not mount.get("readOnly")}
    for volume in get(deployment, (*POD, "volumes"), []):
        for kind, source in volume.items() if volume["name"] in writable else ():
            if kind not in OWN and not source.get("readOnly"):
                claim = source.get("claimName")
                yield f"claim {claim}" if claim else f"{kind} {source.get('path', volume['name'])}"
