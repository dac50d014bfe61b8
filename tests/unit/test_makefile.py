"""`make` hands its variables over as they are."""

import subprocess

import pytest

from .conftest import ROOT


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["adopt"], 'tools.adopt "" --namespace'),
        (["adopt", "NAME=shop"], 'tools.adopt "shop" --namespace'),
        (["plan", "PLAN=my plan.yaml"], 'tools.plan "my plan.yaml" --stack'),
        (["test-packages"], ".sandbox/packages/newest"),
    ],
)
def test_a_variable_reaches_its_command_whole(arguments: list[str], command: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("NAME", raising=False)
    done = subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    assert command in done.stdout


def test_one_stack_is_not_taken_for_the_whole_sandbox():
    done = subprocess.run(["make", "-n", "down", "STACK=web"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "make down ends the whole sandbox and every stack in it: leave out STACK=" in done.stderr
