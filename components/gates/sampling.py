"""Takes the samples of gates, and says what they came to."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..release import Release
from .comparison import Counts, State, compared
from .contract import Comparison, Gate

MOST_PROGRESS_LINES = 10
SAFE = "[bcdfghjklmnpqrstvwxz2456789]"
"""What Kubernetes makes the random parts of pod names from: no other workload's name looks like them by chance."""


class AnswerError(Exception):
    """Prometheus did not answer, or with what is no answer; the text says which and holds no secret."""


class Series(NamedTuple):
    """One element of an answer."""

    labels: Mapping[str, str]
    at: float
    """Seconds since 1970, by the clock of Prometheus, for which the query was evaluated."""
    value: float
    """May be NaN, as 0 of 0 is."""


Query = Callable[[str, float | None], Sequence[Series]]
"""Asks Prometheus in PromQL: for a time in seconds since 1970, or for now. Raises `AnswerError` in bounded time."""


@dataclass(frozen=True)
class Sample:
    """What one look at Prometheus gave. Of a comparison it has both counts, of another check the value, if any."""

    check: str
    number: int
    """From 1."""
    at: str
    """UTC, as in 2026-11-24T22:15:30Z, by the clock of this machine."""
    state: State
    reason: str = ""
    value: float | None = None
    canary: Counts | None = None
    stable: Counts | None = None

    @property
    def measured(self) -> str:
        """The figures in words."""
        if self.canary and self.stable:
            return f"canary {self.canary}, stable {self.stable}"
        return "no data" if self.value is None else f"{self.value:.6g}"


@dataclass(frozen=True)
class Target:
    """The pods that a query is asked for."""

    namespace: str
    deployment: str
    version: str

    def filled(self, query: str, pods: str = "") -> str:
        """The query with the track's values in place of the placeholders."""
        for name, value in (("namespace", self.namespace), ("version", self.version), ("pod", pods)):
            query = query.replace(f"{{{{{name}}}}}", value)
        return query


@dataclass(frozen=True)
class Verdict:
    """What the checks came to, and every sample that was taken."""

    checks: Mapping[str, State]
    samples: Sequence[Sample]

    @property
    def state(self) -> State:
        """Failure if a check failed, success if all succeeded."""
        states = set(self.checks.values())
        return next((state for state in (State.FAILURE, State.INCONCLUSIVE) if state in states), State.SUCCESS)

    def table(self) -> str:
        """Every sample in a line, in the order in which they were taken."""
        rows = [("check", "sample", "at, UTC", "state", "measured", "")]
        for each in self.samples:
            rows.append((each.check, f"{each.number}", each.at[11:19], each.state.value, each.measured, each.reason))
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        return "\n".join("  ".join([*map(str.ljust, row[:5], widths), row[5]]).rstrip() for row in rows)


