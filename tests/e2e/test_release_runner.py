"""Whole runs of `make release`, under load: good ones, ones that do harm, and killed ones."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from project import Stack, kill_tree, until
from prometheus import Prometheus

PLAN = """\
- start: {canaryVersion: v0.2, canaryReplicas: 1, soak: 10s}
- widen: {canaryReplicas: 2, soak: 15s}
- promote: {stableVersion: v0.2, canaryReplicas: 0}
- remove: {canaryVersion: null}
"""
RUN = (".venv/bin/python", "-m", "tools.release", "plan.yaml", "--stack", "dev", "--commit", "yes")
JOURNAL = ".release-dev.json"
CRASH = ("ConnectionResetError", "ConnectionRefusedError", "RemoteDisconnected")
SECONDS = 300
"""The longest that anything of a run may take."""


@pytest.fixture(scope="module")
def stable(stack: Stack) -> Stack:
    """Stable alone, in a repository of its own. Each test leaves stable alone."""
    stack.unset("canaryVersion")
    stack.configure(canaryReplicas=0)
    stack.up()
    until(lambda: len(stack.endpoints()) == 2, "two endpoints")
    (stack.folder / ".gitignore").write_text(".sandbox\n.venv\n__pycache__\n.release-*\n")
    for command in (("init",), ("config", "user.name", "test"), ("config", "user.email", "test@example.com")):
        stack.good("git", *command)
    return stack


def begin(stack: Stack, plan: str) -> None:
    """Commits the plan, which is the last commit before the run, and the stack file as it is."""
    (stack.folder / "plan.yaml").write_text(plan)
    commit(stack, "before")


def commit(stack: Stack, message: str) -> None:
    stack.good("git", "add", "--all")
    stack.good("git", "commit", "--quiet", "--allow-empty", "--message", message)


def journal(stack: Stack) -> dict[str, Any]:
    """What the run remembers; empty without one."""
    with suppress(FileNotFoundError):
        return json.loads((stack.folder / JOURNAL).read_text())
    return {}


def commits(stack: Stack) -> list[str]:
    """What was committed since the run began, without the plan's name."""
    lines = stack.good("git", "log", "--format=%s").stdout.splitlines()
    own = reversed(lines[: lines.index("before")])
    return [line.removeprefix("Run on dev: ").removesuffix(" of plan.yaml") for line in own]


def updates(stack: Stack) -> list[str]:
    """Results of all updates, the first one first."""
    history = json.loads(stack.good("pulumi", "stack", "history", "--json", "--page-size", "100").stdout)
    return [each["result"] for each in reversed(history) if each["kind"] == "update"]


def versions(stack: Stack) -> list[str]:
    return sorted(image.rpartition(":")[2] for image in stack.pods().values())


