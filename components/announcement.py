"""What an update will do to users, as plain text: in previews, updates and rehearsals."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .exposure import Track, percentage, surge
from .gates.comparison import State
from .gates.sampling import Verdict
from .problems import MISSING, REMOVE, Problem, Spelling, literal, report, shown
from .release import Release, camel
from .transition import (
    IDENTITY,
    POD_CONTENT,
    SERVICE_CONTENT,
    Broken,
    Kind,
    canary_goes_first,
    changed,
    edits,
    kind,
    shortest_way,
)

NONE = Track("", 0)


def announcement(old: Release | None, new: Release, finished: bool = True) -> str:
    """At most eight lines of aligned text: what the update is, both tracks and the share before and after, and pods
    at most and ready at least while it runs. `finished` is False when the last update was not.
    """
    rows = [("", "before", "after"), *_figures(old, new)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    headline = f"{new.name} in {new.namespace}: {sentence(old, new, finished)}"
    return "\n".join([headline, *table, *_notes(old, new, finished)])


def sentence(old: Release | None, new: Release, finished: bool = True) -> str:
    """What the update is: `widens the canary from 33.3 % to 50.0 %`."""
    what = kind(old, new)
    before, after = _share(old), _share(new)
    text = {
        Kind.FIRST_DEPLOY: f"deploys for the first time: {new.stable.version} in stable{_beside(new)}",
        Kind.START_CANARY: f"starts the canary {_canary(new).version} at {after}",
        Kind.WIDEN: f"widens the canary from {before} to {after}",
        Kind.NARROW: f"narrows the canary from {before} to {after}",
        Kind.STOP_CANARY: f"stops the canary, which had {before}",
        Kind.CHANGE_CANARY: f"changes the canary from {_canary(old).version} to {_canary(new).version} at {after}",
        Kind.SCALE_STABLE: f"scales stable from {old.stable.replicas if old else 0} to {new.stable.replicas}",
        Kind.PROMOTE: f"promotes {new.stable.version}",
        Kind.ROLL_BACK: f"rolls back to {new.stable.version}",
        Kind.MIXED: f"gives stable {new.stable.version}, which no canary proved",
        Kind.NO_CHANGE: "changes no exposure",
    }[what]
    for names, whose in ((POD_CONTENT, "both tracks"), (SERVICE_CONTENT, "the Service")):
        if old and (content := changed(old, new, names)):
            text += f"; changes {', '.join(map(camel, content))} of {whose}"
    return text if finished else f"{text}; repairs an update that did not finish"


def most_and_fewest(old: Release | None, new: Release) -> tuple[int, int]:
    """The most pods that run, and the fewest that are ready if no pod fails, while the update rolls.

    Pods that terminate do not count: they overlap for the preStop sleep and the grace period.
    """
    tracks = [(old.stable if old else NONE, new.stable), (_canary(old), _canary(new))]
    counts = [before.replicas for before, _ in tracks]
    most = fewest = sum(counts)
    for index in (1, 0) if old and canary_goes_first(old, new) else (0, 1):
        before, after = tracks[index]
        rolls = old is not None and _rolls(old, new, index)
        others = sum(counts) - counts[index]
        extra = surge(after.replicas) if rolls and not new.fixed_total else 0
        missing = 1 if rolls and new.fixed_total else 0
        most = max(most, others + max(before.replicas, after.replicas + extra))
        fewest = min(fewest, others + min(before.replicas, after.replicas) - missing)
        counts[index] = after.replicas
    return most, fewest


def resumption(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> str:
    """What changes a Deployment, given as manifests, where the config is the one that the last update had."""
    before, after = _pods_of(old), _pods_of(new)
    what = f"{after} again" if before == after else f"{before} => {after}"
    name, namespace = new["metadata"]["name"], new["metadata"]["namespace"]
    return (
        f"Deployment {name} in {namespace}: {what}; the config is unchanged and no rule is asked: this finishes an "
        "update, takes back a change by hand, or comes with the component itself"
    )


def refusal(
    name: str, old: Release, new: Release, broken: Sequence[Broken], spelling: Spelling, finished: bool = True
) -> str:
    """Why the update is refused, and the commands of the shortest way to its goal."""
    problems = [
        Problem(each.argument, MISSING if each.new is None else each.new, f"was {_text(each.old)}: {each.rule}")
        for each in broken
    ]
    headline = (
        f"CanaryRelease {name!r}: this update {sentence(old, new, finished)}, and is refused; nothing was changed"
    )
    return f"{report(headline, problems, spelling)}\n\n{_way(old, new, shortest_way(old, new, finished), spelling)}"


def gate_refusal(
    name: str, old: Release, new: Release, verdict: Verdict, spelling: Spelling, finished: bool = True
) -> str:
    """Why the gates refuse the update, every sample, and what can be done."""
    states = ", ".join(f"{check}: {state.value}" for check, state in verdict.checks.items())
    headline = f"CanaryRelease {name!r}: this update {sentence(old, new, finished)}, and its gates refuse it ({states})"
    skip = f"{spelling.name('skip_transition_checks')} goes around gates and rules in an emergency"
    if verdict.state is State.FAILURE:
        stable = Track(old.stable.version, old.fixed_total or old.stable.replicas)
        stopped = replace(old, stable=stable, canary=Track(old.canary_version or "", 0))
        steps = "\n".join(_steps(new, [stopped], spelling))
        way = f"{old.canary_version} keeps {_share(old)} as canary; to stop it:\n{steps}"
    else:
        way = f"when there are answers and enough traffic, the same again:\n  {spelling.update}"
    return f"{headline}; nothing was changed\n\n{verdict.table()}\n\n{way}\n{skip}"


def _figures(old: Release | None, new: Release) -> list[tuple[str, str, str]]:
    most, fewest = most_and_fewest(old, new)
    return [
        ("stable", _pods(old.stable if old else NONE), _pods(new.stable)),
        ("canary", _pods(_canary(old)), _pods(_canary(new))),
        ("canary's share", _share(old) if old else "none", _share(new)),
        ("pods meanwhile", f"at most {most}", f"at least {fewest} ready"),
    ]


def _notes(old: Release | None, new: Release, finished: bool) -> list[str]:
    """The two most important warnings: the text is to stay short."""
    notes: list[str] = []
    if not finished:
        notes.append("what ran before is not known: the last update did not finish, and `before` is what it wanted")
    if old and kind(old, new) is Kind.ROLL_BACK:
        kept = f"{old.stable.version} keeps {_share(new)} as canary"
        notes.append(f"{kept}; that {new.stable.version} once was stable is not checked")
    if old and new.fixed_total and new.stable.replicas == 1 and _rolls(old, new, 0):
        notes.append("no stable pod is ready while stable rolls: it has one, and a fixed total adds none")
    if old and new.total_pods < old.total_pods:
        notes.append(f"the pods that serve fall from {old.total_pods} to {new.total_pods}")
    return [f"warning: {note}" for note in notes[:2]]


def _way(old: Release, new: Release, way: Sequence[Release], spelling: Spelling) -> str:
    if not way and changed(old, new, IDENTITY):
        kept = old.arguments()
        fixes = spelling.lines([(name, kept.get(name, REMOVE)) for name in changed(old, new, IDENTITY)])
        declare = "declare a second release beside this one, move its users over, remove this one"
        return "\n".join([f"no update leads there: {declare}, or keep what runs:", *(f"  {fix}" for fix in fixes)])
    if not way:
        total, share = spelling.name("fixed_total"), spelling.name("max_canary_share")
        return f"no update leads there: {total} leaves no room for one canary pod within {share}"
    return "\n".join(["allowed instead, one update after the other:", *_steps(new, way, spelling)])


def _steps(new: Release, way: Sequence[Release], spelling: Spelling) -> Iterator[str]:
    """The commands of each step. The config already says what is refused: the first step starts from there."""
    for number, (before, after) in enumerate(zip([new, *way], way, strict=False), 1):
        now = after.arguments()
        fixes = spelling.lines([(name, now.get(name, REMOVE)) for name in edits(before, after)])
        yield from [f"  {number}. {fixes[0]}", *(f"     {fix}" for fix in fixes[1:]), f"     {spelling.update}"]


def _rolls(old: Release, new: Release, track: int) -> bool:
    """Whether pods of the track are replaced by others."""
    before, after = [(old.stable, new.stable), (_canary(old), _canary(new))][track]
    other = before.version != after.version or bool(changed(old, new, POD_CONTENT))
    return before.replicas > 0 and after.replicas > 0 and other


def _share(release: Release | None) -> str:
    return percentage(release.canary_share if release else 0.0)


def _beside(release: Release) -> str:
    canary = _canary(release)
    return f", {canary.version} as canary at {_share(release)}" if canary.replicas else ""


def _canary(release: Release | None) -> Track:
    return (release.canary if release else None) or NONE


def _text(value: Any) -> str:
    return "not set" if value in (None, {}) else literal(shown(value))


def _pods_of(manifest: Mapping[str, Any] | None) -> str:
    if not manifest:
        return "none"
    try:
        spec: Any = manifest["spec"]
        image, replicas = spec["template"]["spec"]["containers"][0]["image"], int(spec["replicas"])
    except (LookupError, TypeError, ValueError):
        return "unknown"  # A program's transforms may have made it so: to tell of it must not end the update.
    return _pods(Track(re.split("[:@]", image.rpartition("/")[2], maxsplit=1)[-1], replicas))


def _pods(track: Track) -> str:
    return f"{track.version} x {track.replicas}" if track.version else "none"
