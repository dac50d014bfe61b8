"""The engine's commands on one stack."""

import os
import subprocess
from dataclasses import dataclass

COMPONENT = "canary-release:index:CanaryRelease"
"""The type of a release in the state."""
UPSERT = {"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"}
"""Environment with which a `create` takes over an object that exists."""


class PulumiError(ValueError):
    """A command of the engine failed. Either the engine has printed why, or the text says so."""


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

    def _start(self, *arguments: str, capture: bool) -> "subprocess.CompletedProcess[str]":
        command = ["pulumi", *arguments, "--stack", self.stack, "--non-interactive"]
        try:
            # The engine inherits standard input, the lock of the command that runs it: see `only_one`.
            # Not `run`: it kills the command a quarter of a second after Ctrl-C. The engine ends what it has begun.
            pipe = subprocess.PIPE if capture else None
            environment = {**os.environ, **UPSERT}
            with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
                try:
                    out, error = process.communicate()
                except KeyboardInterrupt:
                    process.communicate()
                    raise
            return subprocess.CompletedProcess(command, process.returncode, out, error)
        except FileNotFoundError:
            raise PulumiError("there is no pulumi on PATH") from None
