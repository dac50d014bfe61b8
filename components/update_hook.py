"""Runs the rules before any child is touched: in previews and updates, with the deployed release beside the new one."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty
from tempfile import TemporaryFile

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions, ResourceOptions

from .announcement import announcement, gate_refusal, refusal, resumption
from .claims import collision
from .evidence import evidence, write
from .gates import Gates, parsed
from .gates.comparison import State
from .gates.sampling import Verdict, judge
from .interrupts import interruptible
from .problems import Problem, Spelling, report
from .release import Release
from .transition import broken_rules, canary_goes_first, is_gated


@contextmanager
def errors_with_text(what: str) -> Generator[None]:
    """A hook's work runs in this block: the engine takes an error without text, as TimeoutError() is, for success."""
    try:
        yield
    except pulumi.RunError:
        raise
    except Exception as error:
        raise RuntimeError(f"{what}: {error!r}") from error


def before_change(name: str, function: Callable[[ResourceHookArgs], Awaitable[None] | None]) -> ResourceHookBinding:
    """Runs the function before a create or an update, also of a preview."""
    hook = ResourceHook(name, function, ResourceHookOptions(on_dry_run=True))
    return ResourceHookBinding(before_create=[hook], before_update=[hook])


class UpdateHook:
    """Announces the update of one release, and refuses one that breaks the rules.

    It runs only when the component's inputs change. What else changes the Deployments is told, and checked by no rule:
    the retry of an update that did not finish, and a change by hand that is taken back.
    """

    canary_goes_first: bool
    """Which Deployment is updated first; known once the component is registered."""

    of_children: ResourceHookBinding
    """For the Deployments: tells what changes where this hook did not run."""

    def __init__(
        self, name: str, release: Release, spelling: Spelling, gates: Gates | None = None, folder: Path | None = None
    ) -> None:
        self.canary_goes_first = canary_goes_first(None, release)
        self._name, self._release, self._spelling = name, release, spelling
        self._gates, self._folder = gates if gates and gates.checks else None, folder
        self._old: tuple[Release | None, bool] | None = None
        self._verdict: Verdict | None = None
        self._began = self._judged = time.time()
        self._ran = False
        self.of_children = before_change(f"{name}-child", self._resume)
        if release.skip_transition_checks:
            key = spelling.name("skip_transition_checks")
            guards = "no rule and no gate guards" if self._gates else "no rule guards"
            pulumi.log.warn(f"{key} is set: {guards} the updates of CanaryRelease {name!r}")

    def added_to(self, opts: ResourceOptions | None) -> ResourceOptions:
        """The options with this hook around those that they already have."""
        # What the rules refuse needs no further check, and what any check refuses is not announced.
        first = ResourceOptions(hooks=before_change(f"{self._name}-update", self._run))
        last = ResourceOptions(hooks=before_change(f"{self._name}-announcement", self._announce))
        return ResourceOptions.merge(ResourceOptions.merge(first, opts), last)

    def finish(self) -> None:
        """Writes the evidence of an update that changed the release. Call it when all objects are finished."""
        if self._old is None or self._folder is None or pulumi.runtime.is_dry_run():
            return
        names = pulumi.get_project(), pulumi.get_stack(), self._name
        times = self._began, self._judged, time.time()
        try:
            write(self._folder, evidence(names, *self._old, self._release, self._verdict, times), times[-1])
        except OSError as error:
            # The update is done: to fail it now would make it count as unfinished.
            pulumi.log.warn(f"the evidence of this update could not be written: {error}")

    def _resume(self, args: ResourceHookArgs) -> None:
        if not self._ran:
            pulumi.log.warn(resumption(args.old_inputs, args.new_inputs or {}))

    def _run(self, args: ResourceHookArgs) -> None:
        self._ran = True
        with errors_with_text(f"the rules of CanaryRelease {self._name!r} could not be checked"):
            self._check(args)

    def _check(self, args: ResourceHookArgs) -> None:
        new = self._release
        # By now the program has run, but for its applies; its error alone would not keep this one from being declared.
        if refused := collision(self._name):
            raise pulumi.RunError(refused)
        if not args.old_inputs:
            self.canary_goes_first = False
            self._announcement = announcement(None, new)
            self._prepare(None, True)
            return
        old, finished = Release.of_inputs(args.old_inputs), bool(args.old_outputs)
        self.canary_goes_first = canary_goes_first(old, new)
        broken = [] if new.skip_transition_checks else broken_rules(old, new, finished)
        if broken:
            raise pulumi.RunError(refusal(self._name, old, new, broken, self._spelling, finished))
        self._announcement = announcement(old, new, finished)
        self._prepare(old, finished)

    async def _announce(self, _: ResourceHookArgs) -> None:
        """Last of all checks, since gates wait: what any other refuses waits for nothing."""
        pulumi.log.info(self._announcement)
        new, (old, finished) = self._release, self._old or (None, True)
        if self._gates and old and not new.skip_transition_checks and is_gated(old, new):
            with errors_with_text(f"the gates of CanaryRelease {self._name!r} could not be asked"):
                await self._pass(self._gates, old, finished)

    def _prepare(self, old: Release | None, finished: bool) -> None:
        """Knows what the update starts from, and that its evidence can be written."""
        self._old, self._began = (old, finished), time.time()
        if self._folder and not pulumi.runtime.is_dry_run():
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                with TemporaryFile(dir=self._folder):
                    pass
            except OSError as error:
                accepted = f"must be a folder that this user may make and write to: {error.strerror}"
                problem = Problem("evidence_folder", str(self._folder), accepted, [("evidence_folder", "<folder>")])
                headline = "evidence cannot be written, and nothing was changed"
                raise pulumi.RunError(report(headline, [problem], self._spelling)) from error

    async def _pass(self, gates: Gates, old: Release, finished: bool) -> None:
        """Judges the canary that runs. In a preview one sample of each check informs."""
        # Its HTTP library takes longer to import than all of this package, and most updates ask nothing.
        from .gates.prometheus import Prometheus

        preview, ask = pulumi.runtime.is_dry_run(), Prometheus(gates.prometheus_url, gates.prometheus_token).query

        def progress(line: str, ephemeral: bool) -> None:
            if not preview:
                pulumi.log.info(line, ephemeral=ephemeral)

        with interruptible() as interrupted:

            def wait(seconds: float) -> None:
                with suppress(Empty):
                    interrupted.get(timeout=seconds)
                    what = f"the gates of CanaryRelease {self._name!r} were interrupted; nothing was changed"
                    raise pulumi.RunError(what)

            # In a thread: other releases of the program go on.
            checks = parsed(gates.checks)
            self._verdict = await asyncio.to_thread(judge, checks, old, ask, progress, once=preview, sleep=wait)
            wait(0)  # The interrupt may have come with the last answer.
        self._judged = time.time()
        if preview:
            pulumi.log.info(f"gates as they are now; `{self._spelling.update}` decides:\n{self._verdict.table()}")
        elif self._verdict.state is not State.SUCCESS:
            raise pulumi.RunError(gate_refusal(self._name, old, self._release, self._verdict, self._spelling, finished))
        else:
            pulumi.log.info(f"gates of {old.canary_version}: success\n{self._verdict.table()}")
