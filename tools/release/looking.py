"""What a run sees of a release during a soak: pods and share as the watch sees them, and what the gates say."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from canary_release.gates import Gates, parse_gates
from canary_release.gates.contract import Comparison, Gate, State
from canary_release.gates.sampling import Sample, judge
from canary_release.hooks.cluster import Cluster
from canary_release.hooks.judging import ask_of, live_pods
from canary_release.model.arguments import GATES
from canary_release.model.moment import moment
from canary_release.model.release import Release
from stack.settings import Settings
from tools.watch.cluster import read
from tools.watch.options import read_target
from tools.watch.picture import Picture, TrackPicture, picture
from tools.watch.target import WatchError


@dataclass(frozen=True)
class Look:
    """What is seen of the canary at one moment."""

    at: float
    """In seconds since 1970."""
    harm: str | None
    """Why the run must go back; None without harm."""
    unanswered: str | None
    """What has no answer yet; None if all is known. A soak does not end before."""
    shown: Mapping[str, Any]
    """What the terminal and the record of the run show."""
    restarts: Mapping[str, int] | None = None
    """Restarts of each pod by uid; None where the cluster cannot be read."""


@dataclass
class Taken:
    """The samples that gates on a number have given during a soak, by gate."""

    states: dict[str, list[State]] = field(default_factory=dict[str, list[State]])
    """Failures and successes, the last one at the end."""
    last: dict[str, Sample] = field(default_factory=dict[str, Sample])
    due: dict[str, float] = field(default_factory=dict[str, float])

    def is_due(self, check: Gate, now: float) -> bool:
        """Whether a look takes a sample. A comparison counts the requests of all time: each look takes one."""
        return isinstance(check, Comparison) or self.due.setdefault(check.name, now + check.initial_delay) <= now

    def judged(self, check: Gate, sample: Sample | None, now: float) -> Sample:
        """The last sample, with what all of them make of the gate: `failureLimit` of the last `count` may fail."""
        if isinstance(check, Comparison):
            assert sample  # It is always due.
            return sample
        states = self.states.setdefault(check.name, [])
        if sample:
            self.last[check.name] = sample
            if sample.state is not State.INCONCLUSIVE:
                states.append(sample.state)
                self.due[check.name] = now + check.interval_seconds
        if (last := self.last.get(check.name)) is None:
            waits = f"begins after its initialDelay of {check.initial_delay} s"
            return Sample(State.INCONCLUSIVE, waits, check=check.name, number=0, at=moment(now))
        if check.fails(states[-check.count :]):
            return replace(last, state=State.FAILURE)
        return last if last.state is State.INCONCLUSIVE else replace(last, state=State.SUCCESS)


def look(stack: str, settings: Settings, token: str | None, restarts: Mapping[str, int] | None, taken: Taken) -> Look:
    """What is seen now. `restarts` is what a pod had when the soak began, `taken` what its looks have sampled."""
    now, release = datetime.now(timezone.utc), settings.parsed.release
    try:
        target = read_target(stack)
        seen = picture(release, read(target), now)
    except WatchError as error:
        return Look(now.timestamp(), None, str(error), {"unseen": str(error)})
    samples, limits = _gates(settings, token, Cluster(target.kubeconfig, target.context), taken)
    tracks = [each for each in (seen.stable, seen.canary) if each.version]
    shown = {
        "share": next((each.percent for each in seen.shares if each.serves == "both"), None),
        "configured": release.canary_share,
        **{each.name: f"{each.version} {each.ready}/{each.desired}" for each in tracks},
        "failing": seen.failing,
        "gates": [_shown(each, limits.get(each.check)) for each in samples],
    }
    counted = {pod.uid: pod.restarts for pod in _watched(release, seen).pods}
    return Look(now.timestamp(), harm(release, seen, restarts, samples), unanswered(samples), shown, counted)


def harm(release: Release, seen: Picture, restarts: Mapping[str, int] | None, samples: Sequence[Sample]) -> str | None:
    """Why the run must go back: pods of the canary, or of stable where there is none, or a gate."""
    track = _watched(release, seen)
    wanted = release.canary_replicas or release.stable.replicas
    told = _told(samples, State.FAILURE)
    again = [pod for pod in track.pods if restarts is not None and pod.restarts > restarts.get(pod.uid, 0)]
    told += [f"pod {pod.name} of {track.name} has restarted" for pod in again if pod.state != "terminating"]
    if track.ready < wanted:
        told.append(f"{track.ready} of {wanted} pods of {track.name} are ready")
        told += [f"{name}: {why}" for name, why in seen.failing.items()]
    return "\n".join(told) or None


def unanswered(samples: Sequence[Sample]) -> str | None:
    """The gates that have no answer yet, in words; None if all have one."""
    return "\n".join(_told(samples, State.INCONCLUSIVE)) or None


def _gates(
    settings: Settings, token: str | None, cluster: Cluster, taken: Taken
) -> tuple[list[Sample], dict[str, float]]:
    """What the gates say of the canary that runs, and the evidence at which each comparison fails."""
    release = settings.parsed.release
    checks, url, known = map(settings.arguments.get, GATES)
    gates = parse_gates(checks, url, token or known)
    # The config was checked when it became settings.
    if not isinstance(gates, Gates) or not gates.checks or not release.canary_replicas:
        return [], {}

    def quiet(_line: str, _ephemeral: bool) -> None:
        """What is sampled is told with the look."""

    now = time.time()
    due = [each for each in gates.checks if taken.is_due(each, now)]
    verdict = judge(due, release, lambda: live_pods(release, cluster), ask_of(gates), {}, quiet, once=True)
    samples = {each.check: each for each in verdict.samples}
    judged = [(each, taken.judged(each, samples.get(each.name), now)) for each in gates.checks]
    # A gate that is only told decides nothing.
    decided = [replace(said, state=State.SUCCESS) if check.dry_run else said for check, said in judged]
    return decided, {each.name: 1 / each.false_alarms for each in gates.checks if isinstance(each, Comparison)}


def _shown(sample: Sample, limit: float | None) -> dict[str, Any]:
    tracks = {"stable": sample.stable, "canary": sample.canary}
    return {
        "name": sample.check,
        "state": sample.state.value,
        "said": _said(sample),
        "evidence": math.exp(min(sample.evidence.highest, 300)) if sample.evidence else None,
        "threshold": limit,
        "counts": {name: (each.bad, each.total) for name, each in tracks.items() if each},
    }


def _told(samples: Sequence[Sample], state: State) -> list[str]:
    return [f"gate {each.check}: {_said(each)}" for each in samples if each.state is state]


def _said(sample: Sample) -> str:
    return sample.measured + (f", {sample.reason}" if sample.reason else "")


def _watched(release: Release, seen: Picture) -> TrackPicture:
    return seen.canary if release.canary_replicas else seen.stable
