"""Where the sandbox keeps its things, and the environment its commands run in."""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import hashlib
import os
import re
import shlex
import shutil
from collections.abc import Generator
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SANDBOX = (PROJECT / ".sandbox").resolve()
VENV = (PROJECT / ".venv").resolve()
BIN = SANDBOX / "bin"
CACHE = SANDBOX / "cache"
CLUSTER = SANDBOX / "cluster"
LOGS = SANDBOX / "logs"
STATE = SANDBOX / "state"
PULUMI_HOME = SANDBOX / "pulumi-home"
KUBECONFIG = SANDBOX / "kubeconfig"
SOURCES = PROJECT / "sandbox"
CONTEXT = "canary-sandbox"
STACK = "dev"
NODE_PORT = 30880
OWNER = f"canary-sandbox-{hashlib.sha256(str(SANDBOX).encode()).hexdigest()[:8]}"
"""Names what this sandbox owns on the machine, so that a second clone never touches it."""
RUN = Path("/run") / OWNER
"""Sockets and running state: short enough for socket paths, and gone after a reboot as containerd expects."""


class SandboxError(Exception):
    """A problem the operator can solve; its text names the remedy."""


def installed(command: str) -> str | None:
    """Path of the machine's own `command`, never one of the sandbox's."""
    own = {str(BIN), str(PROJECT / ".sandbox" / "bin")}
    folders = [folder for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder not in own]
    return shutil.which(command, path=os.pathsep.join([*folders, "/usr/sbin", "/sbin"]))


def stack_file(stack: str) -> Path:
    return PROJECT / f"Pulumi.{stack}.yaml"


def check_file(stack: str) -> None:
    """Raises `SandboxError` for a stack that has no file."""
    if not stack_file(stack).is_file():
        files = sorted(path.name for path in PROJECT.glob("Pulumi.*.yaml"))
        known = [name.removeprefix("Pulumi.").removesuffix(".yaml") for name in files]
        meant = difflib.get_close_matches(stack, known, n=1)
        proposal = f"; did you mean {meant[0]}?" if meant else ""
        raise SandboxError(f"there is no Pulumi.{stack}.yaml: STACK must be one of {', '.join(known)}{proposal}")


def in_sandbox(stack: str) -> bool:
    """Whether the stack is the sandbox's: dev, and each whose file names the sandbox's context."""
    # Before the virtual environment is there, nothing can parse YAML.
    file, named = stack_file(stack), rf"""^ *(["']?)kubernetes:context\1: *(["']?){CONTEXT}\2 *(#.*)?$"""
    return stack == STACK or (file.is_file() and bool(re.search(named, file.read_text(), re.MULTILINE)))


def sandbox_variables() -> dict[str, str]:
    """What `.sandbox/env` exports, without PATH."""
    return {
        "KUBECONFIG": str(KUBECONFIG),
        "PULUMI_BACKEND_URL": f"file://{STATE}",
        "PULUMI_CONFIG_PASSPHRASE": "canary-sandbox",
        "PULUMI_HOME": str(PULUMI_HOME),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_STACK": STACK,
    }


def sandbox_environment() -> dict[str, str]:
    path = os.pathsep.join([str(BIN), str(VENV / "bin"), os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    return {**os.environ, **sandbox_variables(), "PATH": path}


def write_environment_file() -> None:
    lines = [f"export {key}={shlex.quote(value)}\n" for key, value in sandbox_variables().items()]
    lines.append(f'export PATH={shlex.quote(str(BIN))}:{shlex.quote(str(VENV / "bin"))}:"$PATH"\n')
    write(SANDBOX / "env", "".join(lines))


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Whole or not at all, and untouched when nothing changes."""
    if path.is_file() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.touch(mode)
    temporary.write_text(text)
    temporary.replace(path)


@contextlib.contextmanager
def exclusive() -> Generator[None, None, None]:
    """One command at a time changes this sandbox; a second one waits."""
    SANDBOX.mkdir(parents=True, exist_ok=True)
    with (SANDBOX / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            print(f"waiting for another command of this sandbox (process {lock.read().strip()})", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
