"""Whom a sample asks, and what can be wrong with an answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .counts import Series


class AnswerError(Exception):
    """An answer that decides nothing, now and the next time. The text says why, and holds no secret."""


class LostError(AnswerError):
    """An answer that did not come, or came in part. It may come the next time."""


@dataclass(frozen=True)
class Ask:
    """Whom a sample asks. Each raises `AnswerError` in bounded time."""

    now: Callable[[], float]
    """The time of Prometheus, in seconds since 1970."""
    series: Callable[[str, float, int], Sequence[Series]]
    """The raw samples of a selector in so many seconds before a time."""
    numbers: Mapping[str, Callable[[Any], float | None]]
    """The number of each source of a threshold, asked with what the gate says; None for no data."""
