"""The fields that a release adds to a Deployment, where manifest and patches do not set them."""

from collections.abc import Iterator, Sequence
from typing import Any

from .deployment import POD, containers, is_headless, ports, protocol, serving_containers, start_seconds, target
from .given import Given
from .tree import ABSENT, Object, Path, get, with_value

Addition = tuple[Path, Any]
"""A path in the Deployment, and the value that is added there."""

PRE_STOP_SECONDS = 5
"""How long a pod that leaves keeps serving, so that every node has dropped its endpoint before the process stops."""

GRACE_SECONDS = 30
"""Kubernetes' own terminationGracePeriodSeconds."""

READY_SECONDS = 120
"""How long a pod may take to become ready, beyond the time that its probes give it to start."""


def with_additions(
    deployment: Given, sharing: Sequence[Object], container_name: str, fixed_total: bool
) -> tuple[Object, tuple[Addition, ...]]:
    """The Deployment with the additions, and what was added.

    `sharing` are the Services that select both tracks. A patch that sets an addition to null takes it away.
    """
    completed = deployment.object
    proposed = _proposed(completed, sharing, container_name, fixed_total)
    added = tuple((path, value) for path, value in proposed if not deployment.is_taken_away(path))
    for path, value in added:
        completed = with_value(completed, path, value)
    return completed, added


def _proposed(
    deployment: Object, sharing: Sequence[Object], container_name: str, fixed_total: bool
) -> Iterator[Addition]:
    """What is added unless a patch takes it away."""
    if "strategy" not in deployment["spec"]:
        # Kubernetes refuses 0 for both: without surge, one pod leaves before the next one comes.
        numbers = {"maxUnavailable": 1, "maxSurge": 0} if fixed_total else {"maxUnavailable": 0, "maxSurge": "25%"}
        yield ("spec", "strategy"), {"type": "RollingUpdate", "rollingUpdate": numbers}
    if "progressDeadlineSeconds" not in deployment["spec"]:
        yield ("spec", "progressDeadlineSeconds"), READY_SECONDS + start_seconds(deployment)
    if (probed := _probed(deployment, sharing, container_name)) is not None:
        path, port = probed
        if get(deployment, (*path, "readinessProbe")) is ABSENT:
            yield (*path, "readinessProbe"), {"tcpSocket": {"port": port}, "periodSeconds": 2}
    if sharing and get(deployment, (*POD, "terminationGracePeriodSeconds"), GRACE_SECONDS) > PRE_STOP_SECONDS:
        for path, container in containers(deployment):
            if get(container, ("lifecycle", "preStop")) is ABSENT:
                yield (*path, "lifecycle", "preStop"), {"sleep": {"seconds": PRE_STOP_SECONDS}}


def _probed(deployment: Object, sharing: Sequence[Object], container_name: str) -> tuple[Path, int | str] | None:
    """The container that the first sharing Service reaches, and the port; None without one for TCP. A headless Service
    counts where a container declares the port."""
    declared = [
        (path, (port.get("name"), port["containerPort"]))
        for path, each in serving_containers(deployment)
        for port in ports(each)
        if protocol(port) == "TCP"
    ]
    released = [path for path, each in containers(deployment) if each["name"] == container_name]
    for service in sharing:
        wanted = [target(port) for port in get(service, ("spec", "ports"), []) if protocol(port) == "TCP"][:1]
        for port in wanted:
            found = [path for path, known in declared if port in known]
            # Nothing says that a pod listens on a port that only a headless Service names.
            if not found and isinstance(port, int) and not is_headless(service):
                found = released
            if found:
                return found[0], port
        if not is_headless(service):
            break
    return None
