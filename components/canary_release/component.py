"""The component: declares the objects of a release and nothing else."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pulumi
from pulumi import ComponentResource, CustomTimeouts, Output, ResourceHookBinding, ResourceOptions

from .gates import Gates, parse_gates
from .hooks.claims import claim
from .hooks.guard import Guard
from .hooks.soak import since_output
from .kubernetes_object import KubernetesObject
from .model.arguments import GATES
from .model.contract import CanaryReleaseArgs
from .model.objects import canary_deployment, declared_service, stable_deployment
from .model.parsing import Parsed, parse
from .model.problem import Problem
from .model.release import Release, Track
from .model.tree import Object, number_at, objects_at, whole_numbers
from .model.unquoted import unquoted_versions
from .pulumi_host import Refusal, last_outputs, made_by_host, refuse_in_host
from .text.report import report
from .text.spelling import ARGUMENTS, PROPERTIES, Spelling, camel
from .update.former import former_stable
from .update.update import Update


class CanaryRelease(ComponentResource):
    """A stable Deployment, a canary Deployment and the Services in front of both, made from one manifest.

    The share of pods is the share of new connections.

    Raises `pulumi.RunError` with all problems of the arguments before anything is registered. A caller that has
    parsed the arguments of the release gives the result as `parsed`: then they are not checked again.
    """

    stable_version: Output[str]
    """Version of the stable Deployment."""

    stable_replicas: Output[int]
    """Pods of the stable Deployment."""

    canary_version: Output[str | None]
    """Version of the canary Deployment; None without one."""

    canary_replicas: Output[int]
    """Pods of the canary Deployment; 0 without one."""

    service_names: Output[list[str]]
    """Names of the Services, in the order of the manifest."""

    node_port: Output[int | None]
    """Port on every node of the first Service that selects both tracks; None if it has none."""

    namespace: Output[str]
    """Namespace of all objects."""

    selector: Output[dict[str, str]]
    """Labels that select the pods of both tracks."""

    canary_share: Output[float]
    """Share of the canary's pods in all pods, in percent with one decimal."""

    total_pods: Output[int]
    """Pods of both tracks together."""

    canary_since: Output[str | None]
    """Since when the canary's content has run in finished updates, as 2026-11-24T22:15:30Z; None without its pods."""

    former_stable: Output[str | None]
    """Fingerprint of stable's content before its last change; empty if it ran no other, None if not known."""

    def __init__(
        self,
        name: str,
        args: CanaryReleaseArgs,
        opts: ResourceOptions | None = None,
        *,
        spelling: Spelling = ARGUMENTS,
        parsed: Parsed | None = None,
    ) -> None:
        hosted = made_by_host()
        if hosted:
            spelling = PROPERTIES
        try:
            parsed, gates = _valid(
                name, args, spelling, parsed, None if hosted else Path(f"Pulumi.{pulumi.get_stack()}.yaml")
            )
            release = parsed.release
            claim(name, release, opts, spelling)
        except Refusal as refusal:
            if not hosted:
                raise
            refuse_in_host(self, str(refusal))
            return
        guard = Guard(name, parsed, opts, spelling, gates, args.get("proven_in"), args.get("evidence_folder"))
        super().__init__("canary-release:index:CanaryRelease", name, release.inputs(), guard.added_to(opts))

        async def first_track() -> str | None:
            # The guard's hook runs before the component has a URN.
            await self.urn.future()
            if not guard.has_run:
                guard.outputs = await last_outputs(self)
            return guard.first

        first = Output.from_input(first_track())
        stable, canary = f"{name}-stable", f"{name}-canary"
        tracks = {stable: (release.name, release.stable)}
        if release.canary:
            tracks[canary] = (release.canary_name, release.canary)
        deployments: dict[str, KubernetesObject] = {}

        async def once_it_runs(child: str) -> list[KubernetesObject]:
            await guard.wait_for_pods({child: tracks[child]})
            return [deployments[child]]

        def after(other: str) -> Output[list[KubernetesObject]]:
            """The other Deployment if it goes first, else nothing.

            Known once its pods run: until then this Deployment takes no pod away.
            """

            def dependency(first: str | None) -> Output[list[KubernetesObject]]:
                if f"{name}-{first}" != other or other not in deployments:
                    return Output.from_input([])
                return deployments[other].urn.apply(lambda _: once_it_runs(other))

            return first.apply(dependency)

        deployments[stable] = self._deployment(
            stable, stable_deployment(release), release.stable, after(canary), guard.child_hooks
        )
        if release.canary:
            deployments[canary] = self._deployment(
                canary,
                canary_deployment(release, release.canary),
                release.canary,
                after(stable),
                guard.child_hooks,
                # It comes and goes: protected, it could not be removed.
                protect=False,
            )
        services = {each["metadata"]["name"]: self._service(name, each) for each in release.services}

        # Outputs in the state mean that the update finished: they wait for all objects.
        made = Output.all(*(each.urn for each in (*deployments.values(), *services.values())))

        async def finish(_urns: list[str]) -> Update:
            await guard.wait_for_pods(tracks, is_end=True)
            guard.finish()
            return guard.update

        self._set_outputs(release, services, made.apply(finish), guard)

    def _deployment(
        self,
        name: str,
        manifest: Object,
        track: Track,
        depends_on: Output[list[KubernetesObject]],
        hooks: ResourceHookBinding,
        protect: bool | None = None,
    ) -> KubernetesObject:
        seconds = f"{track.rollout_seconds}s"
        # Neither custom timeouts nor dependencies are inherited from the component.
        opts = ResourceOptions(
            parent=self,
            depends_on=depends_on,
            custom_timeouts=CustomTimeouts(create=seconds, update=seconds),
            protect=protect,
            hooks=hooks,
        )
        return KubernetesObject(name, manifest, opts)

    def _service(self, name: str, service: Object) -> KubernetesObject:
        manifest = declared_service(service)
        # A fixed node port belongs to one Service at a time.
        opts = ResourceOptions(parent=self, delete_before_replace=True)
        child = f"{name}-{manifest['metadata']['name']}"
        return KubernetesObject(child, manifest, opts)

    def _set_outputs(
        self, release: Release, services: Mapping[str, KubernetesObject], finished: Output[Update], guard: Guard
    ) -> None:
        def since(update: Update) -> Output[str | None]:
            return Output.from_input(since_output(update))

        def output(name: str, value: Any) -> Output[Any]:
            def said(update: Update) -> Any:
                own = value(update) if callable(value) else value
                return guard.outputs_of_before(release).get(name, own)

            return finished.apply(said)

        self.stable_version = output("stableVersion", release.stable.version)
        self.stable_replicas = output("stableReplicas", release.stable.replicas)
        self.canary_version = output("canaryVersion", release.canary_version)
        self.canary_replicas = output("canaryReplicas", release.canary_replicas)
        self.service_names = output("serviceNames", list(services))
        sharing = [services[each["metadata"]["name"]] for each in release.sharing_services[:1]]
        self.node_port = finished.apply(lambda _: _node_port(sharing[0]) if sharing else None)
        self.namespace = output("namespace", release.namespace)
        self.selector = output("selector", release.selector)
        self.canary_share = output("canaryShare", release.canary_share)
        self.total_pods = output("totalPods", release.total_pods)
        self.canary_since = output("canarySince", since)
        self.former_stable = finished.apply(former_stable)
        self.register_outputs({camel(output): getattr(self, output) for output in CanaryRelease.__annotations__})


