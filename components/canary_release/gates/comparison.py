"""Compares the canary's share of bad requests with stable's, over blocks of the same wall-clock time."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from .answers import AnswerError, Ask
from .contract import Comparison, State
from .counts import Growth, Series, first_scrapes, growth, scrape_seconds
from .e_process import START, Block, Counts, EProcess, excludes, missing
from .pods import LivePods

LOOK_BACK_SECONDS = 300
"""How much is read before the first block, so that the first growth of a counter has a value to start from."""
LEAST_BLOCK_SECONDS = 15
SCRAPES_OF_A_BLOCK = 2
MISSED_SCRAPES = 3
"""After so many in a row, a pod counts as not scraped any more."""


@dataclass(frozen=True)
class Kept(EProcess):
    """The evidence of a comparison, as it is kept in the document of an update: the next look goes on from there."""

    canary: str
    """Name of the ReplicaSet whose pods it is about."""
    stable: str
    until: float
    """End of the last block in it, in seconds since 1970."""


@dataclass(frozen=True)
class Finding:
    """What one look gave: a comparison gives both counts and the evidence, another gate gives the value."""

    state: State
    reason: str = ""
    value: float | None = None
    canary: Counts | None = None
    """Since the youngest pod of both tracks counts, because a success is about the pods that run now."""
    stable: Counts | None = None
    evidence: Kept | None = None
    """None before the first block."""

    @property
    def measured(self) -> str:
        """The figures in words."""
        if self.canary and self.stable:
            return f"canary {self.canary}, stable {self.stable}"
        return "no data" if self.value is None else f"{self.value:.6g}"


@dataclass(frozen=True)
class _Track:
    name: str
    total: Growth
    other: Growth
    other_is_good: bool

    def between(self, start: float, end: float) -> Counts:
        total, other = self.total.between(start, end), self.other.between(start, end)
        # A block's end may lie between two targets of one pod.
        return Counts(min(max(total - other if self.other_is_good else other, 0), total), total)

    def possible(self, start: float, end: float) -> Counts:
        """The same of all blocks, which must add up."""
        total, other = self.total.between(start, end), self.other.between(start, end)
        if other > total:
            kind = "good" if self.other_is_good else "bad"
            raise AnswerError(f"of {self.name} {other} of {total} requests are {kind}, which cannot be")
        return self.between(start, end)


def compare(
    check: Comparison, namespace: str, canary: LivePods, stable: LivePods, ask: Ask, kept: Kept | None
) -> Finding:
    """What the gate comes to now. `kept` is what the last update's document has; it serves for the same pods alone.

    Raises `AnswerError`.
    """
    now, delay = ask.now(), check.initial_delay
    started = {**canary.started, **stable.started}
    counted_from = {pod: at + delay for pod, at in started.items()}
    youngest = max((at for at in counted_from.values() if at < now), default=now)
    since = min((counted_from[pod] for pod in canary.started if counted_from[pod] < now), default=now)
    if not kept or (kept.canary, kept.stable) != (canary.replica_set, stable.replica_set):
        kept = Kept(START.blocks, START.logs, START.highest, canary.replica_set, stable.replica_set, until=since)
    since = kept.until
    seconds = math.ceil(now - min(since, youngest)) + LOOK_BACK_SECONDS
    total, other = (
        [each for each in ask.series(selector.of_pods(namespace, started), now, seconds) if each.pod in started]
        for selector in (check.total, check.other)
    )
    scrape = scrape_seconds(total)
    firsts = first_scrapes([*total, *other], started, now - seconds)
    tracks: list[_Track] = []
    for pods in (canary, stable):
        own, others = ([each for each in series if each.pod in pods.started] for series in (total, other))
        _can_fail(check, pods, own, others, ask)
        grown = [growth(series, firsts, counted_from) for series in (own, others)]
        tracks.append(_Track(pods.deployment, grown[0], grown[1], check.other_is_good))
    if not kept.blocks:
        # A block in which the canary gets its first requests would compare it with another time of stable's.
        # Between two scrapes, so that a sample never stands on the edge of a block.
        since = max(since, tracks[0].total.began + scrape / 2)
    # The last scrape of every pod is in by then.
    last, size = now - scrape, max(LEAST_BLOCK_SECONDS, SCRAPES_OF_A_BLOCK * scrape)
    ends = [since + size * number for number in range(1, int(max(last - since, 0) // size) + 1)]
    for end in ends:
        kept = replace(kept.with_block(_block(tracks, end, size, scrape), check.tolerance, check.burst), until=end)
    counts = [track.possible(youngest, last) for track in tracks]
    warming = [f"pod {pod} warms up" for pod, at in counted_from.items() if at >= now]
    doubts = [*stable.troubles, *warming, *_not_scraped(total, started, now - MISSED_SCRAPES * scrape)]
    state, reason = _verdict(check, kept.highest, counts, max(1.0, last - youngest), doubts)
    return Finding(state, reason, None, counts[0], counts[1], kept if kept.blocks else None)


def _block(tracks: Sequence[_Track], end: float, size: float, scrape: float) -> Block:
    canary, stable = tracks
    spans = (stable.between(end - size + shift, end + shift) for shift in (0, -scrape, scrape))
    return Block(canary.between(end - size, end), tuple(spans))


def _verdict(
    check: Comparison, highest: float, counts: Sequence[Counts], seconds: float, doubts: Sequence[str]
) -> tuple[State, str]:
    canary, stable = counts
    told = f"evidence {math.exp(min(highest, 300)):.3g} of {1 / check.false_alarms:.4g}"
    if highest >= -math.log(check.false_alarms):
        return State.FAILURE, f"worse than stable, {told}"
    if doubts:
        return State.INCONCLUSIVE, f"{doubts[0]}; {told}"
    if not canary.total or not stable.total:
        return State.INCONCLUSIVE, f"{'stable' if canary.total else 'the canary'} has had no request since all pods run"
    if excludes(canary, stable, check.worse_by, check.burst):
        return State.SUCCESS, f"not worse than stable by {check.worse_by:.3g}; {told}"
    more = missing(canary, stable, check.worse_by, check.burst)
    if more is None:
        return State.INCONCLUSIVE, f"worse by {check.worse_by:.3g} or more, if it goes on like this; {told}"
    minutes = math.ceil(more * seconds / canary.total / 60)
    reason = f"could be worse by {check.worse_by:.3g}: some {more} more requests of the canary decide"
    return State.INCONCLUSIVE, f"{reason}, {minutes} min at its present rate; {told}"


def _can_fail(check: Comparison, pods: LivePods, total: Sequence[Series], other: Sequence[Series], ask: Ask) -> None:
    """Raises `AnswerError` where the series could not tell a bad canary, whatever it does."""
    jobs: dict[frozenset[tuple[str, str]], str] = {}
    for each in total:
        same = frozenset(item for item in each.labels.items() if item[0] not in ("job", "instance"))
        job = each.labels.get("job", "")
        if jobs.setdefault(same, job) != job:
            one = f'{check.total.metric}{{job="{job}"}}'
            raise AnswerError(f"pod {each.pod} is scraped by several jobs: name one, such as {one}")
    if not total:
        return
    same_metric = check.other.metric == check.total.metric
    have = {name for each in (total if same_metric else other) for name in each.labels}
    lacking = [label for label in check.other.labels if label not in have]
    if lacking and (same_metric or other):
        names = ", ".join(sorted(have - {"__name__", "namespace", "pod", "job", "instance"}))
        told = f"no series {check.other.metric} of {pods.deployment} has the label {lacking[0]}; they have {names}"
        raise AnswerError(f"{told}: the gate could not fail")
    if same_metric or other:
        return
    anywhere = f"count(last_over_time({check.other.anywhere()}[1d]))"
    if check.other_is_good or not ask.numbers["query"](anywhere):
        raise AnswerError(f"{pods.deployment} has no series {check.other}: the gate could not fail")


def _not_scraped(total: Sequence[Series], started: Mapping[str, float], since: float) -> Iterator[str]:
    last: dict[str, float] = {}
    for each in total:
        if each.samples:
            last[each.pod] = max(each.samples[-1][0], last.get(each.pod, 0.0))
    for pod in started:
        if last.get(pod, 0.0) < since:
            yield f"pod {pod} is not scraped, or has had no request"
