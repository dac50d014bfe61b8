"""Runs the program of this repository under Pulumi's mocks, with a stack file as the engine would read it."""

import asyncio
import atexit
import json
import os
import runpy
import shutil
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pulumi
import pytest
import yaml
from pulumi.runtime._callbacks import _CallbackServicer  # pyright: ignore[reportPrivateUsage]
from pulumi.runtime.sync_await import _sync_await  # pyright: ignore[reportPrivateUsage]

from canary_release import pulumi_host
from sandbox.environment import BIN

ROOT = Path(__file__).parents[2]
KUBECTL = shutil.which("kubectl", path=os.pathsep.join([os.environ.get("PATH", os.defpath), str(BIN)]))
needs_kubectl = pytest.mark.skipif(not KUBECTL, reason="there is no kubectl: `make cluster` builds one")
Answer = TypeVar("Answer")


def pytest_unconfigure() -> None:
    # The tests read refusals: their process must not end as a refused program does.
    atexit.unregister(pulumi_host.end_as_shown)


@dataclass
class Recorder(pulumi.runtime.Mocks):
    """Every resource that a program registers, by its name, with its inputs as they go over the wire."""

    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        inputs = whole(args.inputs)
        self.resources[args.name], self.types[args.name] = inputs, args.typ
        if args.typ == "kubernetes:core/v1:Service":
            ports = [{"nodePort": 31234, **port} for port in inputs["spec"].get("ports", [])]
            return args.name, {**inputs, "spec": {**inputs["spec"], "ports": ports}}
        return args.name, inputs

    def call(self, args: pulumi.runtime.MockCallArgs):
        raise AssertionError(f"the program called {args.token}")

    def manifests(self) -> str:
        """The children's inputs as one text."""
        return json.dumps({name: self.resources[name] for name in sorted(self.resources)}, sort_keys=True)


def whole(value: Any) -> Any:
    """Mocks hand whole numbers over as floats."""
    return json.loads(json.dumps(value), parse_float=lambda text: int(text.removesuffix(".0")))


def engine_config(stack_file: Path) -> dict[str, str]:
    """The config that the engine hands to the program: the stack file over the defaults of Pulumi.yaml, as text."""
    from stack.files import read_config

    return read_config(stack_file.name.removeprefix("Pulumi.").removesuffix(".yaml"), stack_file.parent).values


def write_kubeconfig(folder: Path, *contexts: str) -> Path:
    """A kubeconfig with nothing but the names of contexts."""
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump({"contexts": [{"name": name} for name in contexts]}))
    return path


def run_async(work: Coroutine[Any, Any, Answer]) -> Answer:
    """What the work returns, from the event loop of Pulumi's mocks: gRPC crashes a process that has several."""

    async def whole() -> Answer:
        try:
            return await work
        finally:
            await _CallbackServicer.shutdown()
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    return _sync_await(whole())


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Each test starts without claims, with the sandbox's context in its kubeconfig, and leaves SIGINT to pytest."""
    pulumi_host.program.forget()
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path, "canary-sandbox")))
    monkeypatch.setattr("signal.signal", lambda *_: None)

    async def no_rollouts(*_: Any) -> None:
        """Mocks make no pods that an update could wait for."""

    monkeypatch.setattr("canary_release.hooks.guard.check_rollouts", no_rollouts)


@pytest.fixture
def run() -> Callable[..., Recorder]:
    """Runs a function as a Pulumi program."""

    def run(function: Callable[[], Any], stack: str = "dev", config: dict[str, str] | None = None) -> Recorder:
        recorder = Recorder()
        pulumi_host.program.forget()
        organization = "organization"  # The one of every backend without organizations.
        pulumi.runtime.set_mocks(recorder, "canary", stack, preview=False, organization=organization)
        pulumi.runtime.set_all_config(config or {})

        @pulumi.runtime.test
        def program() -> None:
            function()

        program()
        return recorder

    return run


@pytest.fixture
def run_stack(run: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Recorder]:
    """Runs `__main__.py` itself with a stack file."""

    def run_stack(stack_file: Path) -> Recorder:
        stack = stack_file.name.removeprefix("Pulumi.").removesuffix(".yaml")
        monkeypatch.chdir(stack_file.parent)
        for name in ("Pulumi.yaml", "app.yaml"):
            if not Path(name).exists():
                shutil.copy(ROOT / name, name)
        pulumi_host.program.forget()
        return run(
            lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__"), stack, engine_config(stack_file)
        )

    return run_stack
