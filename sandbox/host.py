"""What a one-node cluster changes on the machine beside its processes, and how that is put back."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

from sandbox.environment import CLUSTER, CONTEXT, RUN, installed, write
from sandbox.processes import hierarchies, members, remove_groups

BRIDGE = CONTEXT
RECORD = CLUSTER / "host.json"
SYSCTLS = [
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/bridge/bridge-nf-call-ip6tables",
    "net/bridge/bridge-nf-call-iptables",
    "net/ipv4/conf/all/route_localnet",
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
]
FOLDERS = ["/run/containerd", "/run/xtables.lock", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers"]
"""Folders (and a lock) that containerd, CNI, the kubelet and iptables make at fixed places."""


def remember() -> None:
    """Records what this machine was like before its first change; later calls keep that record."""
    if RECORD.exists():
        return
    sysctls = {name: Path("/proc/sys", name).read_text() for name in SYSCTLS if Path("/proc/sys", name).exists()}
    absent = [folder for folder in FOLDERS if not Path(folder).exists()]
    write(RECORD, json.dumps({"sysctls": sysctls, "absent": absent}, indent=1))


def in_use() -> bool:
    return RECORD.exists() or RUN.exists() or any(group.exists() for group in hierarchies())


def restore() -> None:
    """Takes away mounts, network and firewall rules of the ended cluster and puts settings back."""
    clear_run()
    _remove_network()
    _remove_firewall_rules("iptables")
    _remove_firewall_rules("ip6tables")
    for result in Path("/var/lib/cni/results").glob(f"{CONTEXT}-*"):
        result.unlink()
    if RECORD.exists():
        record = json.loads(RECORD.read_text())
        for name, value in record["sysctls"].items():
            setting = Path("/proc/sys", name)
            if setting.read_text() != value:
                setting.write_text(value)
        for folder in record["absent"]:
            if Path(folder).is_dir():
                shutil.rmtree(folder)
            else:
                Path(folder).unlink(missing_ok=True)
    shutil.rmtree(CLUSTER, ignore_errors=True)


def clear_abandoned() -> None:
    """Takes away what a sandbox left of which nothing lives, of this clone or of one that is gone.

    The network namespaces of its pods outlive a kill of all its processes, and answer for their addresses: a new pod
    that is given such an address is not reached.
    """
    sandboxes = list(RUN.parent.glob(f"{CONTEXT}-*"))
    abandoned = [run for run in sandboxes if not members(run.name)]
    for run in abandoned:
        clear_run(run)
        remove_groups(run.name)
    if sandboxes == abandoned:
        _remove_network()


def clear_run(run: Path = RUN) -> None:
    """Leaves of the running state what a reboot would leave: nothing."""
    for address in run.glob("containerd/io.containerd.runtime.v2.task/*/*/address"):
        Path(address.read_text().removeprefix("unix://")).unlink(missing_ok=True)
    for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
        target = line.split()[1].encode().decode("unicode_escape")
        if Path(target).is_relative_to(run) or (run == RUN and Path(target).is_relative_to(CLUSTER)):
            subprocess.run(["umount", "--lazy", target], check=True)
    shutil.rmtree(run, ignore_errors=True)


def _remove_network() -> None:
    if not installed("ip") or not _links(BRIDGE):
        return
    # The pods' ends have gone with their network namespaces; the kernel takes the other ends down a moment later.
    deadline = time.monotonic() + 10
    while (ports := _links("master", BRIDGE)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for link in [*ports, BRIDGE]:
        subprocess.run(["ip", "link", "delete", link], check=True)


def _links(*which: str) -> list[str]:
    shown = subprocess.run(["ip", "-oneline", "link", "show", *which], capture_output=True, text=True).stdout
    return [line.split()[1].partition("@")[0].rstrip(":") for line in shown.splitlines()]


def _remove_firewall_rules(command: str) -> None:
    """Drops the KUBE- chains, and the rules that lead to them, in one atomic step; every other rule stays."""
    if not installed(command):
        return
    saved = subprocess.run([f"{command}-save", "-c"], check=True, capture_output=True, text=True).stdout
    if "KUBE-" in saved:
        kept = "".join(line for line in saved.splitlines(keepends=True) if "KUBE-" not in line)
        subprocess.run([f"{command}-restore", "-c"], check=True, input=kept, text=True)
