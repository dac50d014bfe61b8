"""A project of its own in a temporary folder, driven by plain `pulumi` and `kubectl` commands as an operator would."""

import copy
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROGRAM_FILES = (*(path.name for kind in ("Pulumi*.yaml", "*.py") for path in ROOT.glob(kind)), "components", "docs")
SANDBOX_FILES = ("sandbox", "observe", "Makefile", "requirements.txt", "requirements-dev.txt")
SEED = {
    "stableVersion": "v0.1",
    "stableReplicas": "2",
    "canaryVersion": "v0.2",
    "canaryReplicas": "1",
}
"""Where the tests' walks begin, wherever the operator's own walk has brought `Pulumi.dev.yaml`."""


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
        self.environment = {**sandbox_environment(), "PULUMI_BACKEND_URL": f"file://{self.state}"}
        self.good("pulumi", "stack", "init", "dev", "--no-select")

    @classmethod
    def seed(cls, folder: Path, namespace: str, node_port: int) -> "Stack":
        """This project with the seed's config, but for namespace and node port."""
        for name in (*PROGRAM_FILES, *SANDBOX_FILES):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, folder / name)
        stack = cls(folder, namespace, node_port)
        stack.configure(**SEED, namespace=namespace, nodePort=node_port)
        return stack

    @classmethod
    def program(cls, folder: Path, namespace: str, text: str) -> "Stack":
        """A program of its own that uses the component, as another team would; it finds its namespace in its config."""
        shutil.copytree(ROOT / "components", folder / "components")
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

    def unset(self, key: str) -> None:
        """Takes a key out of the stack's config."""
        self.good("pulumi", "config", "rm", key)

    def up(self, *options: str) -> Ended:
        """An update that must succeed."""
        return self.good("pulumi", "up", "--yes", *options)

    def failing_up(self) -> Ended:
        """An update that must fail, in words and without a traceback of the program."""
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

    def exported(self) -> dict[str, Any]:
        """The state, as the backend has it."""
        return json.loads(self.good("pulumi", "stack", "export").stdout)["deployment"]

    def locks(self) -> list[Path]:
        """Locks of updates that run, or that were killed."""
        return list(self.state.glob(".pulumi/locks/**/*.json"))

    def recover(self) -> Ended:
        """The one documented command after a killed update."""
        return self.good("make", "recover")


def kill_tree(process: subprocess.Popen[str]) -> None:
    """Kills the process and all its descendants at once: no chance to clean up for anyone."""
    for pid in [process.pid, *_descendants(process.pid)]:
        os.kill(pid, signal.SIGKILL)
    process.communicate()


def _descendants(pid: int) -> list[int]:
    children = [
        int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()
    ]
    return [*children, *(grandchild for child in children for grandchild in _descendants(child))]
