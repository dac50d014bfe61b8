"""Stacks that declare the same objects in one place."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from stack.context import CONTEXT
from stack.files import read_config
from stack.settings import Settings, settings_of
from stack.siblings import declared_in, names_of

from ..conftest import ROOT, Recorder

DEV = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
OTHER_NAMES = """apiVersion: apps/v1
kind: Deployment
metadata: {name: another}
spec:
  selector: {matchLabels: {app: another}}
  template:
    metadata: {labels: {app: another}}
    spec: {containers: [{name: another, image: another:v1}]}
"""


@pytest.fixture
def stacks(tmp_path: Path, run_stack: Callable[[Path], Recorder]) -> Callable[..., Recorder]:
    """Runs stack dev beside another one, which has changes to the committed config of dev."""

    def stacks(**changes: Any) -> Recorder:
        shutil.copy(ROOT / "Pulumi.dev.yaml", tmp_path)
        (tmp_path / "another.yaml").write_text(OTHER_NAMES)
        config = {**DEV, **{key.replace("_", ":"): value for key, value in changes.items()}}
        (tmp_path / "Pulumi.other.yaml").write_text(yaml.safe_dump({"config": config}))
        return run_stack(tmp_path / "Pulumi.dev.yaml")

    return stacks


@pytest.mark.parametrize("changes", [{}, {"canary_canaryReplicas": "0"}, {"canary_namespace": "default"}])
def test_two_stacks_that_declare_one_release_are_refused(stacks: Callable, changes: dict[str, str]):
    with pytest.raises(pulumi.RunError) as refusal:
        stacks(**changes)
    assert str(refusal.value) == (
        "the config of stack dev has a problem; nothing was changed\n"
        "\n"
        '  Pulumi.yaml:57: namespace: "default"\n'
        "    must not be that of Pulumi.other.yaml, which declares the same in one namespace of one context: "
        "Deployment k8s-testapp, Deployment k8s-testapp-canary, Service myapp-svc; or remove that file\n"
        "    fix: pulumi config set --stack dev namespace '<another namespace>'"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"canary_namespace": "another"},
        {"kubernetes_context": "another"},
        {"canary_manifest": "another.yaml"},
        {"canary_stableVersion": "latest"},
    ],
    ids=["another namespace", "another context", "other objects", "no release"],
)
def test_two_stacks_that_differ_in_where_or_what_they_run_are_accepted(stacks: Callable, changes: dict[str, str]):
    assert "release-stable" in stacks(**changes).resources


def test_a_file_that_is_no_config_declares_nothing(stacks: Callable, tmp_path: Path):
    (tmp_path / "Pulumi.broken.yaml").write_text("config: [\n")
    assert "release-stable" in stacks(canary_namespace="another").resources


def test_a_default_context_of_the_project_is_a_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "app.yaml", tmp_path)
    project = (ROOT / "Pulumi.yaml").read_text() + "  kubernetes:context:\n    value: here\n"
    (tmp_path / "Pulumi.yaml").write_text(project)
    for stack in ("one", "two"):
        (tmp_path / f"Pulumi.{stack}.yaml").write_text("config:\n  canary:stableVersion: v1\n")
    said = settings_of(read_config("one"))
    assert isinstance(said, Settings)
    found = declared_in(names_of(said.parsed.release), "default", "here")
    assert [config.stack for config, _ in found] == ["one", "two"]


def test_no_two_committed_stacks_run_in_one_place(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    configs = [read_config(stack) for stack in ("dev", "staging", "prod")]
    assert len({config.values[CONTEXT] for config in configs}) == 3
    assert len({config.get("namespace") for config in configs}) == 3


def test_prod_is_protected_and_no_other_committed_stack():
    protected = {path.name for path in ROOT.glob("Pulumi.*.yaml") if "canary:protect" in path.read_text()}
    assert protected == {"Pulumi.prod.yaml"}
