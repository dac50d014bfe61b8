"""Moments as text, in UTC, and a clock that nobody sets back."""

import calendar
import math
import time
from collections.abc import Callable

FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def steady_clock() -> Callable[[], float]:
    """Seconds since 1970: now as this machine's clock says, and from now on without the changes that are made to it."""
    ahead = time.time() - time.monotonic()
    return lambda: ahead + time.monotonic()


def moment(seconds: float) -> str:
    """Seconds since 1970, rounded up, as `2026-11-24T22:15:30Z`."""
    return time.strftime(FORMAT, time.gmtime(math.ceil(seconds)))


def moment_seconds(text: object) -> int | None:
    """Seconds since 1970 of such a text; None for anything else."""
    try:
        return calendar.timegm(time.strptime(text, FORMAT)) if isinstance(text, str) else None
    except ValueError:
        return None


def minute(seconds: float) -> str:
    """Seconds since 1970, rounded up to the minute, for people: `2026-11-24 22:16 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(60 * math.ceil(seconds / 60)))
