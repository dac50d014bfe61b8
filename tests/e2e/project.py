"""A project of its own in a temporary folder, driven by plain `pulumi` and `kubectl` commands as an operator would."""

import copy
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROGRAM_FILES = (
    *(path.name for path in ROOT.glob("Pulumi*.yaml")),
    "__main__.py",
    "app.yaml",
    "components",
    "stack",
    "docs",
)
SANDBOX_FILES = ("sandbox", "tools", "Makefile", "requirements.txt", "requirements-dev.txt", "constraints.txt")
IMAGE = "arisu1000/simple-container-app"
SEED = {
    "stableVersion": "v0.1",
    "stableReplicas": "2",
    "canaryVersion": "v0.2",
    "canaryReplicas": "1",
}
"""Where the tests' updates begin, wherever the operator's own updates have brought `Pulumi.dev.yaml`."""


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    command: str
    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def text(self) -> str:
        """All that the operator saw."""
        return self.stdout + self.stderr

    def __str__(self) -> str:
        return f"`{self.command}` ended with {self.code} after {self.seconds:.1f} s\n{self.text}"


def sandbox_environment() -> dict[str, str]:
    """The environment after `. .sandbox/env`."""
    script = f'. "{ROOT}/.sandbox/env" && env -0'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """The condition's value as soon as it is true. Fails after the given seconds, saying what was awaited."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what}")


class Stack:
    """Stack `dev` of a project in a folder, with a backend, a namespace and a node port of its own."""

    def __init__(self, folder: Path, namespace: str, node_port: int) -> None:
        self.folder, self.namespace, self.node_port = folder, namespace, node_port
        (folder / ".venv").symlink_to((ROOT / ".venv").resolve())
        # The running sandbox with another state: also `make recover` works on this stack and never on the operator's.
        self.state = folder / ".sandbox" / "state"
        self.state.mkdir(parents=True)
        for part in ("bin", "cluster", "kubeconfig", "pulumi-home"):
            (folder / ".sandbox" / part).symlink_to((ROOT / ".sandbox" / part).resolve())
        (self.state.parent / "env").write_text(f"export KUBECONFIG={self.state.parent}/kubeconfig\n")
        self.environment = {**sandbox_environment(), "PULUMI_BACKEND_URL": f"file://{self.state}"}
        self.good("pulumi", "stack", "init", "dev", "--no-select")

    @classmethod
    def seed(cls, folder: Path, namespace: str, node_port: int) -> "Stack":
        """This project with the seed's config, but for namespace and node port."""
        for name in (*PROGRAM_FILES, *SANDBOX_FILES):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, folder / name)
        stack = cls(folder, namespace, node_port)
        stack.configure(**SEED, namespace=namespace)
        stack.patch("Service", {"ports": [{"port": 8080, "nodePort": node_port or None}]})
        return stack

    @classmethod
    def program(cls, folder: Path, namespace: str, text: str, *applications: str, service: bool = True) -> "Stack":
        """A program of its own that uses the component, as another team would; it finds its namespace in its config.

        Each application has a manifest of its name beside the program.
        """
        shutil.copytree(ROOT / "components", folder / "components")
        for name in applications:
            (folder / f"{name}.yaml").write_text(yaml.safe_dump_all(objects(name, service)))
        (folder / "Pulumi.yaml").write_text("name: pair\nruntime: {name: python, options: {virtualenv: .venv}}\n")
        (folder / "Pulumi.dev.yaml").write_text("config:\n  kubernetes:context: canary-sandbox\n")
        (folder / "__main__.py").write_text(text)
        stack = cls(folder, namespace, 0)
        stack.configure(namespace=namespace)
        return stack

    @classmethod
    def example(cls, folder: Path, namespace: str, name: str) -> "Stack":
        """One of the programs in `examples`, as it lies beside the others and the component."""
        for part in ("components", "examples"):
            # Without what a plugin's host and npm have left there.
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("venv", "sdks", "node_modules"))
        stack = cls(folder / "examples" / name, namespace, 0)
        stack.configure(namespace=namespace)
        return stack

    def elsewhere(self, folder: Path) -> "Stack":
        """The same backend, driven from another folder."""
        other = copy.copy(self)
        other.folder = folder
        return other

    @property
    def file(self) -> Path:
        """The stack file, which holds the config."""
        return self.folder / "Pulumi.dev.yaml"

    def run(self, *command: str, **variables: str) -> Ended:
        """Runs a command in the project, as on the operator's shell."""
        began = time.monotonic()
        environment = {**self.environment, **variables}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        return Ended(" ".join(command), done.returncode, done.stdout, done.stderr, time.monotonic() - began)

    def good(self, *command: str, **variables: str) -> Ended:
        """Runs a command that must succeed."""
        ended = self.run(*command, **variables)
        assert ended.code == 0, ended
        return ended

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Starts a command in a session of its own and returns while it runs; its output is read by `communicate`."""
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def configure(self, **config: str | int) -> None:
        """Sets keys of the stack's config."""
        for key, value in config.items():
            self.good("pulumi", "config", "set", key, str(value))

    def patch(self, kind: str, spec: dict[str, Any], stack: str = "dev") -> None:
        """Puts fields of the spec over those that the stack's patch of this kind has."""
        path = self.folder / f"Pulumi.{stack}.yaml"
        file = yaml.safe_load(path.read_text())
        patches = {each["kind"]: each["spec"] for each in file["config"].get("canary:patches", [])}
        patches[kind] = merged(patches.get(kind, {}), spec)
        file["config"]["canary:patches"] = [{"kind": each, "spec": patches[each]} for each in patches]
        path.write_text(yaml.safe_dump(file))

    def patch_canary(self, spec: dict[str, Any]) -> None:
        """Gives the canary alone these fields of the spec."""
        file = yaml.safe_load(self.file.read_text())
        file["config"]["canary:canaryPatch"] = {"spec": spec}
        self.file.write_text(yaml.safe_dump(file))

    def wait_for_pods(self, deadline: int, min_ready: int = 0) -> None:
        """Gives each pod these seconds to become available, for some of which it must stay ready."""
        self.patch("Deployment", {"progressDeadlineSeconds": deadline + min_ready, "minReadySeconds": min_ready})

    def without_service(self) -> None:
        """The manifest holds the Deployment alone: the application is a worker."""
        manifest = self.folder / "app.yaml"
        objects = [each for each in yaml.safe_load_all(manifest.read_text()) if each["kind"] == "Deployment"]
        manifest.write_text(yaml.safe_dump_all(objects))
        file = yaml.safe_load(self.file.read_text())
        file["config"].pop("canary:patches")
        self.file.write_text(yaml.safe_dump(file))

    def unset(self, key: str) -> None:
        """Takes a key out of the stack's config."""
        self.good("pulumi", "config", "rm", key)

    def up(self, *options: str, preview: bool = False) -> Ended:
        """An update that must succeed. The engine's preview before it takes as long as the update does."""
        return self.good("pulumi", "up", "--yes", *([] if preview else ["--skip-preview"]), *options)

    def failing_up(self) -> Ended:
        """An update that must fail, with a message and no traceback of the program."""
        ended = self.run("pulumi", "up", "--yes")
        assert ended.code != 0, ended
        assert "Traceback" not in ended.text, ended
        assert "KeyboardInterrupt" not in ended.text, ended
        return ended

    def changes(self) -> dict[str, int]:
        """What the last update did, as the engine recorded it: number of resources by operation."""
        history = self.good("pulumi", "stack", "history", "--json", "--page-size", "1").stdout
        return json.loads(history)[0]["resourceChanges"]

    def preview(self, *options: str) -> dict[str, Any]:
        """What an update would do, as the engine's own JSON."""
        return json.loads(self.good("pulumi", "preview", "--json", *options).stdout)

    def planned(self, *options: str) -> dict[str, int]:
        """What an update would do: number of resources by operation."""
        return self.preview(*options)["changeSummary"]

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        return json.loads(self.good("pulumi", "stack", "output", "--json").stdout)

    def kubectl(self, *arguments: str) -> str:
        """The output of a kubectl command in the stack's namespace."""
        return self.good("kubectl", "--namespace", self.namespace, *arguments).stdout

    def get(self, *what: str) -> dict[str, Any]:
        """An object, or a list of objects, as the API server has it; empty if there is none."""
        text = self.kubectl("get", *what, "--ignore-not-found", "--output", "json")
        return json.loads(text) if text else {}

    def deployment(self, name: str) -> dict[str, Any]:
        """A Deployment, or an empty dict."""
        return self.get("deployment", name)

    def objects(self) -> set[str]:
        """Everything in the namespace that a release could have made, as `kind/name`."""
        listed = self.kubectl("get", "deployments,replicasets,pods,services,endpointslices", "--output", "name")
        return {name.replace(".apps", "").replace(".discovery.k8s.io", "") for name in listed.split()}

    def pods(self) -> dict[str, str]:
        """Image by name of every pod that is not about to end."""
        pods = [pod for pod in self.get("pods")["items"] if "deletionTimestamp" not in pod["metadata"]]
        return {pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"] for pod in pods}

    def endpoints(self, service: str = "myapp-svc") -> set[str]:
        """Addresses that the Service sends connections to."""
        slices = self.get("endpointslices", "--selector", f"kubernetes.io/service-name={service}")["items"]
        found = [endpoint for each in slices for endpoint in each.get("endpoints") or []]
        return {address for each in found if each["conditions"]["ready"] for address in each["addresses"]}

    def node_endpoints(self, service: str = "myapp-svc") -> set[str]:
        """Addresses that the node sends the Service's new connections to. They follow the API server after a moment.

        To try a connection instead would spoil the next ones: a port of the client that was refused once is refused
        again for ten seconds, since the node remembers the connection.
        """
        rules = self.good("iptables-save", "--table", "nat").stdout
        pattern = rf'-A KUBE-SVC-.* --comment "{self.namespace}/{service}(?::[^ ]*)? -> ([\d.]+):'
        return set(re.findall(pattern, rules))

    def exported(self) -> dict[str, Any]:
        """The state, as the backend has it."""
        return json.loads(self.good("pulumi", "stack", "export").stdout)["deployment"]

    def locks(self) -> list[Path]:
        """Locks of updates that run, or that were killed."""
        return list(self.state.glob(".pulumi/locks/**/*.json"))

    def recover(self) -> Ended:
        """The one documented command after a killed update."""
        return self.good("make", "recover")


def merged(below: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Objects merge, everything else is replaced."""
    result = dict(below)
    for name, value in over.items():
        both = isinstance(value, dict) and isinstance(below.get(name), dict)
        result[name] = merged(below[name], value) if both else value
    return result


def objects(name: str, service: bool = True, replicas: int = 2) -> list[dict[str, Any]]:
    """A manifest of the sample application under this name, for a program of its own."""
    labels = {"app": name}
    container = {"name": "app", "image": IMAGE, "ports": [{"containerPort": 8080}]}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    made: list[dict[str, Any]] = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels}, "spec": spec}
    ]
    if service:
        ports = {"type": "NodePort", "selector": labels, "ports": [{"port": 8080}]}
        made.append({"apiVersion": "v1", "kind": "Service", "metadata": {"name": f"{name}-svc"}, "spec": ports})
    return made


def kill_tree(process: subprocess.Popen[str]) -> str:
    """Kills the process and all its descendants at once: nobody can clean up. Returns what they printed."""
    for pid in [process.pid, *_descendants(process.pid)]:
        with suppress(ProcessLookupError):  # It has ended by itself.
            os.kill(pid, signal.SIGKILL)
    return process.communicate()[0]


def _descendants(pid: int) -> list[int]:
    children: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            children += map(int, path.read_text().split())
    return [*children, *(grandchild for child in children for grandchild in _descendants(child))]
