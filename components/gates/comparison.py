"""Whether the canary's requests go wrong more often than stable's, by tests whose rates of error are stated."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

MISSES = 0.05
"""How often a canary that is worse by the stated difference may pass, at most."""


class State(str, Enum):
    """What a sample or a check came to."""

    SUCCESS = "success"
    FAILURE = "failure"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Counts:
    """Requests of a track, and how many of them were bad: failed, or slower than they may be."""

    bad: int
    total: int

    def __str__(self) -> str:
        return f"{self.bad} of {self.total}"


def compared(canary: Counts, stable: Counts, worse_by: float, false_alarms: float) -> tuple[State, str]:
    """The state, and why.

    Failure: the canary is worse, which is said of an equal one at most with the probability `false_alarms`.
    Success: it is not worse by `worse_by`, a share of requests, which is said of one that is at most with `MISSES`.
    """
    worse, missed = p_value(canary, stable), as_good(canary, stable, worse_by)
    if worse <= false_alarms:
        return State.FAILURE, f"worse than stable, p = {worse:.2g}"
    if missed <= MISSES / 2:
        return State.SUCCESS, f"not worse than stable by {worse_by:.3g}, p = {missed:.2g}"
    least = math.ceil(math.log(MISSES / 2) / math.log1p(-worse_by))
    needed = f"; it takes at least {least} requests" if canary.total < least else ""
    return State.INCONCLUSIVE, f"too little traffic: a canary worse by {worse_by:.3g} could look like this{needed}"


def p_value(canary: Counts, stable: Counts) -> float:
    """Fisher's exact test, one-sided: the probability that equal tracks give the canary so many of all bad requests."""
    bad, total = canary.bad + stable.bad, canary.total + stable.total
    if not total:
        return 1.0
    ways = _log_choose(total, bad)

    def log_probability(count: int) -> float:
        return _log_choose(canary.total, count) + _log_choose(stable.total, bad - count) - ways

    lowest, highest = max(0, bad - stable.total), min(bad, canary.total)
    return _at_least(canary.bad, lowest, highest, bad * canary.total / total, log_probability)


def as_good(canary: Counts, stable: Counts, worse_by: float) -> float:
    """The exact binomial test: the probability of so few bad requests of a canary that is worse by `worse_by` than the
    least that stable's share can be, which is its lower limit of Clopper and Pearson at half of `MISSES`.
    """
    share = lower_limit(stable, MISSES / 2) + worse_by
    return 1.0 if share >= 1 else 1 - _binomial(canary.bad + 1, canary.total, share)


def lower_limit(counts: Counts, chance: float) -> float:
    """Clopper and Pearson's: the share at which so many of them or more are seen with this chance."""
    low, high = 0.0, counts.bad / counts.total if counts.total else 0.0
    while high - low > 1e-9:
        middle = (low + high) / 2
        if _binomial(counts.bad, counts.total, middle) < chance:
            low = middle
        else:
            high = middle
    return low


def _binomial(first: int, total: int, share: float) -> float:
    """The probability of `first` or more bad requests, each bad with the probability `share`, between 0 and 1."""

    def log_probability(count: int) -> float:
        return _log_choose(total, count) + count * math.log(share) + (total - count) * math.log1p(-share)

    return _at_least(first, 0, total, total * share, log_probability)


def _at_least(first: int, lowest: int, highest: int, mean: float, log_probability: Callable[[int], float]) -> float:
    """The probability of `first` or more. Summed away from the mean, where the terms only fall."""
    upper = first > mean
    counts = range(first, highest + 1) if upper else range(first - 1, lowest - 1, -1)
    total = 0.0
    for count in counts:
        term = math.exp(log_probability(count))
        total += term
        if term <= total * 1e-17:
            break
    return min(1.0, total) if upper else max(0.0, 1.0 - total)


def _log_choose(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)
