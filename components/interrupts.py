"""How a program ends when the engine stops it."""

import os
import signal
from types import FrameType

MESSAGE_ALREADY_SHOWN = 32
"""Exit code by which Pulumi's language hosts know that there is nothing left to say."""


def end_quietly_on_interrupt() -> None:
    """End the program without a traceback when the engine interrupts it. Call it once, first thing in `__main__.py`.

    After a failed or cancelled operation the engine sends SIGINT to the program, and Python would print a
    KeyboardInterrupt over the reason. An operator's Ctrl-C goes to the engine, which cancels the update and
    then does the same; it is not swallowed.
    """

    def end(number: int, frame: FrameType | None) -> None:
        os._exit(MESSAGE_ALREADY_SHOWN)

    signal.signal(signal.SIGINT, end)
