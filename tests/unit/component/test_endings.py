"""How a program that was refused ends, under a language host's script: in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest
from pulumi.runtime import _callbacks

from canary_release.pulumi_host import Refusal, program

from ..conftest import ROOT

HOST = """
import runpy, sys
import pulumi

code = 1
try:
    runpy.run_path(sys.argv[1], run_name="__main__")
    code = 0
except pulumi.RunError as error:
    print(str(error))
sys.exit(code)
"""
"""What the official host's script does with a program, as far as its end is concerned."""
PROGRAM = """
import pulumi
from canary_release import end_quietly_on_interrupt
from canary_release.pulumi_host import Refusal

end_quietly_on_interrupt()
"""
CAUGHT = """
try:
    raise Refusal("refused")
except pulumi.RunError as error:
    print(f"goes on: {error}")
"""


@pytest.mark.parametrize(
    ("ending", "code", "shown"),
    [
        ('raise Refusal("refused")', 32, "refused\n"),
        (CAUGHT, 0, "goes on: refused\n"),
        (f'{CAUGHT}raise pulumi.RunError("its own")', 1, "goes on: refused\nits own\n"),
        ('raise pulumi.RunError("its own")', 1, "its own\n"),
    ],
    ids=["refused", "goes on", "goes on and fails", "fails"],
)
def test_only_a_program_that_ends_for_a_refusal_ends_as_one_whose_reason_was_shown(
    tmp_path: Path, ending: str, code: int, shown: str
):
    host, program = tmp_path / "host.py", tmp_path / "program.py"
    host.write_text(HOST)
    program.write_text(PROGRAM + ending)
    environment = {"PYTHONPATH": str(ROOT / "components"), "PATH": "/nowhere"}
    command = [sys.executable, str(host), str(program)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (code, shown), done.stderr


LEAVES_A_THREAD = """
import asyncio, threading
from canary_release.hooks.threads import in_thread

async def main():
    running = threading.Event()
    asyncio.create_task(in_thread(lambda: (running.set(), threading.Event().wait())))
    while not running.is_set():
        await asyncio.sleep(0)

asyncio.run(main())
print("ended")
"""


def test_a_program_ends_although_a_thread_still_asks():
    environment = {"PYTHONPATH": str(ROOT / "components"), "PATH": "/nowhere"}
    command = [sys.executable, "-c", LEAVES_A_THREAD]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "ended\n"), done.stderr


def test_a_refusal_that_a_hook_hands_to_the_engine_counts_as_shown():
    refusal = Refusal("refused")
    assert (str(refusal), program.refused) == ("refused", False)
    read_by_the_sdk = {"__name__": _callbacks.__name__, "refusal": refusal}
    exec("str(refusal)", read_by_the_sdk)
    assert program.refused
