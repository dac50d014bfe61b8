"""Takes the samples of gates, and says what they came to."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model.moment import moment, steady_clock
from ..model.release import Release
from .answers import AnswerError, Ask, LostError
from .comparison import Finding, Kept, compare
from .contract import Comparison, Gate, State, Threshold
from .pods import LivePods
from .selector import pattern

MOST_PROGRESS_LINES = 10


@dataclass(frozen=True, kw_only=True)
class Sample(Finding):
    """What one look gave, and when."""

    check: str
    number: int
    """From 1."""
    at: str
    """UTC, as in 2026-11-24T22:15:30Z, by the clock of this machine."""


@dataclass(frozen=True)
class Verdict:
    """What the gates came to, and every sample that was taken."""

    checks: Mapping[str, State]
    samples: Sequence[Sample]
    only_told: frozenset[str] = frozenset()
    """Gates with `dryRun`."""

    @property
    def state(self) -> State:
        """Failure if a gate failed, success if all succeeded; a gate that is only told does not count."""
        states = {state for check, state in self.checks.items() if check not in self.only_told}
        return next((state for state in (State.FAILURE, State.INCONCLUSIVE) if state in states), State.SUCCESS)

    @property
    def failed(self) -> bool:
        """Whether a gate failed that counts."""
        return self.state is State.FAILURE

    def table(self) -> str:
        """Every sample in a line, in the order in which they were taken."""
        rows = [("gate", "sample", "at, UTC", "state", "measured", "")]
        for each in self.samples:
            state = each.state.value + (" (dry run)" if each.check in self.only_told else "")
            rows.append((each.check, f"{each.number}", each.at[11:19], state, each.measured, each.reason))
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        return "\n".join("  ".join([*map(str.ljust, row[:5], widths), row[5]]).rstrip() for row in rows)


@dataclass
class _Run:
    """One gate while its samples are taken."""

    check: Gate
    due: float
    states: list[State] = field(default_factory=list[State])
    errors: int = 0
    """Answers that were lost in a row."""
    looks: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nothing changes any more."""
        done = len(self.states) == self.check.count or self.errors > self.check.error_limit or self.is_lost
        return done or (isinstance(self.check, Comparison) and self.states[-1:] == [State.SUCCESS])

    @property
    def is_lost(self) -> bool:
        """Whether the gate cannot become a success any more: waiting longer changes nothing."""
        if isinstance(self.check, Comparison):
            return State.FAILURE in self.states
        return len(self.states) - self.states.count(State.SUCCESS) > self.check.failure_limit

    @property
    def state(self) -> State:
        """What the samples so far make of the gate."""
        if isinstance(self.check, Comparison):
            return State.INCONCLUSIVE if self.errors or not self.states else self.states[-1]
        if self.check.fails(self.states):
            return State.FAILURE
        enough = self.states.count(State.SUCCESS) >= self.check.count - self.check.failure_limit
        return State.SUCCESS if enough else State.INCONCLUSIVE


def judge(
    checks: Sequence[Gate],
    release: Release,
    pods: Callable[[], tuple[LivePods, LivePods]],
    ask: Ask,
    kept: Mapping[str, Kept],
    progress: Callable[[str, bool], None],
    *,
    once: bool = False,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] | None = None,
) -> Verdict:
    """Samples until a gate is lost or all are decided: all gates in turn, each question in bounded time.

    `release` is the one that runs, with a canary; `pods` finds the canary's and stable's. `kept` is the evidence of
    earlier updates, by gate. `progress` gets a line for each sample, and whether it may be dropped: at most
    `MOST_PROGRESS_LINES` may not. `once` takes one sample of each gate.
    """
    clock = clock or steady_clock()
    runs, samples = [_Run(check, clock()) for check in checks], list[Sample]()
    planned = sum(1 if once else each.count for each in checks)
    while waiting := [run for run in runs if not (run.looks if once else run.is_over)]:
        run = min(waiting, key=lambda run: run.due)
        sleep(max(0.0, run.due - clock()))
        run.looks += 1
        run.due += run.check.interval_seconds
        try:
            found = _look(run.check, release, pods, ask, kept.get(run.check.name))
            run.errors = 0
            run.states.append(found.state)
        except LostError as error:
            found = Finding(State.INCONCLUSIVE, str(error))
            run.errors += 1
        sample = Sample(**vars(found), check=run.check.name, number=run.looks, at=moment(clock()))
        samples.append(sample)
        told = sample.state.value + (f": {sample.reason}" if sample.reason else "")
        index = len(samples)
        stays = index * MOST_PROGRESS_LINES // planned > (index - 1) * MOST_PROGRESS_LINES // planned
        stays = stays and index <= planned
        progress(f"gate {run.check.name}, sample {index} of {planned}: {sample.measured}, {told}", not stays)
        if not once and not run.check.dry_run and (run.is_lost or (run.is_over and run.errors)):
            break
    told_alone = frozenset(check.name for check in checks if check.dry_run)
    return Verdict({run.check.name: run.state for run in runs}, samples, told_alone)


def _look(
    check: Gate, release: Release, pods: Callable[[], tuple[LivePods, LivePods]], ask: Ask, kept: Kept | None
) -> Finding:
    try:
        canary, stable = pods()
        restarted = [pod for pod, end in canary.restarted.items() if end > canary.started[pod] + check.initial_delay]
        if troubles := [*(f"pod {pod} has restarted" for pod in restarted), *canary.troubles]:
            return Finding(State.FAILURE, troubles[0])
        if isinstance(check, Comparison):
            return compare(check, release.namespace, canary, stable, ask, kept)
        value = ask.numbers[check.source](_filled(check, release, canary))
    except LostError:
        raise
    except AnswerError as error:
        return Finding(State.INCONCLUSIVE, str(error))
    return Finding(check.no_data if value is None else check.state(value), value=value)


def _filled(check: Threshold, release: Release, canary: LivePods) -> Any:
    """What is asked, with the canary's values in place of the placeholders."""
    values = {
        "namespace": release.namespace,
        "version": release.canary_version or "",
        "pod": pattern(canary.started),
    }

    def filled(text: str) -> str:
        return re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], text)

    return filled(check.asked) if isinstance(check.asked, str) else [filled(each) for each in check.asked]
