"""Figures of samples: percentiles, and the exact interval of a share."""

import math
from collections.abc import Sequence

from components.gates.comparison import Counts, lower_limit

CONFIDENCE = 0.99
"""Of intervals of a share: at a single glance, a true share lies outside in at most 1 of 100."""


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The smallest value that at least so many percent of the values do not exceed; None without values."""
    return sorted(values)[max(1, math.ceil(percent * len(values) / 100)) - 1] if values else None


def share_interval(count: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share, 0 to 1, of which `count` in `total` were seen."""
    outside = (1 - confidence) / 2
    return lower_limit(Counts(count, total), outside), 1 - lower_limit(Counts(total - count, total), outside)
