"""One command at a time updates a stack, also after a kill."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools.hold import HeldError, only_one

from ..conftest import ROOT

HOLD = """
import sys, time
from tools.hold import HeldError, only_one
try:
    with only_one("dev"):
        print("held", flush=True)
        {then}
except HeldError as error:
    print(error)
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def held(then: str) -> "subprocess.Popen[str]":
    """A process that takes the lock, does something and ends when its input does."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "components")])}
    command = [sys.executable, "-c", HOLD.replace("{then}", then)]
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_second_command_on_the_stack_is_refused_and_one_on_another_is_not():
    before = Path("/proc/self/fd/0").readlink()
    with only_one("dev"):
        with pytest.raises(HeldError, match="stack dev is held by process"), only_one("dev"):
            pass
        with only_one("prod"):
            pass
    with only_one("dev"):
        pass
    assert Path("/proc/self/fd/0").readlink() == before


def test_a_second_command_is_told_who_holds_the_stack():
    first = held("time.sleep(60)")
    try:
        assert first.stdout
        assert first.stdout.readline() == "held\n"
        told = held("pass").communicate(timeout=30)[0]
        assert told == (
            f"stack dev is held by process {first.pid} on {socket.gethostname()}: "
            "wait for its end, or interrupt it with Ctrl-C\n"
        )
    finally:
        first.kill()
        first.communicate()
    assert held("pass").communicate(timeout=30)[0] == "held\n"


def test_a_command_whose_engine_still_runs_after_its_kill_is_waited_for():
    """The engine inherits standard input, and with it the lock."""
    child = "import sys, time; print(flush=True); time.sleep(60)"
    first = held(f"import subprocess; subprocess.run([sys.executable, '-c', {child!r}])")
    assert first.stdout
    assert first.stdout.readline() == "held\n"
    assert first.stdout.readline() == "\n"
    [engine] = map(int, Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split())
    first.kill()
    first.wait()
    second = held("pass")
    assert second.stderr
    assert second.stderr.readline().startswith("the update of a command that was killed still runs")
    os.kill(engine, 9)
    assert second.communicate(timeout=30)[0] == "held\n"