def _node_port(service: KubernetesObject) -> Output[int | None]:
    def first(spec: Any) -> int | None:
        ports = objects_at(whole_numbers(spec), "ports")
        return number_at(ports[0], "nodePort") or None if ports else None

    return service.spec.apply(first)


def _valid(
    name: str, args: CanaryReleaseArgs, spelling: Spelling, checked: Parsed | None, stack_file: Path | None
) -> tuple[Parsed, Gates]:
    if not isinstance(args, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] # not every program is type-checked
        raise Refusal(f"CanaryRelease {name!r} needs its arguments as a dict, not {type(args).__name__}")
    token = args.get("prometheus_token")
    if isinstance(token, Output):  # In YAML every secret of the config is one.
        args = cast(CanaryReleaseArgs, {**args, "prometheus_token": None})
    parsed = checked or parse(cast(Mapping[str, Any], args))
    gates = parse_gates(*map(args.get, GATES))
    if isinstance(gates, Gates) and isinstance(token, Output):
        gates = replace(gates, prometheus_token=token)
    problems = [each for found in (parsed, gates) if isinstance(found, list) for each in found]
    if stack_file and not checked:
        given = {name: args.get(name) for name in ("stable_version", "canary_version")}
        versions = {name: version for name, version in given.items() if isinstance(version, str)}
        problems += unquoted_versions(stack_file, versions)
    folder = args.get("evidence_folder")
    if stack_file is None and folder and not Path(folder).is_absolute():
        accepted = "must be an absolute path: the plugin runs in a folder of its own"
        problems.append(Problem(("evidence_folder",), folder, accepted))
    if isinstance(parsed, list) or isinstance(gates, list) or problems:
        headline = f"CanaryRelease {name!r} has invalid arguments and was not declared"
        raise Refusal(report(headline, problems, spelling))
    return parsed, gates
