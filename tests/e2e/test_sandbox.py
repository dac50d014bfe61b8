"""The sandbox itself, in a second clone with a network namespace of its own: the running sandbox is not touched."""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.build import PROVIDER_VERSION
from sandbox.environment import installed
from sandbox.processes import hierarchies, members

ROOT = Path(__file__).parents[2]
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def owner_of(clone: Path) -> str:
    sandbox = str((clone / ".sandbox").resolve())
    return f"canary-sandbox-{hashlib.sha256(sandbox.encode()).hexdigest()[:8]}"


def snapshot(run: Run, clone: Path) -> dict[str, list[str]]:
    """What the clone's sandbox could leave behind on the machine; a second sandbox may be at work beside it."""
    rules = [line for command in ("iptables-save", "ip6tables-save") for line in run(command).stdout.splitlines()]
    sandbox, owner = str((clone / ".sandbox").resolve()), owner_of(clone)
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    groups: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            groups += (process / "cgroup").read_text().splitlines()
    return {
        "links": sorted(re.findall(r"^\d+: ([^:@]+)", run("ip", "-oneline", "link").stdout, re.MULTILINE)),
        "rules": [line for line in rules if line.startswith("-A") or re.match(":(KUBE|CNI)-", line)],
        "mounts": [line for line in mounts if owner in line or sandbox in line],
        "groups": sorted(str(group) for group in hierarchies(owner) if group.exists()),
        # A killed process that init has not yet reaped is in a deleted group.
        "processes": [line for line in groups if owner in line and not line.endswith(" (deleted)")],
        "sysctls": run("sysctl", "kernel.panic", "vm.overcommit_memory", "net.ipv4.ip_forward").stdout.splitlines(),
        "running state": [str(path) for path in Path("/run").glob(owner)],
    }


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a newcomer has it, except that the parts built before are at hand."""
    # It shares .venv, and could not fill it: its network namespace leads nowhere.
    subprocess.run(["make", "venv"], cwd=ROOT, check=True)
    clone = tmp_path_factory.mktemp("clone")
    for name in (
        "Makefile",
        "requirements.txt",
        "requirements-dev.txt",
        "constraints.txt",
        "components",
        "tools",
        "sandbox",
        *(path.name for path in ROOT.glob("Pulumi*.yaml")),
    ):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, clone / name)
    (clone / ".sandbox").mkdir()
    for name in ("cache", "pulumi-home"):
        if (ROOT / ".sandbox" / name).exists():
            shutil.copytree(ROOT / ".sandbox" / name, clone / ".sandbox" / name, copy_function=os.link, symlinks=True)
    (clone / ".venv").symlink_to((ROOT / ".venv").resolve())
    return clone


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    """`nsenter` option for a network namespace where every port is free."""
    name = f"sandbox-{uuid.uuid4().hex[:6]}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield f"--net=/run/netns/{name}"
    subprocess.run(["ip", "netns", "delete", name], check=True)


@pytest.fixture(scope="module")
def run(clone: Path, namespace: str) -> Iterator[Run]:
    """Runs a command in the clone and the network namespace."""

    def run(*command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("PULUMI_", "KUBECONFIG"))}
        environment |= {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", **variables}
        return subprocess.run(
            ["nsenter", namespace, *command],
            cwd=clone,
            env=environment,
            capture_output=True,
            text=True,
        )

    for command in (
        "ip link set lo up",
        "ip link add outside type veth peer name beyond",
        "ip address add 192.0.2.10/24 dev outside",
        "ip link set outside up",
        "ip link set beyond up",
        "ip route add default via 192.0.2.1",
    ):
        assert run(*command.split()).returncode == 0
    yield run
    assert run("make", "down").returncode == 0


@pytest.fixture(scope="module", autouse=True)
def before(run: Run, clone: Path) -> dict[str, list[str]]:
    return snapshot(run, clone)


@pytest.fixture
def cluster(run: Run) -> None:
    done = run("make", "cluster")
    assert done.returncode == 0, done.stdout + done.stderr


def deploy(clone: Path, run: Run) -> None:
    kubectl = [str(clone / ".sandbox/bin/kubectl"), "--kubeconfig", str(clone / ".sandbox/kubeconfig")]
    image = "arisu1000/simple-container-app:v0.1"
    for command in (
        ["delete", "deployment,service", "app", "--ignore-not-found"],
        ["create", "deployment", "app", f"--image={image}", "--port=8080", "--replicas=2"],
        ["expose", "deployment", "app", "--type=NodePort"],
        ["rollout", "status", "deployment/app", "--timeout=60s"],
    ):
        done = run(*kubectl, *command)
        assert done.returncode == 0, done.stdout + done.stderr


def pid_of(clone: Path, part: str) -> int:
    return int((clone / ".sandbox/cluster/pids" / part).read_text().split()[0])


def test_a_taken_port_is_one_error_with_its_remedy_before_anything_is_built(
    clone: Path, run: Run, namespace: str
) -> None:
    listener = "import socket,time; s=socket.create_server(('127.0.0.1', 6443)); print(flush=True); time.sleep(60)"
    with subprocess.Popen(["nsenter", namespace, "python3", "-c", listener], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        done = run("make", "up")
        process.kill()
    assert done.returncode != 0
    assert f"port 6443 of 127.0.0.1 is in use by process {process.pid}" in done.stderr
    assert f"`kill {process.pid}`" in done.stderr
    assert "Traceback" not in done.stderr
    assert "building" not in done.stdout
    assert not (clone / ".sandbox/cluster").exists()


@pytest.mark.usefixtures("cluster")
def test_a_second_start_finds_everything_running(clone: Path, run: Run) -> None:
    kubelet = pid_of(clone, "kubelet")
    done = run("make", "cluster")
    assert "cluster: runs already" in done.stdout
    assert "building" not in done.stdout
    assert pid_of(clone, "kubelet") == kubelet


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("part", ["kube-apiserver", "kubelet", "containerd", "etcd"])
def test_a_killed_part_is_started_again_and_the_others_run_on(clone: Path, run: Run, part: str) -> None:
    parts = {path.name: pid_of(clone, path.name) for path in (clone / ".sandbox/cluster/pids").iterdir()}
    os.kill(parts[part], signal.SIGKILL)
    while Path(f"/proc/{parts[part]}").exists():
        time.sleep(0.05)
    done = run("make", "cluster")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cluster: ready after" in done.stdout
    changed = {name for name, pid in parts.items() if pid_of(clone, name) != pid}
    assert part in changed
    assert "kube-proxy" not in changed


@pytest.mark.usefixtures("cluster")
def test_a_start_takes_away_what_is_left_of_a_sandbox_that_was_killed_with_its_clone(clone: Path, run: Run) -> None:
    """The network namespaces of its pods would answer for the addresses that the new pods are given."""
    deploy(clone, run)
    left = {link for link in snapshot(run, clone)["links"] if link.startswith("veth")}
    for process in members(owner_of(clone)):
        with contextlib.suppress(ProcessLookupError):  # It ended with another one.
            os.kill(process, signal.SIGKILL)
    gone = Path("/run/canary-sandbox-gone")
    Path("/run", owner_of(clone)).rename(gone)
    for path in (clone / ".sandbox/cluster").iterdir():
        if path.name != "host.json":  # what the machine was like, so that the last test finds it so again
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    done = run("make", "cluster")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not gone.exists()
    assert not any(str(gone) in line for line in Path("/proc/self/mounts").read_text().splitlines())
    deploy(clone, run)
    assert left.isdisjoint(snapshot(run, clone)["links"])


@pytest.mark.usefixtures("cluster")
def test_everything_listens_on_the_loopback_interface_only(run: Run) -> None:
    listening = run("cat", "/proc/net/tcp", "/proc/net/tcp6").stdout.splitlines()
    rows = [row.split() for row in listening if " 0A " in row]
    addresses = {row[1].rpartition(":")[0] for row in rows}
    assert "0100007F" in addresses
    assert addresses <= {"0100007F", socket.inet_pton(socket.AF_INET6, "::1").hex().upper()}


def test_another_stack_needs_the_official_pulumi_and_leaves_the_sandbox_alone(clone: Path, run: Run) -> None:
    if installed("pulumi"):
        pytest.skip("this machine has a pulumi of its own")
    state = sorted((clone / ".sandbox").iterdir())
    done = run("make", "up", "STACK=staging")
    assert done.returncode != 0
    assert "stack staging is outside the sandbox" in done.stderr
    assert "install the Pulumi CLI" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted((clone / ".sandbox").iterdir()) == state


def test_a_shell_with_the_sandboxs_environment_cannot_update_another_stack(clone: Path, run: Run) -> None:
    done = run("make", "up", "STACK=staging", KUBECONFIG=str(clone / ".sandbox/kubeconfig"))
    assert done.returncode != 0
    assert "KUBECONFIG come from .sandbox/env" in done.stderr


PREPARE = """import sys
sys.path.insert(0, ".")
from sandbox import engine, environment

