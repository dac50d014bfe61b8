"""The stand-in for the Python language host, under the real engine; no cluster is needed."""

import signal
from pathlib import Path

import pytest
from project import ROOT, Ended, Stack, until

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
    program = "import beside\nfrom importlib import util\npulumi.export('own', bool(util.find_spec('language_host')))"
    assert run(stack, program).code == 0
    assert stack.outputs()["own"] is False


def test_a_run_error_shows_its_text_and_the_exit_code_that_the_official_host_gives_it(stack: Stack):
    ended = run(stack, "raise pulumi.RunError('stableVersion is missing')")
    assert ended.code != 0
    assert "stableVersion is missing" in ended.text
    assert "Traceback" not in ended.text
    assert "non-zero exit code: 1" in ended.text


@pytest.mark.parametrize("where", ["raise Refusal(text)", "pulumi.Output.from_input(1).apply(refuse)"])
def test_a_refusal_shows_its_text_alone(stack: Stack, where: str):
    (stack.folder / "program" / "canary_release").symlink_to(ROOT / "components" / "canary_release")
    program = f"""from canary_release.pulumi_host import Refusal, end_quietly_on_interrupt
end_quietly_on_interrupt()
text = 'stableVersion is missing'

def refuse(_):
    raise Refusal(text)

{where}"""
    ended = run(stack, program)
    assert ended.code != 0
    assert "stableVersion is missing" in ended.text
    assert "Traceback" not in ended.text, ended
    assert "exit code" not in ended.text, ended


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


def test_a_program_that_goes_on_after_an_interrupt_is_killed(stack: Stack):
    program = stack.folder / "program"
    (program / "__main__.py").write_text("""import pathlib, signal, time

signal.signal(signal.SIGINT, lambda *_: pathlib.Path("interrupted").touch())
pathlib.Path("runs").touch()
time.sleep(60)
pathlib.Path("ended").touch()
""")
    update = stack.start("pulumi", "up", "--yes", "--skip-preview")
    until((program / "runs").exists, "the program runs")
    update.send_signal(signal.SIGINT)
    text, _ = update.communicate()
    assert update.returncode != 0, text
    assert (program / "interrupted").exists(), text
    assert not (program / "ended").exists(), text
