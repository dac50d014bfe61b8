"""`make` hands its variables over as they are."""

import os
import subprocess
from pathlib import Path

import pytest

from .conftest import ROOT

# The make that runs these tests hands its own variables to every make below it: `make test-packages NAME=oldest`.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "NAME", "STACK")}


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "-n", *arguments], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["adopt"], 'tools.adopt "" --namespace'),
        (["adopt", "NAME=shop"], 'tools.adopt "shop" --namespace'),
        (["plan", "PLAN=my plan.yaml"], 'tools.plan "my plan.yaml" --stack'),
        (["test-packages"], ".sandbox/packages/newest"),
    ],
)
def test_a_variable_reaches_its_command_whole(arguments: list[str], command: str):
    assert command in make(*arguments).stdout


@pytest.mark.parametrize("command", ["adopt", "leave", "release", "watch"])
def test_a_command_on_a_stack_of_the_sandbox_has_its_environment_and_one_on_another_has_not(command: str):
    assert ". .sandbox/env && .venv/bin/python" in make(command).stdout
    assert ".sandbox" not in make(command, "STACK=staging").stdout


def test_a_sandbox_that_does_not_run_is_told(tmp_path: Path):
    there = ["make", "--file", str(ROOT / "Makefile"), "--old-file", ".venv/complete", "watch"]
    environment = {**ENVIRONMENT, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(there, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stderr.startswith("error: the sandbox does not run: `make up` starts it\n")


def test_one_stack_is_not_taken_for_the_whole_sandbox():
    done = make("down", "STACK=web")
    assert done.returncode != 0
    assert "make down ends the whole sandbox and every stack in it: leave out STACK=" in done.stderr
