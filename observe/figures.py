"""Figures of samples: percentiles, and the exact interval of a share."""

import math
from collections.abc import Sequence

CONFIDENCE = 0.99
"""Of intervals of a share: at a single glance, a true share lies outside in at most 1 of 100."""


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that at least so many percent of the values do not exceed; None without values."""
    return sorted(values)[max(1, math.ceil(percent * len(values) / 100)) - 1] if values else None


def share_interval(count: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share, 0 to 1, of which `count` in `total` were seen."""
    outside = (1 - confidence) / 2
    return _lowest(count, total, outside), 1 - _lowest(total - count, total, outside)


def _lowest(count: int, total: int, chance: float) -> float:
    """The share with which `count` or more in `total` have exactly this chance."""
    if count == 0:
        return 0.0
    low, high = 0.0, count / total
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if _chance_of_at_least(count, total, middle) < chance else (low, middle)
    return low


def _chance_of_at_least(count: int, total: int, share: float) -> float:
    """For a share of at most `count / total`: from there on the terms only fall, so few of them matter."""
    ways = math.lgamma(total + 1) - math.lgamma(count + 1) - math.lgamma(total - count + 1)
    term = math.exp(ways + count * math.log(share) + (total - count) * math.log1p(-share))
    chance = 0.0
    for seen in range(count, total + 1):
        chance += term
        if term < chance * 1e-16:
            break
        term *= (total - seen) / (seen + 1) * share / (1 - share)
    return chance
