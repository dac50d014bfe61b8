"""The release that is watched."""

from dataclasses import dataclass

from canary_release.model.release import Release


@dataclass(frozen=True)
class Target:
    """The release that a stack file describes, and the cluster it is in."""

    stack: str
    context: str
    kubeconfig: str | None
    """Path or content; None: that of kubectl."""
    release: Release
    unknown: tuple[str, ...] = ()
    """Sentences that say what of the config only the engine knows."""


class WatchError(Exception):
    """Nothing can be seen; the text says why, and what to do."""
