"""Numbers of a canary from elsewhere than Prometheus: what a program prints, or what an address answers."""

import math
import subprocess
from collections.abc import Sequence

from .answers import AnswerError, LostError
from .http import fetch

COMMAND_SECONDS = 60


def printed_number(command: Sequence[str]) -> float | None:
    """The number that the program prints; None if it prints NaN or nothing. Raises `AnswerError`."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_SECONDS)
    except subprocess.TimeoutExpired:
        raise LostError(f"{command[0]} did not end within {COMMAND_SECONDS} s") from None
    except OSError as error:
        raise AnswerError(f"{command[0]} could not be run: {error.strerror}") from None
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise LostError(f"{command[0]} ended with {done.returncode}{f': {words[-1][:300]}' if words else ''}")
    return _number(done.stdout, f"{command[0]} prints")


def web_number(url: str) -> float | None:
    """The number that the address answers; None for NaN or nothing. Raises `AnswerError`."""
    status, body = fetch("the address", url)
    if status != 200:
        raise LostError(f"the address answers with status {status}")
    return _number(body, "the address answers")


def _number(text: bytes, what: str) -> float | None:
    try:
        value = float(text.decode().strip() or "nan")
    except ValueError:
        raise AnswerError(f"{what} what is no number") from None
    if math.isinf(value):
        raise AnswerError(f"{what} an infinite number")
    return None if math.isnan(value) else value