def crash(pod: str) -> None:
    """Kills the application of a pod, whose processes are this machine's."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            named = f"HOSTNAME={pod}".encode() in (process / "environ").read_bytes().split(b"\0")
            if named and b"pause" not in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)


def canary_pod(stack: Stack, version: str = "v0.2") -> str:
    return next(name for name, image in stack.pods().items() if image.endswith(f":{version}"))


def is_soaking(stack: Stack, step: int) -> bool:
    found = journal(stack)
    return found.get("step") == step and found["restarts"] is not None


def reached(run: "subprocess.Popen[str]", condition: Callable[[], Any], what: str) -> None:
    """Waits for a condition while the run goes on."""
    until(lambda: run.poll() is not None or condition(), what, SECONDS)
    assert run.poll() is None, run.communicate()[0]


COMMITS = ["start, step 1 of 4", "widen, step 2 of 4", "promote, step 3 of 4", "remove, step 4 of 4", "ended"]


def test_a_run_goes_back_if_the_canary_cannot_start_also_if_it_is_killed_then(stable: Stack, traffic_on: Callable):
    patch = "canaryPatch: {spec: {progressDeadlineSeconds: 15}}"
    begin(stable, f"- start: {{canaryVersion: v0.4-never-ready, canaryReplicas: 1, {patch}}}\n")
    before = stable.file.read_bytes()
    with traffic_on(stable.node_port) as traffic:
        run = stable.start(*RUN)
        is_back = {"step": 0, "is_updating": True}.items()
        reached(run, lambda: is_back <= journal(stable).items(), "the update that goes back")
        text = kill_tree(run)
        done = stable.run(*RUN)
        traffic.next(100)
    assert done.code == 3, done
    assert "it runs, but is not ready (Unhealthy)" in text, text
    assert "went back to the config before plan.yaml, since\n" in done.stderr, done
    assert traffic.failures == []
    assert (stable.file.read_bytes(), versions(stable)) == (before, ["v0.1", "v0.1"])
    assert commits(stable) == ["start, step 1 of 1", "back to the config before plan.yaml", "ended"]
    assert stable.planned("--refresh") == {"same": 4}


def test_a_run_goes_back_if_its_canary_begins_to_fail_in_the_second_soak(
    stable: Stack, traffic_on: Callable, tell: Callable[[object], None]
):
    """Lost are only connections to the pod that crashed."""
    begin(stable, PLAN)
    before = stable.file.read_bytes()
    with traffic_on(stable.node_port) as traffic:
        run = stable.start(*RUN)
        reached(run, lambda: is_soaking(stable, 2), "the second soak")
        crash(canary_pod(stable))
        crashed = time.monotonic()
        until(lambda: journal(stable).get("step") == 0, "a run that goes back", 60)
        until(lambda: len(stable.endpoints()) == 2, "the canary out of the Service", 60)
        tell(f"from the crash to a Service without the canary: {time.monotonic() - crashed:.1f} s")
        text = run.communicate(timeout=SECONDS)[0]
        assert set(traffic.next(100)) == {"v0.1"}
    print(traffic, *traffic.failures, sep="\n")
    assert run.returncode == 3, text
    assert "of canary has restarted" in text or "pods of canary are ready" in text, text
    assert all(any(error in failure for error in CRASH) for failure in traffic.failures), traffic.failures
    assert stable.file.read_bytes() == before
    assert commits(stable) == [*COMMITS[:2], "back to the config before plan.yaml", "ended"]
    assert (versions(stable), stable.planned()) == (["v0.1", "v0.1"], {"same": 4})


def test_a_run_goes_back_if_a_gate_fails_in_a_soak(
    stable: Stack, traffic_on: Callable, tell: Callable[[object], None], tmp_path: Path
):
    with Prometheus(tmp_path / "prometheus", stable.namespace) as server, traffic_on(stable.node_port) as traffic:
        file = yaml.safe_load(stable.file.read_text())
        file["config"] |= {"canary:prometheusUrl": server.url, "canary:gates": {"errors": {"preset": "http"}}}
        stable.file.write_text(yaml.safe_dump(file))
        begin(stable, "- start: {canaryVersion: v0.4-errors, canaryReplicas: 1, soak: 10m}\n")
        before = stable.file.read_bytes()
        run = stable.start(*RUN)
        bad = 'sum(http_requests_total{version="v0.4-errors",code="500"})'
        reached(run, lambda: server.number(bad), "harm in the metrics")
        harmed = time.monotonic()
        until(lambda: len(stable.endpoints()) == 2, "the canary out of the Service", SECONDS)
        tell(f"from harm in the metrics to a Service without the canary: {time.monotonic() - harmed:.1f} s")
        text = run.communicate(timeout=SECONDS)[0]
        assert set(traffic.next(100)) == {"v0.1"}
    assert run.returncode == 3, text
    assert "gate errors: " in text, text
    assert "worse than stable, evidence" in text, text
    assert (stable.file.read_bytes(), versions(stable)) == (before, ["v0.1", "v0.1"])
    for key in ("prometheusUrl", "gates"):
        stable.unset(key)


def test_a_good_run_comes_to_its_end_unattended_and_a_second_one_is_told_who_holds_the_stack(
    stable: Stack, traffic_on: Callable
):
    begin(stable, PLAN)
    known = len(updates(stable))
    with traffic_on(stable.node_port) as traffic:
        run = stable.start(*RUN)
        until(lambda: journal(stable), "a run under way")
        second = stable.run(*RUN)
        text = run.communicate(timeout=SECONDS)[0]
        assert run.returncode == 0, text
        assert set(traffic.next(100)) == {"v0.2"}
    assert second.code == 1
    assert f"stack dev is held by process {run.pid} on " in second.stderr
    assert traffic.failures == [], text
    assert "step 2 of 4, widen: k8s-testapp in" in text, text
    assert commits(stable) == COMMITS
    assert updates(stable)[known:] == ["succeeded"] * 4
    assert stable.planned() == {"same": 4}
    assert stable.good("git", "status", "--porcelain").stdout == ""
    *_, record = sorted((stable.folder / "releases").glob("*.json"))
    assert json.loads(record.read_text())["result"] == "done"


def is_starting(stack: Stack) -> bool:
    """The canary's first update is under way."""
    canary = stack.deployment("k8s-testapp-canary")
    return bool(canary) and not canary["status"].get("availableReplicas")


