"""How a program ends when the engine interrupts it, in a process of its own."""

import subprocess
import sys

from .conftest import ROOT

PROGRAM = """
import asyncio, os, signal
import pulumi
from components.gates import Gates
from components.interrupts import end_quietly_on_interrupt
from components.problems import config_keys
from components.release import Release
from components.update_hook import UpdateHook
from tests.unit.conftest import Recorder

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

def info(line, ephemeral=False):
    if "sample 1 of 2" in line:
        interrupt()  # from the terminal
        interrupt()  # from the engine

async def main():
    pulumi.runtime.set_mocks(Recorder(), "canary", "dev", preview=False)
    args = {"app": "shop", "image": "example/shop", "stable_version": "v1", "canary_version": "v2"}
    old, new = (Release.of(args | {"canary_replicas": replicas}) for replicas in (1, 2))
    checks = {"up": {"query": "up", "success": "> 0", "count": 2, "failureLimit": 1, "intervalSeconds": 600}}
    hook = UpdateHook("release", new, config_keys("dev"), Gates(checks, "http://127.0.0.1:1", None))
    before = hook.added_to(None).hooks.before_update
    args = pulumi.ResourceHookArgs("", "", "", "", old_inputs=old.inputs(), old_outputs={"stableVersion": "v1"})
    before[0].callback(args)
    pulumi.log.info = info
    try:
        await before[1].callback(args)
    except pulumi.RunError as error:
        print(error, flush=True)
    interrupt()
    print("goes on", flush=True)

end_quietly_on_interrupt()
asyncio.run(main())
"""


def test_interrupts_end_the_wait_of_gates_with_a_reason_and_a_later_one_the_program():
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == ("the gates of CanaryRelease 'release' were interrupted; nothing was changed\n"), done.stderr
    assert (done.returncode, "Traceback" in done.stderr) == (32, False)
