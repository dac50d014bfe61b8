"""How many pods run, and which share of them is the canary's. The share of pods is the share of new connections."""

import math
from dataclasses import dataclass

MAX_SURGE_PERCENT = 25
"""Pods above its replicas that a Deployment may run while it rolls, in percent of them, rounded up."""


@dataclass(frozen=True)
class Track:
    """One of the two Deployments: the version it runs and its number of pods."""

    version: str
    replicas: int


def canary_share(stable_replicas: int, canary_replicas: int) -> float:
    """Share of the canary's pods in all pods, in percent with one decimal."""
    return round(100 * canary_replicas / (stable_replicas + canary_replicas), 1)


def percentage(share: float) -> str:
    """A share as it is shown everywhere: `33.3 %`."""
    return f"{share:.1f} %"


def within_share(stable_replicas: int, canary_replicas: int, max_share: int) -> bool:
    """Whether the canary's pods stay within the share. Compared without division: no rounding decides it."""
    return 100 * canary_replicas <= max_share * (stable_replicas + canary_replicas)


def most_canary_replicas(stable_replicas: int, max_share: int) -> int | None:
    """The most canary pods beside these stable pods that stay within the share; None if any number does."""
    return None if max_share == 100 else max_share * stable_replicas // (100 - max_share)


def fewest_stable_replicas(canary_replicas: int, max_share: int) -> int:
    """The fewest stable pods beside which these canary pods stay within the share."""
    return max(1, math.ceil(canary_replicas * (100 - max_share) / max_share))


def surge(replicas: int) -> int:
    """Pods above its replicas that a Deployment runs at most while it rolls."""
    return math.ceil(replicas * MAX_SURGE_PERCENT / 100)


def rollout_waves(replicas: int) -> int:
    """How many times in a row pods must become ready until a Deployment has rolled, at least 1."""
    return max(1, math.ceil(replicas / surge(replicas))) if replicas else 1