def is_widening(stack: Stack) -> bool:
    """The canary's second pod is there, and waited for."""
    status = stack.deployment("k8s-testapp-canary")["status"]
    return status.get("replicas", 0) > status.get("availableReplicas", 0) > 0


def is_promoting(stack: Stack) -> bool:
    """Stable's pods are being replaced."""
    status = stack.deployment("k8s-testapp")["status"]
    return status.get("replicas", 0) > status.get("updatedReplicas", 0) > 0


def interrupt(run: "subprocess.Popen[str]") -> None:
    """Ctrl-C, as a terminal gives it to the run and to its engine."""
    os.killpg(run.pid, signal.SIGINT)
    text = run.communicate(timeout=SECONDS)[0]
    assert run.returncode == 1, text
    assert "interrupted: run the same command again, it continues from here" in text, text
    assert "Traceback" not in text, text


PHASES: dict[str, tuple[Callable[[Stack], bool], Callable[[Any], object]]] = {
    "before the first update": (lambda stack: journal(stack).get("step") == 1, kill_tree),
    "in the first update": (is_starting, interrupt),
    "in the first soak": (lambda stack: is_soaking(stack, 1), kill_tree),
    "between two steps": (lambda stack: journal(stack).get("step") == 2, subprocess.Popen.kill),
    "in the second update": (is_widening, subprocess.Popen.kill),
    "in the second soak": (lambda stack: is_soaking(stack, 2), kill_tree),
    "in the promotion": (is_promoting, kill_tree),
    "in the last step": (lambda stack: journal(stack).get("step") == 4, subprocess.Popen.kill),
}
"""When the run is killed, with its engine or alone, or interrupted."""


def test_a_run_that_is_killed_in_every_phase_goes_on_by_the_same_command(stable: Stack, traffic_on: Callable):
    # A rollout takes long enough to be killed.
    stable.wait_for_pods(120, min_ready=4)
    stable.up()
    # The first soak is not over before a run that was killed looks at it.
    begin(stable, PLAN.replace("v0.2", "v0.3").replace("soak: 10s", "soak: 25s"))
    known = len(updates(stable))
    with traffic_on(stable.node_port) as traffic:
        for phase, (is_reached, kill) in PHASES.items():
            run = stable.start(*RUN)
            reached(run, lambda: is_reached(stable), phase)  # noqa: B023 # at once
            kill(run)
            assert kill is not interrupt or stable.locks() == []
        done = stable.run(*RUN)
        assert done.code == 0, done
        assert set(traffic.next(100)) == {"v0.3"}
    assert traffic.failures == [], done
    assert commits(stable) == COMMITS
    assert 4 <= updates(stable)[known:].count("succeeded") <= 8, "only updates that were killed are done again"
    assert (versions(stable), stable.planned("--refresh")) == (["v0.3", "v0.3"], {"same": 4})
    assert stable.locks() == []
