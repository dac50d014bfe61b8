"""Exact counts of requests from the raw samples of counters."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

SCRAPE_SECONDS = 15
"""Taken for the time between two scrapes where no series has two samples."""


@dataclass(frozen=True)
class Series:
    """A counter of one pod, as it was scraped."""

    labels: Mapping[str, str]
    samples: Sequence[tuple[float, float]]
    """Seconds since 1970 and value, in the order of time."""

    @property
    def pod(self) -> str:
        """Name of the pod; empty without one."""
        return self.labels.get("pod", "")


class Growth:
    """How much counters grew, and when."""

    def __init__(self, steps: Iterable[tuple[float, float]]) -> None:
        ordered = sorted(steps)
        self._times = [at for at, _ in ordered]
        self._sums = [0.0, *accumulate(step for _, step in ordered)]

    @property
    def began(self) -> float:
        """When the first growth was scraped; infinity without any."""
        return next((at for at, total in zip(self._times, self._sums[1:], strict=True) if total), math.inf)

    def between(self, start: float, end: float) -> int:
        """What was scraped after the start and until the end."""
        first, last = bisect_right(self._times, start), bisect_right(self._times, end)
        return round(self._sums[last] - self._sums[first])


def growth(series: Sequence[Series], first_scrapes: Mapping[str, float], counted_from: Mapping[str, float]) -> Growth:
    """The growth of all series together, of each pod after a time of its own.

    A value that falls is a counter that began anew at 0. A series that appears later than its pod's first scrape began
    at 0, too; so did those of a pod whose first scrape is not known. Of any other, only what comes after its first
    sample is known.
    """

    def steps() -> Iterator[tuple[float, float]]:
        for each in series:
            began = each.samples[0][0] > first_scrapes.get(each.pod, float("-inf")) if each.samples else False
            known = [(0.0, 0.0), *each.samples] if began else each.samples
            for (_, before), (at, value) in pairwise(known):
                if at > counted_from[each.pod]:
                    yield at, value - before if value >= before else value

    return Growth(steps())


def first_scrapes(series: Iterable[Series], since: Mapping[str, float], begin: float) -> dict[str, float]:
    """The first scrape of each pod that ran already when the samples begin: what it counted before is not known.

    `since` has the time at which each pod started.
    """
    found: dict[str, float] = {}
    for each in series:
        if each.samples and since[each.pod] < begin:
            found[each.pod] = min(each.samples[0][0], found.get(each.pod, float("inf")))
    return found


def scrape_seconds(series: Iterable[Series]) -> float:
    """The usual time between two scrapes."""
    gaps = [after - before for each in series for (before, _), (after, _) in pairwise(each.samples)]
    return sorted(gaps)[len(gaps) // 2] if gaps else SCRAPE_SECONDS
