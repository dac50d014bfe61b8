"""`make` hands its variables over as they are."""

import os
import subprocess

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


def test_one_stack_is_not_taken_for_the_whole_sandbox():
    done = make("down", "STACK=web")
    assert done.returncode != 0
    assert "make down ends the whole sandbox and every stack in it: leave out STACK=" in done.stderr
