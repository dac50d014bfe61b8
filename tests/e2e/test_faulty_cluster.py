"""Parts of the cluster that stop during a promotion: no request is lost, and the release ends as the config says."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from stack import ROOT, Stack, until


def process(name: str) -> int:
    """Process id of a daemon of this sandbox."""
    sandbox = str((ROOT / ".sandbox").resolve())
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if Path(command[0]).name == name and sandbox in " ".join(command):
            return int(folder.name)
    raise AssertionError(f"no {name} runs")


def kill_and_repair(name: str) -> None:
    """Kills the daemon; `make cluster` starts what does not run."""
    pid = process(name)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{pid}").exists(), f"the end of {name}")
    subprocess.run(["make", "cluster"], cwd=ROOT, check=True, capture_output=True)


@pytest.fixture
def promotion(fresh_stack: Stack) -> Stack:
    """A stack whose config promotes its canary, slowly enough to be disturbed."""
    fresh_stack.configure(minReadySeconds=3)
    fresh_stack.up()
    until(lambda: len(fresh_stack.endpoints()) == 3, "three endpoints")
    fresh_stack.configure(stableVersion="v0.2", canaryReplicas=0)
    return fresh_stack


def disturb(stack: Stack, traffic_on: Callable, fault: Callable[[], None]) -> str:
    """Promotes with a fault in the middle, finishes the release, and returns what the promotion printed."""
    with traffic_on(stack.node_port) as traffic:
        update = stack.start("pulumi", "up", "--yes", "--skip-preview")
        stable = "k8s-testapp"
        until(lambda: stack.deployment(stable)["metadata"]["generation"] > 1, "stable rolls")
        fault()
        output, _ = update.communicate()
        if update.returncode:
            stack.recover()
        until(lambda: set(traffic.next(50)) == {"v0.2"}, "answers of v0.2 alone")
    print(traffic, f"the promotion ended with {update.returncode}")
    assert traffic.failures == []
    assert stack.planned("--refresh") == {"same": 5}
    assert "Traceback" not in output
    return output


def test_an_api_server_that_is_killed_and_comes_back_costs_no_request(promotion: Stack, traffic_on: Callable):
    """The user sees the update wait, or fail in words; then `make recover` finishes it."""

    disturb(promotion, traffic_on, lambda: kill_and_repair("kube-apiserver"))


def test_a_node_agent_that_stops_for_half_a_minute_costs_no_request(promotion: Stack, traffic_on: Callable):
    """The user sees the update wait: pods start and end only when the kubelet goes on."""

    def fault() -> None:
        kubelet = process("kubelet")
        os.kill(kubelet, signal.SIGSTOP)
        try:
            time.sleep(30)
        finally:
            os.kill(kubelet, signal.SIGCONT)

    disturb(promotion, traffic_on, fault)


def test_a_container_runtime_that_restarts_costs_no_request(promotion: Stack, traffic_on: Callable):
    """The user sees nothing of it, or a pod that starts later: the shims keep the containers."""

    disturb(promotion, traffic_on, lambda: kill_and_repair("containerd"))
