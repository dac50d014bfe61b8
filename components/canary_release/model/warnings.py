"""Warnings of what the release keeps from the manifest although it costs users something. Each preview shows them."""

from collections.abc import Iterator, Sequence

from .additions import GRACE_SECONDS, PRE_STOP_SECONDS
from .deployment import CONTAINERS, INIT_CONTAINERS, POD, containers, ports
from .release import Release
from .share import Rolling
from .tree import Object, get

STICKY = (
    (("spec", "sessionAffinity"), "ClientIP", "keeps each client at one pod"),
    (("spec", "externalTrafficPolicy"), "Local", "keeps traffic on the node where it arrives"),
    (("spec", "internalTrafficPolicy"), "Local", "keeps traffic on the node where it starts"),
    (("spec", "trafficDistribution"), None, "prefers near pods"),
    (("metadata", "annotations", "service.kubernetes.io/topology-mode"), None, "prefers near pods"),
)
"""What of a Service breaks the share: its path, the value that does (None: any), and what it does."""


def warnings(release: Release, others: Sequence[tuple[str, str]]) -> Iterator[str]:
    """All warnings of a release whose manifest also holds these other kinds."""
    if others:
        named = ", ".join(f"{kind} {name}".strip() for kind, name in others)
        yield f"of the manifest, the release leaves to whoever applies them: {named}"
    for service in release.sharing_services:
        yield from _share(service)
    yield from _rollout(release)
    yield from _pods(release)


def _share(service: Object) -> Iterator[str]:
    for path, wanted, what in STICKY:
        value, field = get(service, path, None), path[-1].rpartition("/")[2]
        if value and wanted in (None, value):
            yield (
                f"Service {service['metadata']['name']}: {field} {value} {what}, so the canary's share of requests "
                "may differ from its share of pods"
            )


def _rollout(release: Release) -> Iterator[str]:
    rolling = Rolling.of(release.stable.deployment)
    name = release.name
    if rolling.recreate:
        yield f"Deployment {name}: with strategy Recreate no pod of a track serves while the track changes"
    elif release.fixed_total is None and (missing := rolling.unavailable(release.stable.replicas)):
        pods = "1 pod" if missing == 1 else f"{missing} pods"
        yield f"Deployment {name}: maxUnavailable lets {pods} of stable be away while it changes"


def _pods(release: Release) -> Iterator[str]:
    deployment, name = release.stable.deployment, release.name
    host = [
        port["hostPort"]
        for _, each in containers(deployment, CONTAINERS, INIT_CONTAINERS)
        for port in ports(each)
        if "hostPort" in port
    ]
    if get(deployment, (*POD, "hostNetwork"), False):
        yield f"Deployment {name}: with hostNetwork no two pods run on one node: an update needs a free node"
    elif host:
        listed = ", ".join(str(port) for port in dict.fromkeys(host))
        yield f"Deployment {name}: with hostPort {listed} no two pods run on one node: an update needs a free node"
    grace = get(deployment, (*POD, "terminationGracePeriodSeconds"), GRACE_SECONDS)
    own = all(get(each, ("lifecycle", "preStop"), None) for _, each in containers(deployment))
    if release.services and grace <= PRE_STOP_SECONDS and not (own and grace):
        yield (
            f"Deployment {name}: with terminationGracePeriodSeconds {grace} a pod ends before every node knows, "
            "and requests to it are lost in each update"
        )
