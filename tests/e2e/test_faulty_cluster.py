"""Parts of the cluster that stop, hang or crawl during a promotion: no request is lost, and `pulumi up` finishes it.

All faults are of one stack, one promotion after the other.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from project import ROOT, Stack, until
from promotions import STABLE, canary_leaves, deploy, disturb, prepare_promotion, stable_rolls
from test_rollouts import HASTY

pytestmark = pytest.mark.alone

STOPPED_SECONDS, RUNNING_SECONDS = 0.8, 0.2
"""Of an API server that crawls: it does nothing for four fifths of the time."""


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


def kill(name: str) -> None:
    """Kills the daemon."""
    pid = process(name)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{pid}").exists(), f"the end of {name}")


def kill_api_server() -> None:
    """Kills the controllers, too: they end when they lose their lease, and one that goes on may keep what it read."""
    kill("kube-apiserver")
    kill("kube-controller-manager")


def repair() -> None:
    """`make cluster` starts what does not run."""
    subprocess.run(["make", "cluster"], cwd=ROOT, check=True, capture_output=True)


@contextmanager
def crawling(name: str) -> Iterator[None]:
    """The daemon is stopped most of the time while the block runs."""
    pid, over = process(name), Event()

    def run() -> None:
        while not over.is_set():
            os.kill(pid, signal.SIGSTOP)
            time.sleep(STOPPED_SECONDS)
            os.kill(pid, signal.SIGCONT)
            time.sleep(RUNNING_SECONDS)

    thread = Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture(scope="module")
def deployed(stack: Stack) -> Stack:
    # While the API server is away, the node does not learn that a pod ends: the pod serves on for longer than that.
    container = {"name": "testapp", "lifecycle": {"preStop": {"sleep": {"seconds": 20}}}}
    stack.patch("Deployment", {"template": {"spec": {"containers": [container]}}})
    # Nothing here has to end by a deadline, also on a machine that has other work.
    return deploy(stack, 300)


@pytest.fixture
def promotion(deployed: Stack) -> Stack:
    # Each time that the node's agents lose the API server they wait longer, up to a minute; two minutes reset that.
    for agent in ("kubelet", "kube-proxy"):
        kill(agent)
    repair()
    return prepare_promotion(deployed)


@pytest.fixture
def hasty_promotion(promotion: Stack) -> Iterator[Stack]:
    """The same by a provider that waits for no pods: the program's own check does."""
    program = promotion.folder / "__main__.py"
    text = program.read_text()
    program.write_text(HASTY + text)
    yield promotion
    program.write_text(text)


def pods_are_made(stack: Stack) -> None:
    """Returns when stable has pods of the promoted version: by then a provider that does not wait has gone on."""
    stable_rolls(stack)

    def are_made() -> bool:
        stable = stack.deployment(STABLE)
        seen = stable["status"]["observedGeneration"] == stable["metadata"]["generation"]
        return seen and stable["status"].get("updatedReplicas", 0) > 0

    until(are_made, "pods of the promoted version")


def waits_for_a_pod(stack: Stack, reason: str) -> None:
    """Returns when a pod cannot start."""

    def waits() -> bool:
        pods = [pod for pod in stack.get("pods")["items"] if pod["status"]["phase"] == "Pending"]
        return any(reason in str(pod) for pod in pods)

    until(waits, f"a pod that waits: {reason}")


def test_an_api_server_that_is_gone_before_an_update_is_told(promotion: Stack, traffic_on: Callable):
    pods = promotion.pods()
    with traffic_on(promotion.node_port) as traffic:
        kill_api_server()
        try:
            failed = promotion.failing_up().text
        finally:
            repair()
        assert "configured Kubernetes cluster is unreachable" in failed
        assert promotion.pods() == pods
        promotion.up()
        traffic.next(50)
    assert traffic.failures == []
    assert promotion.planned("--refresh") == {"same": 5}


@pytest.mark.parametrize("phase", [stable_rolls, canary_leaves])
def test_an_api_server_that_is_killed_and_comes_back_costs_no_request(
    promotion: Stack, traffic_on: Callable, phase: Callable[[Stack], None]
):
    """The user sees the update wait, or fail with a message and no traceback."""

    def fault() -> None:
        kill_api_server()
        repair()

    disturb(promotion, traffic_on, phase, fault)


def test_an_api_server_that_is_killed_while_the_program_waits_for_pods_is_asked_again(
    hasty_promotion: Stack, traffic_on: Callable
):
    def fault() -> None:
        kill_api_server()
        repair()

    assert "update failed" not in disturb(hasty_promotion, traffic_on, pods_are_made, fault)


def test_an_api_server_that_crawls_makes_a_promotion_slow_and_costs_no_request(promotion: Stack, traffic_on: Callable):
    with traffic_on(promotion.node_port) as traffic:
        with crawling("kube-apiserver"):
            promotion.up()
        traffic.next(50)
    assert traffic.failures == []
    assert promotion.planned("--refresh") == {"same": 5}


def test_a_node_agent_that_stops_while_a_pod_waits_for_it_costs_no_request(promotion: Stack, traffic_on: Callable):
    """The user sees the update wait: pods start and end only when the kubelet goes on."""
    kubelet = process("kubelet")

    def fault() -> None:
        os.kill(kubelet, signal.SIGSTOP)
        try:
            waits_for_a_pod(promotion, "'nodeName'")
        finally:
            os.kill(kubelet, signal.SIGCONT)

    disturb(promotion, traffic_on, stable_rolls, fault)


def test_a_node_that_takes_no_pods_for_a_while_costs_no_request(promotion: Stack, traffic_on: Callable):
    """The user sees the update wait. It goes on when the node is ready again."""

    def fault() -> None:
        promotion.kubectl("cordon", "localhost")
        try:
            waits_for_a_pod(promotion, "'Unschedulable'")
        finally:
            promotion.kubectl("uncordon", "localhost")

    disturb(promotion, traffic_on, stable_rolls, fault)


def test_a_container_runtime_that_restarts_costs_no_request(promotion: Stack, traffic_on: Callable):
    """The user sees nothing of it, or a pod that starts later: the shims keep the containers."""

    def fault() -> None:
        kill("containerd")
        repair()

    disturb(promotion, traffic_on, stable_rolls, fault)
