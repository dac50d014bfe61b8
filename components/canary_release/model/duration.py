"""Lengths of time, as Kubernetes and Prometheus write them: `45s`, `30m`, `1h30m`."""

import re

PATTERN = re.compile(r"(?:(\d{1,3})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?", re.ASCII)
LONGEST_SECONDS = 30 * 24 * 3600


def duration_seconds(text: str) -> int | None:
    """The seconds of a duration; None for what is none, is 0, or is longer than 30 days."""
    match = PATTERN.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    total = 3600 * hours + 60 * minutes + seconds
    return total if 0 < total <= LONGEST_SECONDS else None


def duration(seconds: int) -> str:
    """The shortest text of so many seconds, 1 or more: `1h30m`."""
    hours, rest = divmod(seconds, 3600)
    parts = {"h": hours, "m": rest // 60, "s": rest % 60}
    return "".join(f"{count}{unit}" for unit, count in parts.items() if count)