assert engine.programs() == []
engine.prepare()
environment.write_environment_file()
"""

RENDERED = """import pulumi
import pulumi_kubernetes as kubernetes

rendering = kubernetes.Provider("rendering", render_yaml_to_directory="rendered")
kubernetes.core.v1.ConfigMap("map", metadata={"name": "map"}, opts=pulumi.ResourceOptions(provider=rendering))
"""


def test_the_pulumi_and_the_provider_of_the_machine_are_used_where_there_are_any(tmp_path: Path) -> None:
    """A real engine, provider and language host, at the places where an installation has them; no cluster is needed."""
    installation, project = tmp_path / "installation", tmp_path / "project"
    plugin = f"plugins/resource-kubernetes-v{PROVIDER_VERSION}"
    shutil.copytree(ROOT / ".sandbox/pulumi-home" / plugin, installation / plugin)
    (installation / "bin").mkdir()
    for name in ("pulumi", "pulumi-language-python"):
        shutil.copy2(installed(name) or ROOT / ".sandbox/bin" / name, installation / "bin" / name)
    shutil.copytree(ROOT / "sandbox", project / "sandbox")
    (project / ".venv").symlink_to((ROOT / ".venv").resolve())
    variables = {
        "HOME": str(tmp_path),
        "PATH": f"{installation / 'bin'}:{os.environ['PATH']}",
        "PULUMI_HOME": str(installation),
    }

    def run(*command: str | Path) -> str:
        done = subprocess.run(command, cwd=project, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    used = run(ROOT / ".venv/bin/python", "-c", PREPARE)
    assert f"using the engine {installation / 'bin/pulumi'}" in used
    assert f"the language host {installation / 'bin/pulumi-language-python'}" in used
    assert f"the Kubernetes provider {installation / plugin}" in used
    assert not list((project / ".sandbox/bin").glob("pulumi*"))

    (project / "Pulumi.yaml").write_text("name: rendered\nruntime: python\n")
    (project / "__main__.py").write_text(RENDERED)
    (project / ".sandbox/state").mkdir()
    run("sh", "-c", ". .sandbox/env && unset KUBECONFIG && pulumi stack init dev && pulumi up --yes --skip-preview")
    assert [file.name for file in (project / "rendered").rglob("*.yaml")] == ["v1-configmap-default-map.yaml"]


@pytest.mark.usefixtures("cluster")
def test_down_leaves_nothing_behind_also_after_parts_were_killed(
    clone: Path, run: Run, before: dict[str, list[str]]
) -> None:
    deploy(clone, run)
    running = snapshot(run, clone)
    assert all(running[kind] != before[kind] for kind in before if kind != "sysctls")
    for part in ("containerd", "kubelet"):
        os.kill(pid_of(clone, part), signal.SIGKILL)
    assert run("make", "down").returncode == 0
    assert snapshot(run, clone) == before
    assert sorted(path.name for path in (clone / ".sandbox").iterdir() if path.name not in ("lock", "logs")) == [
        "bin",
        "cache",
        "pulumi-home",
    ]
    again = run("make", "down")
    assert again.returncode == 0, again.stderr
