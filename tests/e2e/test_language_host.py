"""The stand-in for the Python language host, under the real engine; no cluster is needed."""

from pathlib import Path

import pytest
from stack import ROOT, Ended, Stack

HOST = ROOT / ".sandbox/bin/pulumi-language-python"

pytestmark = pytest.mark.skipif(not HOST.is_file(), reason="the official language host is in use, the stand-in is not")


@pytest.fixture
def stack(tmp_path: Path):
    (tmp_path / "Pulumi.yaml").write_text("name: host\nruntime: python\nmain: program\n")
    (tmp_path / "program").mkdir()
    return Stack(tmp_path, "", 0)


def run(stack: Stack, program: str) -> Ended:
    (stack.folder / "program" / "__main__.py").write_text(f"import pulumi\n{program}\n")
    return stack.run("pulumi", "up", "--yes", "--skip-preview")


def test_what_the_program_prints_and_exports_reaches_the_user(stack: Stack):
    stack.configure(plain="value")
    stack.good("pulumi", "config", "set", "--secret", "hidden", "unspeakable")
    ended = run(
        stack, "print('said')\nc = pulumi.Config()\npulumi.export('all', [c.get('plain'), c.get_secret('hidden')])"
    )
    assert ended.code == 0, ended
    assert "said" in ended.text
    assert "unspeakable" not in ended.text
    shown = stack.good("pulumi", "stack", "output", "all", "--show-secrets").stdout
    assert "value" in shown
    assert "unspeakable" in shown


def test_modules_beside_the_program_are_found_and_the_sandboxs_own_are_not(stack: Stack):
    (stack.folder / "program" / "beside.py").write_text("text = 'found'\n")
    program = (
        "import beside\nimport importlib.util\npulumi.export('own', importlib.util.find_spec('rollout') is not None)"
    )
    assert run(stack, program).code == 0
    assert stack.outputs()["own"] is False


def test_a_run_error_shows_its_text_alone(stack: Stack):
    ended = run(stack, "raise pulumi.RunError('stableVersion is missing')")
    assert ended.code != 0
    assert "stableVersion is missing" in ended.text
    assert "Traceback" not in ended.text
    assert "exit code" not in ended.text


def test_an_exception_shows_the_frames_of_the_program_alone(stack: Stack):
    ended = run(stack, "def choose():\n    raise KeyError('chosen')\nchoose()")
    assert ended.code != 0
    assert "KeyError: 'chosen'" in ended.text
    assert "in choose" in ended.text
    assert "language_host.py" not in ended.text


@pytest.mark.parametrize(("code", "told"), [(32, False), (3, True)], ids=["already shown", "not yet shown"])
def test_an_exit_code_is_told_unless_the_program_has_shown_its_error(stack: Stack, code: int, told: bool):
    ended = run(stack, f"import os\nos._exit({code})")
    assert ended.code != 0
    assert (f"non-zero exit code: {code}" in ended.text) is told
