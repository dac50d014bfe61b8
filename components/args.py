"""The contract of a release: every argument with its meaning, unit, default and bounds."""

from typing import Any

from typing_extensions import NotRequired, TypedDict


class CanaryReleaseArgs(TypedDict):
    """What a release runs.

    Values are plain, not Inputs: a reviewer reads them, and all are checked before anything is registered.
    """

    app: str
    """Value of the `app` label of both Deployments, which the Service selects. A DNS label, unique in its namespace."""

    image: str
    """Image repository of both tracks, without tag or digest, such as `registry.example.com/team/app`."""

    stable_version: str
    """Tag, or `sha256:…` digest, of the stable Deployment. Never `latest`."""

    stable_replicas: NotRequired[int]
    """Pods of the stable Deployment, 1 to 1000. Default 2."""

    canary_version: NotRequired[str]
    """Tag, or `sha256:…` digest, of the canary Deployment. Without it there is no canary Deployment."""

    canary_replicas: NotRequired[int]
    """Pods of the canary Deployment, 0 to 1000. Default 0, which keeps the Deployment and scales it to zero."""

    max_canary_share: NotRequired[int]
    """Largest share of pods that the canary may have, in percent, 1 to 100. Default 50."""

    fixed_total: NotRequired[int]
    """Pods of both tracks together, 1 to 1000; no update ever runs more. Default: as many as the tracks and a surge."""

    name: NotRequired[str]
    """Name of the stable Deployment, at most 56 characters; the canary's is `<name>-canary`. Default `app`."""

    namespace: NotRequired[str]
    """Namespace of all objects; it must exist. Default `default`."""

    container_name: NotRequired[str]
    """Name of the container in both tracks. Default: `name`."""

    container_port: NotRequired[int]
    """Port that the container listens on, 1 to 65535. Default 8080."""

    readiness_path: NotRequired[str]
    """Path of the HTTP readiness probe on `container_port`, such as `/healthz`. Default: an accepted TCP connection."""

    container: NotRequired[dict[str, Any]]
    """Further Kubernetes container fields for both tracks, as in a manifest: env, resources, probes and so on."""

    pod: NotRequired[dict[str, Any]]
    """Further Kubernetes pod spec fields for both tracks, as in a manifest: volumes, imagePullSecrets and so on."""

    service_type: NotRequired[str]
    """`NodePort`, or `none` for workers, whose share is one of consumers: no Service, no default readiness probe.
    Default `NodePort`."""

    service_name: NotRequired[str]
    """Name of the Service. Default `<app>-svc`."""

    service_port: NotRequired[int]
    """Port of the Service inside the cluster, 1 to 65535. Default: `container_port`."""

    node_port: NotRequired[int]
    """Port of the Service on every node, 30000 to 32767. Default: allocated by the cluster."""

    min_ready_seconds: NotRequired[int]
    """Seconds that a new pod must stay ready before it counts, 0 to 3600. Default 0."""

    ready_timeout_seconds: NotRequired[int]
    """Seconds that one pod may take to become ready before the update fails, 1 to 3600. Default 120."""

    skip_transition_checks: NotRequired[bool]
    """Run updates that rules, gates or `provenIn` refuse: for emergencies, every preview warns of it. Default False."""


DEFAULTS: dict[str, Any] = {
    "stable_replicas": 2,
    "canary_replicas": 0,
    "max_canary_share": 50,
    "name": "app",
    "namespace": "default",
    "container_port": 8080,
    "service_type": "NodePort",
    "min_ready_seconds": 0,
    "ready_timeout_seconds": 120,
    "skip_transition_checks": False,
}
"""Defaults that do not depend on another argument."""

BOUNDS: dict[str, tuple[int, int]] = {
    "stable_replicas": (1, 1000),
    "canary_replicas": (0, 1000),
    "max_canary_share": (1, 100),
    "fixed_total": (1, 1000),
    "container_port": (1, 65535),
    "service_port": (1, 65535),
    "node_port": (30000, 32767),
    "min_ready_seconds": (0, 3600),
    "ready_timeout_seconds": (1, 3600),
}
"""Smallest and largest accepted value of every whole number."""
