"""Runs the rules before any child is touched: in previews and updates, with the deployed release beside the new one."""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import ErrorHookArgs, ResourceHookArgs, ResourceHookBinding, ResourceOptions

from ..gates import Gates
from ..model.moment import steady_clock
from ..model.parsing import Parsed
from ..model.release import Release, Track
from ..model.tree import whole_numbers
from ..pulumi_host import Refusal, program, provider_of
from ..text.announcement import announcement, resumption
from ..text.refusal import refusal
from ..text.spelling import Spelling
from ..update.content import tracks
from ..update.refused import broken_by_update
from ..update.rules import first_track
from ..update.update import Update
from .claims import collision
from .cluster import cluster_of
from .free_names import check_names
from .proven_in import check_proven
from .rollout_check import RETRY_SECONDS, Due, check_rollouts, reasons
from .shared import hooks_of
from .soak import SINCE, update_after
from .threads import unless_interrupted

if TYPE_CHECKING:
    from .gating import Gating


class Guard:
    """Announces the update of one release, and refuses one that breaks the rules.

    It runs only when the component's inputs change. Two updates change Deployments without it: a retry of one that did
    not finish, and one that undoes a change by hand. Of these it only warns.
    """

    first: str | None
    """Track whose Deployment is updated first, or None: a first update makes both at once. Known once the component is
    registered."""

    outputs: Mapping[str, Any]
    """The outputs of the component after the last update, set where the hook has not run. Empty if that update did not
    finish."""

    child_hooks: ResourceHookBinding
    """Hooks for the Deployments: they warn of a change where this guard did not run, and tell why pods do not run."""

    _gating: "Gating | None" = None

    def __init__(
        self,
        name: str,
        parsed: Parsed,
        opts: ResourceOptions | None,
        spelling: Spelling,
        gates: Gates,
        proven_in: str | None = None,
        evidence_folder: str | None = None,
    ) -> None:
        self._name, self._release, self._spelling = name, parsed.release, spelling
        self._proven_in = proven_in
        self._provider = provider_of(opts)
        self.first = first_track(None, parsed.release)
        self._update: Update | None = None
        self._now = steady_clock()
        if gates.checks or evidence_folder:
            # Most releases have neither, and to import this costs a fifth of all that the package costs a program.
            from .gating import Gating

            self._gating = Gating(name, gates, Path(evidence_folder) if evidence_folder else None, spelling, self._now)
        self._changed: dict[str, float] = {}
        self._failed: set[str] = set()
        self._seen_running: set[str] = set()
        self.outputs = {}
        self._warned = False
        self._hooks = hooks_of(name)
        self._hooks.add(name, self)
        self.child_hooks = self._hooks.children
        if parsed.release.skip_transition_checks:
            key = spelling.name("skip_transition_checks")
            guards = "no rule and no gate guards" if gates.checks else "no rule guards"
            pulumi.log.warn(f"{key} is set: {guards} the updates of CanaryRelease {name!r}")
        if pulumi.runtime.is_dry_run():
            for warning in parsed.warnings:
                pulumi.log.warn(warning)

    def added_to(self, opts: ResourceOptions | None) -> ResourceOptions:
        """The options with this hook around those that they already have."""
        return self._hooks.around(opts)

    @property
    def has_run(self) -> bool:
        """Whether the hook was asked, as it is if inputs change. Known once the component is registered."""
        return self._update is not None

    @property
    def update(self) -> Update:
        """What this update is. Known once the component is registered."""
        return self._update or update_after(self.outputs, self._release, self._release)

    async def wait_for_pods(self, children: Mapping[str, tuple[str, Track]], is_end: bool = False) -> None:
        """Returns when the Deployments run what the release declares. `children`: name and track by Pulumi name.

        It waits only for Deployments that this update changes: another one that is unready for a moment must not fail
        the update. After an update that did not finish it waits for all, because the provider may take for done what
        that update changed. But before the end (`is_end`), a Deployment that this update leaves alone needs only a
        rollout that has ended. Raises `Refusal` if one is late.
        """
        if pulumi.runtime.is_dry_run():
            return
        if failed := self._failed.intersection(children):
            what = f"the update of {', '.join(sorted(failed))} failed"
            raise Refusal(f"CanaryRelease {self._name!r}: {what}, and does not count as finished")
        now, due = time.monotonic(), dict[str, Due]()
        for child, (name, track) in children.items():
            if child in self._seen_running or self._is_left_alone(child):
                continue
            due[child] = Due(
                name,
                self._release.namespace,
                track.replicas,
                deadline=max(self._changed.get(child, now) + track.rollout_seconds, now + RETRY_SECONDS),
                end_is_enough=child not in self._changed and self.has_run and not is_end,
                container=self._release.container_name,
                version=None if child in self._changed else track.version,
            )
        unsure = await check_rollouts(self._name, list(due.values()), await cluster_of(self._provider))
        if unsure and not self._warned:
            what = f"whether the pods of CanaryRelease {self._name!r} run: only the provider says so"
            pulumi.log.warn(f"not verified: {what} ({unsure.reason})")
            self._warned = True
        self._seen_running.update(child for child, each in due.items() if not each.end_is_enough)

    def _is_left_alone(self, child: str) -> bool:
        """Whether the Deployment is as a finished update left it. The engine may also pass over one that has to change:
        by --target or --exclude.
        """
        if child in self._changed or self.update.old is None or not self.update.finished:
            return False
        before, after = tracks(self.update.old), tracks(self.update.new)
        return after.stable == before.stable if child.endswith("-stable") else after.canary == before.canary

    def outputs_of_before(self, release: Release) -> Mapping[str, Any]:
        """What the last finished update said, if the engine passes over a change of the component, as by --target.
        Else empty.
        """
        said = {
            "stableVersion": release.stable.version,
            "stableReplicas": release.stable.replicas,
            "canaryVersion": release.canary_version,
            "canaryReplicas": release.canary_replicas,
        }
        is_same = all(self.outputs.get(name) == value for name, value in said.items())
        if self.has_run or is_same or not self.outputs:
            return {}
        # The state has no output that is None.
        return {**dict.fromkeys(("canaryVersion", SINCE)), **whole_numbers(self.outputs)}

    def finish(self) -> None:
        """Writes the document of an update that changed the release. Call it when all objects are finished."""
        if self._update and self._gating:
            self._gating.finish(self._update)

    async def tell_reasons(self, args: ErrorHookArgs) -> bool:
        """The hook of a Deployment that failed. Warns with the reasons why pods do not run: the provider tells nothing
        of failing probes or a quota.
        """
        with suppress(Exception):  # The update has failed, and its own error is to be shown.
            metadata = (args.new_inputs or {})["metadata"]
            if not pulumi.runtime.is_dry_run():
                cluster = await cluster_of(self._provider)
                is_new = args.failed_operation == "create"
                if told := await reasons(metadata["name"], metadata["namespace"], cluster, is_new=is_new):
                    pulumi.log.warn(told.strip())
        self._failed.add(args.name)
        program.changing.discard(args.urn)
        return False

    def tell_resumption(self, args: ResourceHookArgs) -> None:
        """The hook of a Deployment's change. Warns of it if the component's hook did not run."""
        self._changed[args.name] = time.monotonic()
        if not pulumi.runtime.is_dry_run():
            program.changing.add(args.urn)
        if self._update is None:
            pulumi.log.warn(resumption(args.old_inputs, args.new_inputs or {}, self._release.container_name))

    async def check(self, args: ResourceHookArgs, is_create: bool) -> None:
        """The first hook of the component. Raises `Refusal` if the update may not run."""
        # By now the program has run, but for its applies.
        if refused := collision(self._name):
            raise Refusal(refused)
        old = Release.of_inputs(args.old_inputs) if args.old_inputs else None
        update = update_after(args.old_outputs, old, self._release)
        self.first = None if is_create else first_track(old, self._release)
        if broken := broken_by_update(update, self._now()):
            raise Refusal(refusal(self._name, update, broken, self._spelling))
        self._update = update
        if self._gating:
            self._gating.begin()
        if self._proven_in:
            await check_proven(self._proven_in, update, self._spelling)
        if old or is_create:  # A component without inputs was imported, and its objects with it.
            cluster = await cluster_of(self._provider)
            told = f"CanaryRelease {self._name!r}: the check of its names was interrupted; "
            told += "nothing of this release was changed"
            await unless_interrupted(check_names(self._name, update, cluster, self._spelling), told)

    async def announce(self) -> None:
        """The last hook of the component. Announces the update, then asks the gates: these may take an hour, so all
        other checks come before.
        """
        update = self._update
        assert update is not None  # The check has run before it.
        pulumi.log.info(announcement(update))
        if self._gating and self._gating.asks(update):
            await self._gating.judge(update, await cluster_of(self._provider))
