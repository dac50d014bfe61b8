"""The component: declares the objects of a release and nothing else; rules and manifests come from the pure modules."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pulumi
from pulumi import ComponentResource, CustomTimeouts, Output, ResourceHookBinding, ResourceOptions
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import Service

from . import checks, claims, hosting, objects
from .args import CanaryReleaseArgs
from .gates import Gates
from .gates import problems as gate_problems
from .problems import ARGUMENTS, PROPERTIES, Spelling, report
from .release import Release, camel
from .update_hook import UpdateHook


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

    service_name: Output[str | None]
    """Name of the Service; None without one."""

    node_port: Output[int | None]
    """Port of the Service on every node; None without a Service."""

    namespace: Output[str]
    """Namespace of all objects."""

    selector: Output[dict[str, str]]
    """Labels that select the pods of both tracks."""

    canary_share: Output[float]
    """Share of the canary's pods in all pods, in percent with one decimal."""

    total_pods: Output[int]
    """Pods of both tracks together."""

    def __init__(
        self,
        name: str,
        args: CanaryReleaseArgs,
        opts: ResourceOptions | None = None,
        *,
        spelling: Spelling = ARGUMENTS,
        gates: Gates | None = None,
        evidence_folder: Path | None = None,
    ) -> None:
        hosted = hosting.made_by_host()
        if hosted:
            spelling = PROPERTIES
        try:
            release = _valid(name, args, spelling, gates)
            claims.claim(name, release, opts, spelling)
        except pulumi.RunError as error:
            if not hosted:
                raise
            self.__dict__["urn"] = hosting.refusal(str(error))
            return
        hook = UpdateHook(name, release, spelling, gates, evidence_folder)
        super().__init__("canary-release:index:CanaryRelease", name, release.inputs(), hook.added_to(opts))

        async def canary_first() -> bool:
            # The hook has run before the component is registered.
            await self.urn.future()
            return hook.canary_goes_first

        canary_goes_first = Output.from_input(canary_first())
        deployments: list[Deployment] = []
        stable = self._deployment(
            f"{name}-stable",
            objects.stable_deployment(release),
            release.rollout_seconds(release.stable),
            canary_goes_first.apply(lambda canary_first: deployments[1:] if canary_first else []),
            hook.of_children,
        )
        deployments.append(stable)
        if release.canary:
            canary = self._deployment(
                f"{name}-canary",
                objects.canary_deployment(release, release.canary),
                release.rollout_seconds(release.canary),
                canary_goes_first.apply(lambda canary_first: [] if canary_first else deployments[:1]),
                hook.of_children,
                # It comes and goes with releases: protected, it could not be removed.
                protect=False,
            )
            deployments.append(canary)
        service = self._service(f"{name}-service", release) if release.service_name else None

        # Outputs in the state mean that the update finished: they wait for all objects.
        made = Output.all(*(each.urn for each in (*deployments, service) if each))
        finished = made.apply(lambda _: hook.finish())

        def output(value: Any) -> Output[Any]:
            return finished.apply(lambda _: value)

        self.stable_version = output(release.stable.version)
        self.stable_replicas = output(release.stable.replicas)
        self.canary_version = output(release.canary_version)
        self.canary_replicas = output(release.canary_replicas)
        self.service_name = output(release.service_name)
        self.node_port = finished.apply(lambda _: cast(Any, service).spec.ports[0].node_port if service else None)
        self.namespace = output(release.namespace)
        self.selector = output(release.selector)
        self.canary_share = output(release.canary_share)
        self.total_pods = output(release.total_pods)
        self.register_outputs({camel(output): getattr(self, output) for output in CanaryRelease.__annotations__})

    def _deployment(
        self,
        name: str,
        manifest: objects.Manifest,
        seconds: int,
        depends_on: Output[list[Deployment]],
        hooks: ResourceHookBinding,
        protect: bool | None = None,
    ) -> Deployment:
        # Neither custom timeouts nor dependencies are inherited from the component.
        opts = ResourceOptions(
            parent=self,
            depends_on=depends_on,
            custom_timeouts=CustomTimeouts(create=f"{seconds}s", update=f"{seconds}s"),
            protect=protect,
            hooks=hooks,
        )
        return Deployment(name, **manifest, opts=opts)

    def _service(self, name: str, release: Release) -> Service:
        # A fixed node port belongs to one Service at a time.
        return Service(name, **objects.service(release), opts=ResourceOptions(parent=self, delete_before_replace=True))


def _valid(name: str, args: CanaryReleaseArgs, spelling: Spelling, gates: Gates | None) -> Release:
    if not isinstance(args, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] # not every program is type-checked
        raise pulumi.RunError(f"CanaryRelease {name!r} needs its arguments as a dict, not {type(args).__name__}")
    problems = checks.problems(cast(Mapping[str, Any], args))
    if gates:
        problems += gate_problems(gates.checks, gates.prometheus_url, gates.prometheus_token)
    if problems:
        raise pulumi.RunError(
            report(f"CanaryRelease {name!r} has invalid arguments and was not declared", problems, spelling)
        )
    return Release.of(args)
