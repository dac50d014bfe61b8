"""The stack's updates, through plain `pulumi` commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

from sandbox import cluster
from sandbox.environment import (
    LOGS,
    PROJECT,
    SANDBOX,
    STATE,
    VENV,
    SandboxError,
    in_sandbox,
    installed,
    sandbox_environment,
    sandbox_variables,
    stack_file,
    write,
)

UPSERT = {"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"}


def pulumi(stack: str, *arguments: str, **variables: str) -> None:
    """Runs one `pulumi` command on the stack; its failure, told by pulumi itself, ends this command too."""
    environment = sandbox_environment() if in_sandbox(stack) else _own_environment()
    command = ["pulumi", *arguments, "--stack", stack]
    # Not `run`: it kills the command a quarter of a second after Ctrl-C. The engine ends what it has begun.
    with subprocess.Popen(command, cwd=PROJECT, env={**environment, **variables}) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.wait()
            raise
    if code:
        raise SystemExit(code)


def _own_environment() -> dict[str, str]:
    """The operator's, for stacks outside the sandbox."""
    return {**os.environ, "PATH": os.pathsep.join([str(VENV / "bin"), os.environ.get("PATH", os.defpath)])}


def check_official(stack: str) -> None:
    """Stacks other than the sandbox's run with the official pulumi and the operator's own login and kubeconfig."""
    problems: list[str] = []
    if not installed("pulumi"):
        problems.append("no `pulumi` on PATH: install the Pulumi CLI from https://www.pulumi.com/docs/install")
    borrowed = [
        key
        for key, value in sandbox_variables().items()
        if key != "PULUMI_SKIP_UPDATE_CHECK" and os.environ.get(key) == value
    ]
    if borrowed:
        problems.append(f"{', '.join(borrowed)} come from .sandbox/env: open a new shell, or unset them")
    if problems:
        text = "\n".join(f"  - {problem}" for problem in problems)
        raise SandboxError(f"stack {stack} is outside the sandbox and cannot be reached:\n{text}")


def check_running() -> None:
    if not cluster.is_running():
        raise SandboxError("the sandbox does not run: `make up` starts it")


def forget() -> None:
    """Deletes the state of the sandbox's stacks, which describes objects of a cluster that is gone."""
    shutil.rmtree(STATE, ignore_errors=True)
    (SANDBOX / "env").unlink(missing_ok=True)


def select(stack: str) -> None:
    """Makes the stack in the file backend if it is not there. Its file gains a salt if it has none, and stays else."""
    STATE.mkdir(parents=True, exist_ok=True)
    if list(STATE.glob(f".pulumi/stacks/*/{stack}.json*")):
        return
    file = stack_file(stack)
    own = file.read_text() if file.is_file() else ""
    pulumi(stack, "stack", "init", "--no-select")
    if (written := file.read_text()) != own:
        # To add the salt, the engine wrote all anew: an unquoted 1.10 became 1.1.
        salt = next(line for line in written.splitlines() if line.startswith("encryptionsalt:"))
        write(file, f"{own.rstrip()}\n{salt}\n")


def update(stack: str) -> None:
    """Brings the stack to what its file says; in the sandbox also after an update that was killed."""
    if not in_sandbox(stack):
        pulumi(stack, "up")
        return
    if _killed_update(stack):
        print("the last update was killed: recovering", flush=True)
        recover(stack)
    else:
        pulumi(stack, "up", "--yes")


def node_port(stack: str) -> int | None:
    """Where the stack's release answers on this machine; None without a Service."""
    command = ["pulumi", "stack", "output", "nodePort", "--stack", stack]
    done = subprocess.run(command, cwd=PROJECT, env=sandbox_environment(), capture_output=True, text=True)
    return int(done.stdout) if done.returncode == 0 else None


def show(stack: str, seconds: int = 60) -> None:
    """Prints what the watch sees, once that is as configured: after a restart of the machine pods need a moment."""
    command = [str(VENV / "bin/python"), "-m", "tools.watch", "--once", "--expect", "--stack", stack]
    deadline = time.monotonic() + seconds
    while True:
        done = subprocess.run(command, cwd=PROJECT, env=sandbox_environment(), capture_output=True, text=True)
        if done.returncode == 0 or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    print(done.stdout + done.stderr, end="", flush=True)


def record_first_answer(node_port: int, began: float) -> None:
    """Leaves the seconds from the beginning to an answer of the release, which the benchmark tells."""
    with urllib.request.urlopen(f"http://127.0.0.1:{node_port}", timeout=10):
        LOGS.mkdir(parents=True, exist_ok=True)
        (LOGS / "first-answer.seconds").write_text(f"{time.monotonic() - began:.0f}\n")


def next_commands(node_port: int | None) -> str:
    """What to try after an update."""
    ask = f"  curl 127.0.0.1:{node_port:<15}again and again: the versions alternate\n" if node_port else ""
    return f"""
try next:
{ask}\
  . .sandbox/env                pulumi and kubectl of the sandbox for this shell, then:
  pulumi config set canaryReplicas 2 && pulumi up
  make watch                    pods and share of the release, as they change
  make down                     ends the sandbox"""


def recover(stack: str) -> None:
    """The way out of a killed engine: drops its lock, adopts what it created but did not record, finishes."""
    own, recovering = in_sandbox(stack), _recovering(stack)
    yes = ["--yes"] if own else []
    if own:
        recovering.touch()
        _put_back_states(stack)
    pulumi(stack, "cancel", *yes)
    pulumi(stack, "refresh", "--clear-pending-creates", *yes, **UPSERT)
    pulumi(stack, "up", *yes, **UPSERT)
    recovering.unlink(missing_ok=True)


def _recovering(stack: str) -> Path:
    return STATE / f"recovering-{stack}"


def _put_back_states(stack: str) -> None:
    """The newest whole state takes the place of one that the engine cut off on a full disk. A refresh does the rest."""
    for state in _cut_states(stack):
        backups = sorted(STATE.glob(f".pulumi/backups/{state.parent.name}/{stack}/{stack}.*.json"), reverse=True)
        for backup in [state.with_name(f"{state.name}.bak"), *backups]:
            if backup.is_file() and _is_whole(backup):
                print(f"the state of {stack} is cut off: going on from {backup.name}", flush=True)
                write(state, backup.read_text())
                break
        else:
            raise SandboxError(f"the state of {stack} is cut off and has no backup: {state}")


def _cut_states(stack: str) -> list[Path]:
    return [state for state in STATE.glob(f".pulumi/stacks/*/{stack}.json") if not _is_whole(state)]


def _is_whole(state: Path) -> bool:
    try:
        json.loads(state.read_bytes())
    except ValueError:
        return False
    return True


def _killed_update(stack: str) -> bool:
    """A recovery did not end, or the lock is of an engine that is gone: its process id is free or a later process's.

    A lock or a state that is cut off is of an engine that found the disk full.
    """
    if _cut_states(stack):
        return True
    for lock in STATE.glob(f".pulumi/locks/**/{stack}/*.json"):
        text = lock.read_text()
        try:
            process = Path("/proc", str(json.loads(text)["pid"]))
        except ValueError:
            return True
        if not process.exists() or process.stat().st_ctime > lock.stat().st_mtime:
            return True
    return _recovering(stack).exists()
