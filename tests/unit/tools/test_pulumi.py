"""The engine is left to end what it has begun, whatever ends the command that runs it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ..conftest import ROOT

ENGINE = f"""#!{sys.executable}
import signal, sys, time
from pathlib import Path

if "version" in sys.argv:
    raise SystemExit(print("v3.246.0"))

def end(*_):
    time.sleep(1)
    print("ending", flush=True)
    Path("ended").touch()
    raise SystemExit(1)

signal.signal(signal.SIGINT, end)
Path("began").touch()
time.sleep(60)
"""


@pytest.mark.parametrize(
    "command",
    [
        "from tools.pulumi import Pulumi; Pulumi('dev').run('up')",
        "from tools.pulumi import Pulumi; Pulumi('dev').attempt('cancel')",
        "from tools.release.engine import Engine; Engine('dev', print).update(False, None, print)",
        "from tools.release.engine import Engine; Engine('dev', print).secret('canary:prometheusToken')",
        "from sandbox import release; from pathlib import Path; release.PROJECT = Path(); release.pulumi('prod', 'up')",
    ],
)
def test_after_ctrl_c_the_engine_ends_what_it_has_begun(command: str, tmp_path: Path):
    (tmp_path / "pulumi").write_text(ENGINE)
    (tmp_path / "pulumi").chmod(0o755)
    # A process in the background ignores interrupts.
    handles = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'components'}"}
    with subprocess.Popen(
        [sys.executable, "-c", handles + command],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while not (tmp_path / "began").exists():
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert process.returncode != 0
    assert (tmp_path / "ended").exists()
    assert errors.endswith("KeyboardInterrupt\n"), errors
    assert "in thread" not in errors, errors
