"""An operator's Ctrl-C ends an update in order; the next one finishes it."""

import fcntl
import os
import pty
import subprocess
import termios
from collections.abc import Callable

from project import Stack, until


def on_a_terminal(stack: Stack, *command: str) -> tuple[subprocess.Popen[bytes], int]:
    """Starts a command in the foreground of a terminal of its own; returns it with the operator's side."""
    operator, terminal = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=stack.folder,
        env=stack.environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(terminal)
    return process, operator


def shown(operator: int) -> str:
    """Everything that the terminal shows until its last process has ended."""
    text = b""
    while True:
        try:
            part = os.read(operator, 65536)
        except OSError:  # how a terminal tells that nobody has it open any more
            break
        if not part:
            break
        text += part
    return text.decode(errors="replace")


def test_ctrl_c_cancels_a_rollout_and_the_next_update_finishes(fresh_stack: Stack, traffic_on: Callable):
    stack = fresh_stack
    stack.up()
    with traffic_on(stack.node_port) as traffic:
        stack.configure(canaryVersion="v9.9")
        stack.wait_for_pods(300)
        process, operator = on_a_terminal(stack, "pulumi", "up", "--yes")
        until(lambda: any(image.endswith(":v9.9") for image in stack.pods().values()), "a rollout under way")
        os.write(operator, b"\x03")
        text = shown(operator)
        assert process.wait(60) != 0, text
        assert "cancel" in text, text
        assert "Traceback" not in text, text
        assert "KeyboardInterrupt" not in text, text
        assert stack.locks() == []

        # What ran before: the state must know that the interrupted update changed it.
        stack.configure(canaryVersion="v0.2")
        stack.up()
    assert stack.planned("--refresh") == {"same": 5}
    assert sorted(image.rpartition(":")[2] for image in stack.pods().values()) == ["v0.1", "v0.1", "v0.2"]
    assert traffic.failures == []
