"""Figures of samples: percentiles, and the exact interval of a share."""

import math
from collections.abc import Sequence

CONFIDENCE = 0.99
"""Of the interval of a share: in at most 1 of 100 glances, the true share lies outside."""


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that at least so many percent of the values do not exceed; None without values."""
    return sorted(values)[max(1, math.ceil(percent * len(values) / 100)) - 1] if values else None


def share_interval(count: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share, 0 to 1, of which `count` in `total` were seen."""
    outside = (1 - confidence) / 2
    return _lower_limit(count, total, outside), 1 - _lower_limit(total - count, total, outside)


def _lower_limit(count: int, total: int, chance: float) -> float:
    """The share at which so many or more are seen with this chance."""
    low, high = 0.0, count / total if total else 0.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if _at_least(count, total, middle) < chance else (low, middle)
    return low


def _at_least(count: int, total: int, share: float) -> float:
    """The probability of `count` or more of them, where that is more than is expected. The terms only fall."""
    found = 0.0
    for number in range(count, total + 1):
        ways = math.lgamma(total + 1) - math.lgamma(number + 1) - math.lgamma(total - number + 1)
        term = math.exp(ways + number * math.log(share) + (total - number) * math.log1p(-share))
        found += term
        if term <= found * 1e-17:
            break
    return min(1.0, found)
