"""Reads what others answer: JSON with missing fields, text of any length, servers that never finish."""

import json
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

Answer = TypeVar("Answer")


def parsed(text: str | bytes, frames: int = 200) -> Any:
    """The value of a JSON text. Raises `ValueError`, also if it is nested too deeply."""
    if frames:
        # Read deep in the call stack: then the value is shallow enough to be compared and written later.
        return parsed(text, frames - 1)
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def plain(text: str, most: int) -> str:
    """The text on one line of at most so many characters, without those that would move a terminal's cursor."""
    shown = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in " ".join(text.split()))
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"


def in_time(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """What `ask` returns or raises. Raises `TimeoutError` after so many seconds in all, and leaves `ask` behind.

    The time limits of clients begin anew with every byte.
    """
    answers: queue.SimpleQueue[tuple[Answer | None, Exception | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((ask(), None))
        except Exception as error:
            answers.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        answer, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no whole answer within {seconds:g} s") from None
    if error:
        raise error
    return cast(Answer, answer)
