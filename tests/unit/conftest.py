"""Runs the program of this repository under Pulumi's mocks, with a stack file as the engine would read it."""

import json
import runpy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components import claims
from stack_files import EngineLoader

ROOT = Path(__file__).parents[2]


@dataclass
class Recorder(pulumi.runtime.Mocks):
    """Every resource that a program registers, by its name, with its inputs as they go over the wire."""

    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        inputs = whole(args.inputs)
        self.resources[args.name], self.types[args.name] = inputs, args.typ
        if args.typ == "kubernetes:core/v1:Service":
            port = {"nodePort": 31234, **inputs["spec"]["ports"][0]}
            return args.name, {**inputs, "spec": {**inputs["spec"], "ports": [port]}}
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
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    values = {f"canary:{key}": schema["default"] for key, schema in project.items()}
    values |= yaml.load(stack_file.read_text(), Loader=EngineLoader)["config"]
    return {
        key: value if isinstance(value, str) else json.dumps(value, default=str, sort_keys=True)
        for key, value in values.items()
    }


def write_kubeconfig(folder: Path, *contexts: str) -> Path:
    """A kubeconfig with nothing but the names of contexts."""
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump({"contexts": [{"name": name} for name in contexts]}))
    return path


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Each test starts without claims, with the sandbox's context in its kubeconfig, and leaves SIGINT to pytest."""
    claims.forget_claims()
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path, "canary-sandbox")))
    monkeypatch.setattr("signal.signal", lambda *_: None)


@pytest.fixture
def run() -> Callable[..., Recorder]:
    """Runs a function as a Pulumi program."""

    def run(function: Callable[[], Any], stack: str = "dev", config: dict[str, str] | None = None) -> Recorder:
        recorder = Recorder()
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
        claims.forget_claims()
        return run(
            lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__"), stack, engine_config(stack_file)
        )

    return run_stack
