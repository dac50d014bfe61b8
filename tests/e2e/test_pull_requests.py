"""What a reviewer reads on a pull request, and what the issue about drift says, from the real engine and cluster."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from project import ROOT, Ended, Stack

PREVIEWS = ROOT / "tests" / "previews"
ON_THIS_MACHINE = {"sourcePosition", "stackTrace"}
"""Fields of a document that name files of the machine that printed it."""


def with_review(stack: Stack) -> Stack:
    shutil.copytree(ROOT / "tools", stack.folder / "tools", dirs_exist_ok=True)
    return stack


def review(stack: Stack, command: str, name: str = "dev") -> Ended:
    return stack.run(".venv/bin/python", "-m", "tools.review", command, name)


@pytest.fixture(scope="module")
def deployed(stack: Stack) -> Stack:
    stack.up()
    return with_review(stack)


def widening(stack: Stack) -> None:
    stack.configure(canaryReplicas=2)


def refused(stack: Stack) -> None:
    stack.configure(stableVersion="v0.3")


def unchanged(_: Stack) -> None:
    pass


def scale(stack: Stack, replicas: int) -> None:
    """Returns when all pods are ready: a refresh warns of those that are not."""
    stack.kubectl("scale", "deployment/k8s-testapp", f"--replicas={replicas}")
    stack.kubectl("rollout", "status", "deployment/k8s-testapp", "--timeout=60s")


def drifted(stack: Stack) -> None:
    scale(stack, 3)


@pytest.fixture
def as_before(deployed: Stack) -> Iterator[None]:
    text, replicas = deployed.file.read_text(), deployed.deployment("k8s-testapp")["spec"]["replicas"]
    yield
    deployed.file.write_text(text)
    scale(deployed, replicas)


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize(
    ("change", "command", "engine"),
    [
        (widening, "comment", ["preview"]),
        (refused, "comment", ["preview"]),
        (unchanged, "comment", ["preview"]),
        (drifted, "drift", ["refresh", "--preview-only"]),
    ],
)
def test_the_committed_text_is_what_the_engines_document_gives(
    deployed: Stack, change: Callable[[Stack], None], command: str, engine: list[str], tmp_path: Path
):
    change(deployed)
    printed = review(deployed, command)
    assert (printed.code == 0) == (change is not refused), printed

    ended = deployed.run("pulumi", *engine, "--json")
    text = ended.stdout.replace(deployed.namespace, "myapp").replace(str(deployed.node_port), "30881")
    document = json.dumps(without(json.loads(text), ON_THIS_MACHINE), indent=1) + "\n"
    for name, content in {f"{change.__name__}.json": document, f"{change.__name__}.md": printed.stdout}.items():
        (tmp_path / name).write_text(content.replace(deployed.namespace, "myapp"))
    shown = (tmp_path / f"{change.__name__}.md").read_text()
    assert shown == (PREVIEWS / f"{change.__name__}.md").read_text(), f"cp {tmp_path}/{change.__name__}.* {PREVIEWS}"


@pytest.mark.usefixtures("as_before")
def test_a_deleted_object_is_drift_until_it_is_repaired(deployed: Stack):
    assert review(deployed, "drift").text == ""
    deployed.kubectl("delete", "deployment/k8s-testapp-canary")
    report = review(deployed, "drift")
    assert report.code == 0, report
    assert "@@ delete kubernetes:apps/v1:Deployment release-canary @@" in report.stdout
    deployed.up("--refresh")
    assert review(deployed, "drift").text == ""


@pytest.mark.parametrize("command", ["comment", "drift"])
def test_a_command_that_cannot_run_says_why(deployed: Stack, command: str):
    ended = review(deployed, command, "another")
    assert ended.code != 0
    assert "error: no stack named 'another' found" in ended.stdout
    assert ended.stdout.startswith(f"### another: {'the preview failed' if command == 'comment' else 'not checked'}\n")
    assert ended.stderr == ""


def test_a_secret_value_is_in_neither_comment_nor_drift(
    namespace: Callable[[], AbstractContextManager[str]], tmp_path: Path
):
    program = """
import pulumi
import pulumi_kubernetes as kubernetes

config = pulumi.Config()
metadata = {"name": "settings", "namespace": config.require("namespace")}
data = {"password": config.require_secret("password"), "plain": config.require("plain")}
kubernetes.core.v1.ConfigMap("settings", metadata=metadata, data=data)
"""
    with namespace() as name:
        stack = with_review(Stack.program(tmp_path, name, program))
        stack.configure(plain="one")
        stack.good("pulumi", "config", "set", "--secret", "password", "first-secret")
        stack.up()
        stack.good("pulumi", "config", "set", "--secret", "password", "second-secret")
        stack.configure(plain="two")
        comment = review(stack, "comment")
        stack.kubectl("patch", "configmap", "settings", "--patch", '{"data": {"password": "third-secret"}}')
        drift = review(stack, "drift")
    for ended, lines in (
        (comment, ['-data.password: "[secret]"', '+data.password: "[secret]"', '-data.plain: "one"']),
        (drift, ['-data.password: "[secret]"', '+data.password: "[secret]"']),
    ):
        assert ended.code == 0, ended
        assert set(lines) <= set(ended.stdout.splitlines()), ended
        assert not re.search("(first|second|third)-secret", ended.text), ended


def without(value: Any, keys: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: without(each, keys) for key, each in value.items() if key not in keys}
    return [without(each, keys) for each in value] if isinstance(value, list) else value
