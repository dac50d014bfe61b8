"""How a program ends when the engine stops it."""

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType

MESSAGE_ALREADY_SHOWN = 32
"""Exit code by which Pulumi's language hosts know that there is nothing left to say."""

_waiting: set[SimpleQueue[None]] = set()


def end_quietly_on_interrupt() -> None:
    """End the program without a traceback when the engine interrupts it. Call it once, first thing in `__main__.py`.

    After a failed or cancelled operation the engine sends SIGINT to the program, and Python would print a
    KeyboardInterrupt over the reason. An operator's Ctrl-C goes to the engine, which cancels the update and
    then does the same; it is not swallowed. Gates that wait end first, with their reason.
    """

    def end(number: int, frame: FrameType | None) -> None:
        if not _waiting:
            os._exit(MESSAGE_ALREADY_SHOWN)
        for interrupted in _waiting:
            interrupted.put(None)

    signal.signal(signal.SIGINT, end)


@contextmanager
def interruptible() -> Generator[SimpleQueue[None]]:
    """A queue of the interrupts that come while the block runs, which has to raise why it ends: they end nothing else.

    The engine shows that, and interrupts again. A program that is gone in a hook leaves it a broken connection to show.
    """
    # An event would not do: two interrupts at once wait for each other in its lock.
    interrupted: SimpleQueue[None] = SimpleQueue()
    _waiting.add(interrupted)
    try:
        yield interrupted
    finally:
        _waiting.discard(interrupted)
