"""The component: declares the objects of a release and nothing else; rules and manifests come from the pure modules."""

from collections.abc import Mapping
from typing import Any, cast

import pulumi
from pulumi import ComponentResource, CustomTimeouts, Output, ResourceOptions
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import Service

from . import checks, claims, objects
from .args import CanaryReleaseArgs
from .exposure import Track, canary_share
from .problems import ARGUMENTS, report
from .release import Release, camel


class CanaryRelease(ComponentResource):
    """A stable Deployment, a canary Deployment and one Service in front of both.

    The share of pods is the share of new connections.

    Raises `pulumi.RunError` with all problems of the arguments before anything is registered.
    """

    stable_version: Output[str]
    """Version of the stable Deployment."""

    stable_replicas: Output[int]
    """Pods of the stable Deployment."""

    canary_version: Output[str | None]
    """Version of the canary Deployment; None without one."""

    canary_replicas: Output[int]
    """Pods of the canary Deployment; 0 without one."""

    service_name: Output[str]
    """Name of the Service."""

    node_port: Output[int]
    """Port of the Service on every node."""

    namespace: Output[str]
    """Namespace of all objects."""

    selector: Output[dict[str, str]]
    """Labels that select the pods of both tracks."""

    canary_share: Output[float]
    """Share of the canary's pods in all pods, in percent with one decimal."""

    total_pods: Output[int]
    """Pods of both tracks together."""

    def __init__(self, name: str, args: CanaryReleaseArgs, opts: ResourceOptions | None = None) -> None:
        if not isinstance(args, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] # not every program is type-checked
            raise pulumi.RunError(f"CanaryRelease {name!r} needs its arguments as a dict, not {type(args).__name__}")
        if problems := checks.problems(cast(Mapping[str, Any], args)):
            raise pulumi.RunError(
                report(f"CanaryRelease {name!r} has invalid arguments and was not declared", problems, ARGUMENTS)
            )
        release = Release.of(args)
        claims.claim(name, release, opts)
        super().__init__("canary-release:index:CanaryRelease", name, release.inputs(), opts)

        stable = self._deployment(
            f"{name}-stable", objects.stable_deployment(release), release.rollout_seconds(release.stable)
        )
        if release.canary:
            # A promotion rolls stable while the canary still serves, and a failed stable leaves the canary serving.
            self._deployment(
                f"{name}-canary",
                objects.canary_deployment(release, release.canary),
                release.rollout_seconds(release.canary),
                depends_on=[stable],
            )
        # A fixed node port belongs to one Service at a time.
        service_options = ResourceOptions(parent=self, delete_before_replace=True)
        service = Service(f"{name}-service", **objects.service(release), opts=service_options)

        canary = release.canary or Track("", 0)
        self.stable_version = Output.from_input(release.stable.version)
        self.stable_replicas = Output.from_input(release.stable.replicas)
        self.canary_version = Output.from_input(canary.version or None)
        self.canary_replicas = Output.from_input(canary.replicas)
        self.service_name = Output.from_input(release.service_name)
        self.node_port = cast(Any, service).spec.ports[0].node_port
        self.namespace = Output.from_input(release.namespace)
        self.selector = Output.from_input(release.selector)
        self.canary_share = Output.from_input(canary_share(release.stable.replicas, canary.replicas))
        self.total_pods = Output.from_input(release.stable.replicas + canary.replicas)
        self.register_outputs({camel(output): getattr(self, output) for output in CanaryRelease.__annotations__})

    def _deployment(
        self, name: str, manifest: objects.Manifest, seconds: int, depends_on: list[Deployment] | None = None
    ) -> Deployment:
        # Neither custom timeouts nor dependencies are inherited from the component.
        timeouts = CustomTimeouts(create=f"{seconds}s", update=f"{seconds}s")
        return Deployment(
            name, **manifest, opts=ResourceOptions(parent=self, depends_on=depends_on, custom_timeouts=timeouts)
        )
