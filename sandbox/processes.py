"""The cluster's long-running processes: each is started once, recognised again, and ended.

A process is known by its id and start time, so a recycled id is never taken for it. All of them, and whatever they
start, live in one control group, so nothing escapes `stop_all`, not even after a kill -9 of any part.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from sandbox.environment import CLUSTER, LOGS, OWNER, SandboxError, sandbox_environment

CONTROL_GROUPS = Path("/sys/fs/cgroup")
PIDS = CLUSTER / "pids"
# The process joins the group and writes its own pid file before it becomes the program: no moment leaves it unrecorded.
LAUNCH = """set -e; group=$1; file=$2; shift 2; echo $$ >"$group/cgroup.procs"
(set -- $(cat /proc/$$/stat); echo "$1 ${22}" >"$file.new"); mv "$file.new" "$file"; exec "$@" """


def hierarchies(owner: str = OWNER) -> list[Path]:
    """The group of a sandbox in each hierarchy of control groups of this machine, version 1, 2 or both."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    folders = [Path(mount[1]) for mount in mounts if mount[2] in ("cgroup", "cgroup2")]
    return [folder / owner for folder in folders if folder.is_relative_to(CONTROL_GROUPS)]


def create_groups() -> None:
    for group in hierarchies():
        group.mkdir(exist_ok=True)
        available = group.parent / "cgroup.controllers"  # version 2: the kubelet needs each of them handed down
        if available.exists() and (names := available.read_text().split()):
            for parent in (group.parent, group):
                (parent / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in names))
    _daemons().mkdir(exist_ok=True)


def _daemons() -> Path:
    groups = {group.parent.name: group for group in hierarchies()}
    return groups.get("pids", next(iter(groups.values()))) / "daemons"


def running(name: str) -> bool:
    """A killed process that its parent has not yet reaped runs no more."""
    try:
        pid, started = (PIDS / name).read_text().split()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[0] not in "ZX" and fields[19] == started
    except (OSError, ValueError):
        return False


def start(name: str, *arguments: str) -> bool:
    """Starts the program `name` unless it runs; True when it had to."""
    if running(name):
        return False
    PIDS.mkdir(parents=True, exist_ok=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    (PIDS / name).unlink(missing_ok=True)
    with (LOGS / f"{name}.log").open("w") as log:
        subprocess.Popen(
            ["/bin/sh", "-c", LAUNCH, name, str(_daemons()), str(PIDS / name), name, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            env=sandbox_environment(),
        )
    return True


def check_alive(name: str) -> None:
    """Raises with the end of the log when the process has died."""
    if (PIDS / name).exists() and not running(name):
        raise SandboxError(f"{name} stopped:\n{tail(LOGS / f'{name}.log')}")


def tail(log: Path, lines: int = 15) -> str:
    text = log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []
    return "\n".join([*(f"    {line}" for line in text), f"the whole log: {log}"])


def stop_all() -> None:
    """Kills every process of the sandbox's control group and removes the group."""
    deadline = time.monotonic() + 30
    while pids := members():
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise SandboxError(f"processes {pids} do not end: a reboot ends them")
        time.sleep(0.05)
    remove_groups()


def remove_groups(owner: str = OWNER) -> None:
    for group in hierarchies(owner):
        for folder, _, _ in os.walk(group, topdown=False):
            _remove_group(Path(folder))


def members(owner: str = OWNER) -> list[int]:
    """The living processes of a sandbox, its pods' too."""
    pids: set[int] = set()
    for group in hierarchies(owner):
        # Not `rglob`: it raises where the kubelet removes a pod's group meanwhile.
        for folder, _, _ in os.walk(group):
            with contextlib.suppress(OSError):
                pids.update(int(pid) for pid in Path(folder, "cgroup.procs").read_text().split())
    return sorted(pids - {0})


def _remove_group(folder: Path) -> None:
    for _ in range(100):
        try:
            folder.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.05)
    raise SandboxError(f"control group {folder} stays busy: `make down` again removes it")
