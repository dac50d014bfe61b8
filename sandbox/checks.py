"""What must hold before anything is built: every problem of this machine at once, each with its remedy."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
from pathlib import Path

from sandbox import build, cluster, processes
from sandbox.environment import SANDBOX, SandboxError, installed

OLDEST_GO = (1, 25)


def check_machine() -> None:
    problems = [*_system(), *_builds()]
    if not cluster.is_started():
        problems += [f"port {port} of 127.0.0.1 is in use{_user(port)}" for port in cluster.PORTS if _taken(port)]
    if problems:
        raise SandboxError("this machine cannot run the sandbox yet:\n" + "\n".join(f"  - {text}" for text in problems))


def _system() -> list[str]:
    if sys.platform != "linux":
        return [f"the sandbox needs Linux, this is {sys.platform}: use a virtual machine with Debian or Ubuntu"]
    problems: list[str] = []
    if os.geteuid():
        problems.append(
            "the sandbox needs root to start containers: use `sudo make up`, or `make test-unit` without it"
        )
    if not processes.hierarchies():
        problems.append("no control groups are mounted below /sys/fs/cgroup: a shell of `ip netns exec` has none")
    missing = build.missing_packages()
    if missing and not installed("apt-get"):
        problems.append(f"this system has no apt-get: install {', '.join(missing)} with its package manager")
    return problems


def _builds() -> list[str]:
    """Go and room on the disk, asked for only when something is to be built."""
    go = build.go_version()
    version = re.match(r"go(\d+)\.(\d+)", go)
    if not version or (int(version[1]), int(version[2])) < OLDEST_GO:
        found = f"this machine has {go}" if go else "there is no go on PATH"
        return [f"Go {OLDEST_GO[0]}.{OLDEST_GO[1]} or later is needed, {found}: install it from https://go.dev/dl"]
    needed = 1 if build.program("kubernetes").exists() else 12
    SANDBOX.mkdir(exist_ok=True)
    free = shutil.disk_usage(SANDBOX).free / 2**30
    return [f"{needed} GiB of free disk space are needed, {SANDBOX} has {free:.1f}: make room"] if free < needed else []


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _user(port: int) -> str:
    """Says which process listens on the port and how to end it."""
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path("/proc/net", table).read_text().splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) not in sockets:
                continue
            process = descriptor.parent.parent
            program = str((process / "exe").readlink())
        except OSError:
            continue
        clone, sandbox, _ = program.partition("/.sandbox/")
        remedy = f"`make down` in {clone}" if sandbox else f"`kill {process.name}`"
        return f" by process {process.name} ({program}): end it with {remedy}"
    return ": end the process that listens there"
