"""How many pods run, and which share of them is the canary's. The share of pods is the share of new connections."""

import math
from dataclasses import dataclass

from .tree import Object, get

KUBERNETES_ROLLING = "25%"
"""Kubernetes' own maxSurge and maxUnavailable."""
KUBERNETES_DEADLINE = 600
"""Kubernetes' own progressDeadlineSeconds."""
SLACK_SECONDS = 5
"""What the update may take beyond the time of its pods: scheduling, and the controllers' own delays."""


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


@dataclass(frozen=True)
class Rolling:
    """How a Deployment replaces its pods. Both numbers are pods, or percent of the replicas as text."""

    max_surge: int | str
    max_unavailable: int | str
    recreate: bool

    @staticmethod
    def of(deployment: Object) -> "Rolling":
        """The numbers of a Deployment; Kubernetes' own where it says none."""
        numbers = get(deployment, ("spec", "strategy", "rollingUpdate"), {})
        return Rolling(
            max_surge=numbers.get("maxSurge", KUBERNETES_ROLLING),
            max_unavailable=numbers.get("maxUnavailable", KUBERNETES_ROLLING),
            recreate=get(deployment, ("spec", "strategy", "type"), None) == "Recreate",
        )

    def surge(self, replicas: int) -> int:
        """Pods above the replicas that run at most while they are replaced."""
        return 0 if self.recreate else _pods(self.max_surge, replicas, round_up=True)

    def unavailable(self, replicas: int) -> int:
        """Pods of the replicas that may be away while they are replaced."""
        if self.recreate:
            return replicas
        missing = min(replicas, _pods(self.max_unavailable, replicas, round_up=False))
        # Where percentages round both to 0, Kubernetes takes one pod away: otherwise nothing could be replaced.
        return missing if missing or self.surge(replicas) else min(replicas, 1)

    def waves(self, replicas: int) -> int:
        """How many times in a row pods must become ready until all are replaced, at least 1."""
        return max(1, math.ceil(replicas / max(1, self.surge(replicas) + self.unavailable(replicas))))


def rollout_seconds(deployment: Object, replicas: int) -> int:
    """Seconds after which an update of the Deployment has failed: every wave of pods has its progress deadline."""
    return Rolling.of(deployment).waves(replicas) * progress_deadline(deployment) + SLACK_SECONDS


def progress_deadline(deployment: Object) -> int:
    """Seconds that a rollout may go on without progress; Kubernetes' own where the Deployment says none."""
    return get(deployment, ("spec", "progressDeadlineSeconds"), KUBERNETES_DEADLINE)


def _pods(number: int | str, replicas: int, round_up: bool) -> int:
    if isinstance(number, int):
        return number
    # In whole numbers: a float would round 25 % of some replicas wrongly.
    percent = int(number.removesuffix("%")) * replicas
    return -(-percent // 100) if round_up else percent // 100
