"""The three manifests of a release, as plain dicts: what `kubectl get -o yaml` shows of them."""

from collections.abc import Mapping
from typing import Any, cast

from .exposure import MAX_SURGE_PERCENT, Track
from .release import PRE_STOP_SECONDS, Release

Manifest = dict[str, Any]

HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")
"""The ways that a probe can be done: Kubernetes accepts exactly one."""

ALTERNATIVES = (*HANDLERS, "sleep")
"""The same, and what a lifecycle hook can do besides."""


def manifests(release: Release) -> dict[tuple[str, str], Manifest]:
    """All objects of the release, by kind and name."""
    found = {("Deployment", release.name): stable_deployment(release)}
    if release.canary:
        found["Deployment", release.canary_name] = canary_deployment(release, release.canary)
    if release.service_name:
        found["Service", release.service_name] = service(release)
    return found


def stable_deployment(release: Release) -> Manifest:
    """The Deployment that serves most users."""
    return _deployment(release, release.name, "stable", release.stable)


def canary_deployment(release: Release, canary: Track) -> Manifest:
    """The Deployment that serves the canary's share: the stable one with another name, label, version and replicas."""
    return _deployment(release, release.canary_name, "canary", canary)


def service(release: Release) -> Manifest:
    """The Service in front of both Deployments; another affinity or traffic policy would quietly break the ratio."""
    port: Manifest = {"port": release.service_port, "protocol": "TCP", "targetPort": release.container_port}
    if release.node_port:
        port["nodePort"] = release.node_port
    return {
        "metadata": {
            "name": release.service_name,
            "namespace": release.namespace,
            "labels": release.selector,
            # The provider waits until no endpoint is unready: one bad canary pod would block the Service.
            "annotations": {"pulumi.com/skipAwait": "true"},
        },
        "spec": {
            "type": "NodePort",
            "selector": release.selector,
            "ports": [port],
            "sessionAffinity": "None",
            "internalTrafficPolicy": "Cluster",
            "externalTrafficPolicy": "Cluster",
        },
    }


def _deployment(release: Release, name: str, track_label: str, track: Track) -> Manifest:
    labels = {**release.selector, "version": track_label}
    return {
        "metadata": {"name": name, "namespace": release.namespace, "labels": labels},
        "spec": {
            "replicas": track.replicas,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": _rolling(release)},
            "minReadySeconds": release.min_ready_seconds,
            "progressDeadlineSeconds": release.pod_seconds,
            "revisionHistoryLimit": 3,
            "template": {"metadata": {"labels": labels}, "spec": _pod(release, track.version)},
        },
    }


def _rolling(release: Release) -> Manifest:
    # Kubernetes refuses 0 for both: without surge, one pod leaves before the next one comes.
    if release.fixed_total:
        return {"maxUnavailable": 1, "maxSurge": 0}
    return {"maxUnavailable": 0, "maxSurge": f"{MAX_SURGE_PERCENT}%"}


def _pod(release: Release, version: str) -> Manifest:
    defaults: Manifest = {
        "automountServiceAccountToken": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
    }
    return {**merged(defaults, release.pod), "containers": [_container(release, version)]}


def _container(release: Release, version: str) -> Manifest:
    separator = "@" if version.startswith("sha256:") else ":"
    return {
        "name": release.container_name,
        "image": f"{release.image}{separator}{version}",
        **({"ports": [{"containerPort": release.container_port}]} if release.listens else {}),
        **merged(_container_defaults(release), release.container),
    }


def _container_defaults(release: Release) -> Manifest:
    defaults: Manifest = {"securityContext": {"allowPrivilegeEscalation": False}}
    port = release.container_port
    if release.readiness_path:
        defaults["readinessProbe"] = {"httpGet": {"path": release.readiness_path, "port": port}, "periodSeconds": 2}
    elif release.listens:
        defaults["readinessProbe"] = {"tcpSocket": {"port": port}, "periodSeconds": 2}
    if release.service_name:
        defaults["lifecycle"] = {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}}
    return defaults


def merged(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> Manifest:
    """The given fields over the defaults: maps merge, everything else replaces, null removes a default.

    A probe or lifecycle hook that is done another way than the default's drops the default's way.
    """
    result = dict(defaults)
    if any(way in given for way in ALTERNATIVES):
        result = {field: value for field, value in result.items() if field not in ALTERNATIVES or field in given}
    for field, value in given.items():
        if value is None:
            result.pop(field, None)
        elif isinstance(value, Mapping):
            below: Any = result.get(field)
            result[field] = merged(
                cast(Manifest, below) if isinstance(below, dict) else {}, cast(Mapping[str, Any], value)
            )
        else:
            result[field] = value
    return result
