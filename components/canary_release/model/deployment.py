"""Paths in a Deployment, readers of its parts, and copies of it with another label or image."""

from collections.abc import Iterator
from typing import Any, cast

from .image import ImageReference
from .tree import ABSENT, Object, Path, get, with_value

TEMPLATE_LABELS = ("spec", "template", "metadata", "labels")
MATCH_LABELS = ("spec", "selector", "matchLabels")
TEMPLATE: Path = ("spec", "template")
POD = ("spec", "template", "spec")
CONTAINERS = (*POD, "containers")
INIT_CONTAINERS = (*POD, "initContainers")
READY_DELAY = ("readinessProbe", "initialDelaySeconds")
REVISION = "deployment.kubernetes.io/revision"
"""Annotation in which Kubernetes counts the revisions of a Deployment and of its ReplicaSets."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
LABELLED: tuple[Path, ...] = (("metadata", "labels"), MATCH_LABELS, TEMPLATE_LABELS)
"""Where the track label stands."""


def labelled(deployment: Object, key: str, value: Any) -> Object:
    """A copy with the label in metadata, selector and pod template; `ABSENT` takes it away."""
    for path in LABELLED:
        if value is not ABSENT or get(deployment, (*path, key)) is not ABSENT:
            deployment = with_value(deployment, (*path, key), value)
    return deployment


def containers(deployment: Object, *paths: Path) -> Iterator[tuple[Path, Object]]:
    """Path and fields of each container; the ordinary ones, unless the paths of other lists are given."""
    for path in paths or (CONTAINERS,):
        for index, container in enumerate(get(deployment, path, [])):
            yield (*path, index), container


def serving_containers(deployment: Object) -> Iterator[tuple[Path, Object]]:
    """The containers that run as long as the pod: the ordinary ones, and the init containers that restart."""
    yield from containers(deployment)
    for path, container in containers(deployment, INIT_CONTAINERS):
        if container.get("restartPolicy") == "Always":
            yield path, container


def ports(container: Object) -> list[Object]:
    """The ports that a container declares."""
    return cast(list[Object], container.get("ports", []))


def protocol(port: Object) -> str:
    """The protocol of a container's or a Service's port."""
    return port.get("protocol", "TCP")


def target(port: Object) -> int | str:
    """The port of the pods that a Service's port leads to."""
    return port.get("targetPort") or port["port"]


def is_headless(service: Object) -> bool:
    """Whether clients connect to the pods themselves: no targetPort counts."""
    return get(service, ("spec", "clusterIP"), None) == "None"


def start_seconds(deployment: Object) -> int:
    """How long the manifest lets a pod take until it is available."""
    most = 0
    for _, each in serving_containers(deployment):
        # The kubelet counts the delays of both probes from the start of the container.
        most = max(most, get(each, READY_DELAY, 0))
        if (probe := each.get("startupProbe")) is not None:
            tries = probe.get("failureThreshold", 3) * probe.get("periodSeconds", 10)
            most = max(most, probe.get("initialDelaySeconds", 0) + tries)
    return most + deployment["spec"].get("minReadySeconds", 0)


def with_image(deployment: Object, container_name: str, version: str | None) -> Object:
    """A copy with this version of the container; None leaves the repository alone."""
    for path, container in containers(deployment):
        if container["name"] == container_name:
            image = ImageReference.parse(container["image"]).with_version(version)
            return with_value(deployment, (*path, "image"), str(image))
    raise KeyError(container_name)