def utc(seconds: float) -> str:
    """Seconds since 1970 as `2026-11-24T22:15:30Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def judge(
    checks: Sequence[Gate],
    release: Release,
    ask: Query,
    progress: Callable[[str, bool], None],
    *,
    once: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.time,
) -> Verdict:
    """Samples until a check is lost or all are taken: all checks in turn, each question in bounded time.

    `release` is the one that runs, with a canary. `progress` gets a line for each sample, and whether it may be
    dropped: at most `MOST_PROGRESS_LINES` may not. `once` takes one sample of each check.
    """
    plan = [(n * each.interval_seconds, each, n + 1) for each in checks for n in range(1 if once else each.count)]
    plan.sort(key=lambda planned: planned[0])
    began, samples = clock(), list[Sample]()
    for index, (due, check, number) in enumerate(plan, 1):
        sleep(max(0.0, began + due - clock()))
        samples.append(sample := _sample(check, number, release, ask, utc(clock())))
        state = sample.state.value + (f": {sample.reason}" if sample.reason else "")
        kept = index * MOST_PROGRESS_LINES // len(plan) > (index - 1) * MOST_PROGRESS_LINES // len(plan)
        progress(f"gate {check.name}, sample {index} of {len(plan)}: {sample.measured}, {state}", not kept)
        if not once and _is_lost(check, samples):
            break
    return Verdict({check.name: _state(check, samples) for check in checks}, samples)


def _is_lost(check: Gate, samples: Iterable[Sample]) -> bool:
    """Whether the check cannot become a success any more: waiting longer changes nothing."""
    states = [sample.state for sample in samples if sample.check == check.name]
    if isinstance(check, Comparison):
        return len(states) == check.count and states[-1] is not State.SUCCESS
    return len(states) - states.count(State.SUCCESS) > check.failure_limit


def _state(check: Gate, samples: Iterable[Sample]) -> State:
    """What the samples taken so far make of the check."""
    states = [sample.state for sample in samples if sample.check == check.name]
    if isinstance(check, Comparison):
        # One look decides, so that the probability of a false alarm is the stated one.
        return states[-1] if len(states) == check.count else State.INCONCLUSIVE
    if states.count(State.FAILURE) > check.failure_limit:
        return State.FAILURE
    enough = states.count(State.SUCCESS) >= check.count - check.failure_limit
    return State.SUCCESS if enough else State.INCONCLUSIVE


def _sample(check: Gate, number: int, release: Release, ask: Query, at: str) -> Sample:
    stable = Target(release.namespace, release.name, release.stable.version)
    canary = Target(release.namespace, release.canary_name, release.canary_version or "")
    try:
        if isinstance(check, Comparison):
            state, reason, counts = _compare(check, canary, stable, ask)
            return Sample(check.name, number, at, state, reason, None, *counts)
        pods = _pods(canary, ask)[0] if "{{pod}}" in check.query else ""
        value = _number(ask(canary.filled(check.query, pods), None))
    except AnswerError as error:
        return Sample(check.name, number, at, State.INCONCLUSIVE, str(error))
    if value is None:
        return Sample(check.name, number, at, check.no_data)
    return Sample(check.name, number, at, check.state(value), value=value)


def _compare(
    check: Comparison, canary: Target, stable: Target, ask: Query
) -> tuple[State, str, tuple[Counts | None, Counts | None]]:
    """Both tracks at equal age, which is the younger one's now: warming up counts against neither.

    If Prometheus has nothing of stable at that age, stable's present is taken. It is warm: passing it is harder.
    """
    pods, started, now = _pods(canary, ask)
    others, others_started, _ = _pods(stable, ask)
    age = now - max(started, others_started)
    found = _counts(check, canary, pods, started + age, ask)
    other = _counts(check, stable, others, others_started + age, ask)
    note = ""
    if other is None and (other := _counts(check, stable, others, now, ask)):
        note = f", against stable of now: no data of when it was {age:.0f} s old"
    if found is None or other is None:
        return State.INCONCLUSIVE, f"no data of {'stable' if found else 'the canary'}", (found, other)
    state, reason = compared(found, other, check.worse_by, check.false_alarms)
    if note and state is State.FAILURE:
        state = State.INCONCLUSIVE
    return state, reason + note, (found, other)


def _pods(target: Target, ask: Query) -> tuple[str, float, float]:
    """The pods that run now, as a regular expression, when the oldest of them started, and the time of Prometheus.

    Only pods of the newest ReplicaSet: those of an earlier version may still be about to end.
    """
    names = f"{target.deployment}-{SAFE}{{1,10}}-{SAFE}{{5}}"
    found = ask(f'process_start_time_seconds{{namespace="{target.namespace}",pod=~"{names}"}}', None)
    if not found:
        raise AnswerError(f"no process_start_time_seconds of a pod of {target.deployment}: is it scraped?")
    starts = [(series.labels.get("pod", ""), series.value) for series in found]
    newest = _replica_set(max(starts, key=lambda start: start[1])[0])
    running = [(pod, start) for pod, start in starts if _replica_set(pod) == newest]
    return "|".join(sorted({pod for pod, _ in running})), min(start for _, start in running), found[0].at


def _replica_set(pod: str) -> str:
    return pod.rpartition("-")[0]


def _counts(check: Comparison, target: Target, pods: str, at: float, ask: Query) -> Counts | None:
    bad, total = (_number(ask(target.filled(query, pods), at)) for query in (check.bad, check.total))
    if bad is None or total is None:
        return None
    if not 0 <= bad <= total:
        raise AnswerError(f"of {target.deployment} {bad:.6g} of {total:.6g} requests are bad, which cannot be")
    return Counts(round(bad), round(total))


def _number(series: Sequence[Series]) -> float | None:
    if len(series) > 1:
        raise AnswerError(f"the query gives {len(series)} numbers: make it one, for example with sum()")
    return None if not series or math.isnan(series[0].value) else series[0].value
