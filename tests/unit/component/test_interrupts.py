"""How a program ends when the engine interrupts it, in a process of its own."""

import subprocess
import sys

from ..conftest import ROOT

PROGRAM = """
import asyncio, os, signal
import pulumi
from canary_release.gates import parse_gates
from canary_release.hooks.guard import Guard
from canary_release.pulumi_host import end_quietly_on_interrupt
from canary_release.text.spelling import config_keys
from tests.unit.conftest import Recorder
from tests.unit.model.shop import parsed

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

def info(line, ephemeral=False):
    if "sample 1 of 2" in line:
        interrupt()  # from the terminal
        interrupt()  # from the engine

async def main():
    pulumi.runtime.set_mocks(Recorder(), "canary", "dev", preview=False)
    old, new = (parsed(canary_version="v2", canary_replicas=replicas) for replicas in (1, 2))
    checks = {"up": {"query": "up", "success": "> 0", "count": 2, "failureLimit": 1, "intervalSeconds": 600}}
    gates = parse_gates(checks, "http://127.0.0.1:1", None)
    guard = Guard("release", new, None, config_keys("dev"), gates)
    before = guard.added_to(None).hooks.before_update
    old = old.release.inputs()
    args = pulumi.ResourceHookArgs("", "", "release", "", old_inputs=old, old_outputs={"stableVersion": "v1"})
    await before[0].callback(args)
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
    path = {"PYTHONPATH": str(ROOT / "components"), "PATH": "/nowhere"}  # Without kubectl nothing asks a cluster.
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=path, capture_output=True, text=True, timeout=60
    )
    told = "the gates of CanaryRelease 'release' were interrupted; nothing of this release was changed\n"
    assert done.stdout == told, done.stderr
    assert (done.returncode, "Traceback" in done.stderr) == (32, False)
