"""The engine on one stack, by Pulumi's Automation API."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timezone
from functools import cached_property
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from threading import Event

from pulumi.automation import CommandError, ConcurrentUpdateError, LocalWorkspace, Stack
from pulumi.automation.events import EngineEvent

from canary_release.hooks.proven_in import started
from canary_release.hooks.soak import update_after
from canary_release.model.release import Release
from canary_release.model.tree import Object, object_at, objects_at
from canary_release.update.refused import broken_by_update
from canary_release.update.rules import is_gated
from stack.files import Entry, read_config, stack_file
from tools.pulumi import COMPONENT, UPSERT, PulumiError, interrupted_afterwards

from .stack_file import edited

COLOURS = re.compile(r"<\{%.*?%\}>")
WAIT_SECONDS = 5
MOST_LINES = 40
"""Of the engine's reasons: one screen."""


class _Workspace(LocalWorkspace):
    """The project in this folder."""

    def select_stack(self, stack_name: str) -> None:
        """The operator's own commands go on with the stack that they had."""


@dataclass(frozen=True)
class Deployed:
    """What the stack's state says, compared with the stack file."""

    is_goal: bool
    """Whether the last update finished, and wanted what the file says."""
    ended: float
    """When it ended, in seconds since 1970."""
    soak_seconds: int
    """How long to watch what the file says."""
    may_be_refused: bool = False
    """Whether rules, gates or `provenIn` may refuse the update to what the file says."""

    def left(self, now: float) -> float:
        """Seconds that the soak still takes. What ran before a kill counts. A clock set back shortens nothing."""
        return max(0.0, self.ended + self.soak_seconds - now)


def compared(outputs: Object, old: Release | None, new: Release, ended: float, has_proof: bool, now: float) -> Deployed:
    """What the stack's state says, compared with a release.

    `outputs` are the component's, `old` is what the last update wanted, and `ended` is when the last good one ended.
    `has_proof`: whether the stack sets `provenIn`. Times are seconds since 1970.
    """
    soak = new.soak_seconds or 0 if new.canary_replicas else 0
    update = update_after(outputs, old, new)
    # The rule counts from the time that the program keeps, which may be the later one by a second.
    ended = max(ended, update.canary_since or 0)
    if old is None:
        return Deployed(False, ended, soak)
    broken = broken_by_update(update, now)
    may_be_refused = bool(broken) or is_gated(old, new) or (has_proof and started(old, new) is not None)
    return Deployed(update.finished and old.inputs() == new.inputs(), ended, soak, may_be_refused)


@dataclass(frozen=True)
class Engine:
    """The engine on one stack."""

    stack: str
    tell: Callable[[str], None]
    """Gets what the program says, and what is waited for."""
    told: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """What a preview said, by severity: the update after it says the same. Warnings hold for the whole run."""

    @cached_property
    def _stack(self) -> Stack:
        if not which("pulumi"):
            raise PulumiError("there is no pulumi on PATH")
        return Stack.select(self.stack, _Workspace(work_dir=str(Path().resolve())))

    @interrupted_afterwards()
    def secret(self, key: str) -> str:
        """The text of an encrypted key of the config."""
        return self._stack.get_config(key).value

    @interrupted_afterwards()
    def deployed(self, release: Release, has_proof: bool, now: float) -> Deployed:
        """The state compared with this release, as in `compared`."""
        resources = objects_at(self._stack.export_stack().deployment, "resources")
        component = next((each for each in resources if each["type"] == COMPONENT), None)
        inputs, outputs = object_at(component, "inputs"), object_at(component, "outputs")
        old = Release.of_inputs(inputs) if inputs else None
        ends = (
            each.end_time.replace(tzinfo=timezone.utc).timestamp()
            for each in self._stack.history(page_size=20, show_secrets=False)
            if each.kind == "update" and each.result == "succeeded" and each.end_time
        )
        return compared(outputs, old, release, max(ends, default=0.0), has_proof, now)

    def preview(self) -> str | None:
        """Why the update would be refused, if it would."""
        self.told.intersection_update({each for each in self.told if each[0] == "warning"})
        return self._carried_out(lambda on_event: self._stack.preview(on_event=on_event))

    def update(self, is_resumed: bool, manifest: str | None, owns: Callable[[bool], None]) -> str | None:
        """Updates the stack to its file. Returns why that failed, if it did.

        `is_resumed`: an update was killed. Its lock is dropped, and the objects that it made are found.
        `owns` is told that the stack is not this update's while another one runs, and that it is once that has ended.
        `manifest`: no rule, gate or `provenIn` is asked, and the manifest has this text: nothing untried comes along.
        A copy of the stack file says so.
        """
        if is_resumed:
            self._recover()
        if manifest is None:
            return self._carried_out(lambda on_event: self._stack.up(on_event=on_event, show_secrets=False), owns)
        text = stack_file(self.stack).read_bytes().decode("utf-8-sig")
        config = read_config(self.stack)
        with TemporaryDirectory() as folder:
            file, before = Path(folder, stack_file(self.stack).name), Path(folder, "manifest.yaml")
            before.write_text(manifest, encoding="utf-8", newline="")
            values = {"skipTransitionChecks": "true", "manifest": str(before)}
            entries = {config.key(name): Entry("", value, value) for name, value in values.items()}
            file.write_text(edited(text, entries, config), encoding="utf-8", newline="")
            return self._carried_out(
                lambda on_event: self._stack.up(on_event=on_event, show_secrets=False, config_file=str(file)), owns
            )

    @interrupted_afterwards()
    def _recover(self) -> None:
        with suppress(CommandError):
            self._stack.cancel()  # There may be no lock.
        self._stack.refresh(clear_pending_creates=True, show_secrets=False)
        # What was made and not recorded is taken over.
        self._stack.workspace.env_vars = {**self._stack.workspace.env_vars, **UPSERT}

    def _carried_out(
        self, command: Callable[[Callable[[EngineEvent], None]], object], owns: Callable[[bool], None] = lambda _: None
    ) -> str | None:
        another_runs = Event()
        while True:
            errors: list[str] = []

            def on_event(event: EngineEvent, errors: list[str] = errors) -> None:
                if another_runs.is_set():
                    another_runs.clear()
                    owns(True)
                if (diagnostic := event.diagnostic_event) and not diagnostic.ephemeral:
                    message = COLOURS.sub("", diagnostic.message).strip()
                    if diagnostic.severity == "error":
                        errors.append(message)
                    elif (said := (diagnostic.severity, message)) not in self.told and diagnostic.severity != "debug":
                        self.told.add(said)
                        self.tell(message)

            try:
                with interrupted_afterwards():
                    command(on_event)
            except ConcurrentUpdateError:
                if not another_runs.is_set():
                    owns(False)
                    cancel = f"`pulumi cancel --stack {self.stack}`"
                    self.tell(f"another update of the stack runs: waiting for its end; if it was killed: {cancel}")
                another_runs.set()
                time.sleep(WAIT_SECONDS)
            except CommandError as error:
                lines = "\n".join(errors or [str(error)]).splitlines()
                return "\n".join(lines[:MOST_LINES])
            else:
                return None
