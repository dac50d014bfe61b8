"""Evidence that the canary's requests go wrong more often than stable's, valid at any look.

In a block of wall-clock time the canary had some of all bad requests. Given both totals and all bad requests, that
number has Fisher's noncentral hypergeometric distribution, whatever the share of bad requests in that block was. The
likelihood ratio of a larger odds ratio against the tolerated one has an expectation of at most 1 if the canary is no
worse than tolerated. So has the product over blocks from any of them on, and the mean over the block in which harm
begins and over several odds ratios: the probability that it ever reaches 1/a is at most a (Ville).

Sources: Lindon, Sanden and Shirikian, KDD 2022; Turner, Ly and Grünwald, 2024; Howard, Ramdas, McAuliffe and Sekhon,
Annals of Statistics 2021.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache

from typing_extensions import Self

RATIOS = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""Odds ratios, in units of the tolerated one, that the evidence is a mean over."""

MISSES = 0.05
"""How often a canary that is worse by the stated difference may ever pass, at most."""

MOST_OF_A_BLOCK = 1.0
"""Logarithm of the largest likelihood ratio of one block alone."""

NEGLIGIBLE = 1e-17


@dataclass(frozen=True)
class Counts:
    """Requests of a track, and how many of them were bad: failed, or slower than they may be."""

    bad: int
    total: int

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.bad + other.bad, self.total + other.total)

    def __str__(self) -> str:
        return f"{self.bad} of {self.total}"


@dataclass(frozen=True)
class Block:
    """What both tracks counted in one span of wall-clock time."""

    canary: Counts
    stable: tuple[Counts, ...]
    """First in the same span, then in the span one scrape earlier and in the one a scrape later: a pod's requests are
    known only up to its scrapes, and those of two pods are not at the same moments."""


@dataclass(frozen=True)
class EProcess:
    """The evidence after some blocks."""

    blocks: int
    logs: tuple[float, ...]
    """For each of `RATIOS`, and for both ways to guard against scrapes at other moments, the logarithm of the mean over
    all blocks so far of the likelihood ratio from that block on. Block number k has the weight 1 / k(k + 1): what went
    well for long hides no harm that begins."""
    highest: float
    """Logarithm of the largest mean so far: what was evidence once stays it."""

    def with_block(self, block: Block, tolerance: float, burst: int = 1) -> Self:
        """The evidence after one more block, a `burst` of whose bad requests, on average, went wrong together.

        An outage that both tracks share must not look like the canary's where its scrapes tell of it earlier. So of
        the spans of stable the one counts that speaks most for the canary, which tells great harm soon; or the same
        span, but no block more than `MOST_OF_A_BLOCK`, which tells small harm sooner. The evidence is the mean.
        """
        number = self.blocks + 1
        spans = [log_ratios(block.canary, stable, tolerance) for stable in block.stable]
        steps = [min(each) / burst for each in zip(*spans, strict=True)]
        steps += [min(each / burst, MOST_OF_A_BLOCK) for each in spans[0]]
        begins = -math.log(number * (number + 1))
        logs = tuple(_log_sum(log, begins) + step for log, step in zip(self.logs, steps, strict=True))
        # The blocks to come have the rest of the weight.
        mean = _log_sum(_log_sum(*logs) - math.log(len(logs)), -math.log(number + 1))
        return replace(self, blocks=number, logs=logs, highest=max(self.highest, mean))


START = EProcess(0, (-math.inf,) * 2 * len(RATIOS), 0.0)
"""Before the first block."""


@lru_cache(1 << 16)
def log_ratios(canary: Counts, stable: Counts, tolerance: float) -> tuple[float, ...]:
    """Logarithm of the likelihood of each of `RATIOS` times the tolerated odds ratio, against the tolerated one."""
    bad = canary.bad + stable.bad
    if not bad or not canary.total or not stable.total:
        return (0.0,) * len(RATIOS)
    sizes = canary.total, stable.total, bad
    tolerated = log_ways(*sizes, tolerance)
    return tuple(canary.bad * math.log(ratio) - log_ways(*sizes, ratio * tolerance) + tolerated for ratio in RATIOS)


def log_ways(canary: int, stable: int, bad: int, odds: float) -> float:
    """Logarithm of the sum over k of C(canary, k) C(stable, bad - k) odds^k: what makes the probabilities add up to 1.

    Summed from the largest term to both sides, where the terms only fall.
    """
    lowest, highest = max(0, bad - stable), min(bad, canary)

    def rise(k: int) -> float:
        """The term of k + 1 in units of that of k; falls with k."""
        return (canary - k) * (bad - k) * odds / ((k + 1) * (stable - bad + k + 1))

    low, high = lowest, highest
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if rise(middle) > 1 else (low, middle)
    total = term = 1.0
    for k in range(low, highest):
        total += (term := term * rise(k))
        if term < total * NEGLIGIBLE:
            break
    term = 1.0
    for k in range(low - 1, lowest - 1, -1):
        total += (term := term / rise(k))
        if term < total * NEGLIGIBLE:
            break
    return _log_choose(canary, low) + _log_choose(stable, bad - low) + low * math.log(odds) + math.log(total)


def excludes(canary: Counts, stable: Counts, worse_by: float, burst: int = 1) -> bool:
    """Whether the canary is surely not worse than stable by this difference of the shares of bad requests.

    Said at any look of a canary that is, it is wrong with a probability of at most `MISSES`.
    """
    return upper(canary, MISSES / 2, burst) - lower(stable, MISSES / 2, burst) < worse_by


def missing(canary: Counts, stable: Counts, worse_by: float, burst: int = 1) -> int | None:
    """How many more requests of the canary it takes until `excludes`, if all goes on as it did; None if it never does.

    At most 5 % of all are too many. Both tracks must have requests.
    """

    def enough(times: float) -> bool:
        many, others = (Counts(round(each.bad * times), round(each.total * times)) for each in (canary, stable))
        return excludes(many, others, worse_by, burst)

    times = 1.0
    while not enough(times):
        times *= 1.05
        if canary.total * times > 1e9:
            return None
    return math.ceil((times - 1) * canary.total)


def upper(counts: Counts, chance: float, burst: int = 1) -> float:
    """The upper end of the confidence sequence of the share: the true one is ever above it with at most this chance."""
    return _end(counts, chance, burst, 1.0)


def lower(counts: Counts, chance: float, burst: int = 1) -> float:
    """Its lower end."""
    return _end(counts, chance, burst, 0.0)


def _end(counts: Counts, chance: float, burst: int, end: float) -> float:
    """Where the mixture of likelihoods, by Jeffreys' prior, becomes 1/chance times that of the share."""
    bad, good = counts.bad / burst, (counts.total - counts.bad) / burst
    mixture = _log_beta(bad + 0.5, good + 0.5) - math.log(math.pi) + math.log(chance)

    def is_excluded(share: float) -> bool:
        return mixture - bad * math.log(share) - good * math.log1p(-share) >= 0

    inside = counts.bad / counts.total if counts.total else 0.5
    for _ in range(40 if inside != end else 0):
        if (middle := (inside + end) / 2) in (inside, end):
            break
        inside, end = (inside, middle) if is_excluded(middle) else (middle, end)
    return end


def _log_sum(*logs: float) -> float:
    top = max(logs)
    return top + math.log(sum(math.exp(log - top) for log in logs))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_choose(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)
