"""The engine's commands on one stack."""

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

COMPONENT = "canary-release:index:CanaryRelease"
"""The type of a release in the state."""
UPSERT = {"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"}
"""Environment with which a `create` takes over an object that exists."""


class PulumiError(ValueError):
    """A command of the engine failed. Either the engine has printed why, or the text says so."""


@contextmanager
def interrupted_afterwards() -> Generator[None]:
    """What would raise `KeyboardInterrupt` in the block raises it at the end of the block.

    The terminal interrupts the engine too, which ends what it has begun. Whoever left it would leave its lock, and
    `subprocess.run` would kill it after a quarter of a second.
    """
    held = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is signal.default_int_handler]
    received: list[int] = []

    def receive(number: int, _frame: object) -> None:
        received.append(number)
        print("\ninterrupted: waiting for the engine, which ends what it has begun", file=sys.stderr, flush=True)

    for each in held:
        signal.signal(each, receive)
    try:
        yield
    finally:
        for each in held:
            signal.signal(each, signal.default_int_handler)
        if received:
            raise KeyboardInterrupt from None


@dataclass(frozen=True)
class Pulumi:
    """The engine's command, on one stack."""

    stack: str

    def run(self, *arguments: str) -> None:
        """Runs a command, which prints to the same terminal. Raises `PulumiError` if it fails."""
        if code := self._start(*arguments, capture=False).returncode:
            raise PulumiError(f"pulumi {arguments[0]} ended with {code}")

    def attempt(self, *arguments: str) -> None:
        """Runs a command, and ignores whether it fails: it may have nothing to do."""
        self._start(*arguments, capture=True)

    def answer(self, *arguments: str) -> str:
        """What a command prints. Raises `PulumiError` if it fails."""
        done = self._start(*arguments, capture=True)
        if done.returncode:
            raise PulumiError(done.stderr.strip() or f"pulumi {arguments[0]} ended with {done.returncode}")
        return done.stdout

    def _start(self, *arguments: str, capture: bool) -> subprocess.CompletedProcess[str]:
        command = ["pulumi", *arguments, "--stack", self.stack, "--non-interactive"]
        try:
            # The engine inherits standard input, the lock of the command that runs it: see `only_one`.
            with interrupted_afterwards():
                return subprocess.run(command, env={**os.environ, **UPSERT}, capture_output=capture, text=True)
        except FileNotFoundError:
            raise PulumiError("there is no pulumi on PATH") from None
