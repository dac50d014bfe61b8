"""One update, as the hooks and the texts see it."""

from dataclasses import dataclass

from ..model.release import Release


@dataclass(frozen=True)
class Update:
    """From one release to another."""

    old: Release | None
    """What the last update wanted; None before the first one."""
    new: Release
    finished: bool = True
    """Whether the last update finished. If not, nobody knows what of `old` runs."""
    canary_since: float | None = None
    """Since when the canary of `old` has run its content in finished updates, in seconds since 1970; None if that is
    not known, or there is none with pods."""
    former_stable: str | None = None
    """Fingerprint of the content that stable had before that of `old`; empty if it had no other, None if not known."""
