"""What an update of a release is, and which rules it breaks.

The rules compare contents: the whole pod template of a track, and not the versions alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import reduce
from itertools import takewhile
from typing import Any

from ..model.deployment import TEMPLATE
from ..model.release import Release, Track
from ..model.tree import Path, changes, get, same
from .content import Pods, Tracks, template, tracks


class Kind(Enum):
    """What an update is to users; every update is exactly one of these."""

    FIRST_DEPLOY = auto()
    START_CANARY = auto()
    WIDEN = auto()
    NARROW = auto()
    STOP_CANARY = auto()
    CHANGE_CANARY = auto()
    SCALE_STABLE = auto()
    PROMOTE = auto()
    ROLL_BACK = auto()
    """Gives stable another content, while the one that leaves stable stays declared as canary."""
    NO_CHANGE = auto()
    """Changes no content and no number of pods. Services, and Deployments outside their pods, may change."""
    MIXED = auto()
    """Gives stable a content that did not run as canary."""


class Rule(Enum):
    """The rules about what the tracks run. Two more are about a release as a whole: `broken_rules` has them."""

    PROVEN = auto()
    """Stable takes only content that ran as canary, with a pod, in the last finished update."""
    FINISHED = auto()
    """Stable takes nothing from a canary of an unfinished update: what that canary ran is not known."""
    ONE_TRACK = auto()
    """One track changes at a time; a promotion may stop the canary."""
    SMALL_START = auto()
    """A canary's new content starts at no larger share than the old one had."""
    ROOM = auto()
    """With a fixed total, the canary's pods must be gone before stable grows."""


@dataclass(frozen=True)
class Broken:
    """A rule that an update breaks, at one place."""

    path: Path
    """Where the release breaks it, as in a `Problem`: `("stable_version",)`. A difference in the Deployment is below
    `("manifest",)`, without the position of the object: the state does not know files and patches. A difference in the
    canary's Deployment alone is below `("canary_patch",)`. The path leads to the innermost value that holds all
    differences."""
    old: Any
    """The whole value there before; `ABSENT` or None if there was none."""
    new: Any
    rule: str
    """Why it is refused, in words."""


def kind(old: Release | None, new: Release) -> Kind:
    """What the update from the old release to the new one is."""
    return Kind.FIRST_DEPLOY if old is None else kind_of(tracks(old), tracks(new))


def kind_of(old: Tracks, new: Tracks) -> Kind:
    """What the update between these tracks is; never `FIRST_DEPLOY`."""
    was, now = old.running, new.running
    if old.stable.content != new.stable.content:
        if was and was.content == new.stable.content:
            return Kind.PROMOTE
        return Kind.ROLL_BACK if _keeps_what_leaves(old, new) else Kind.MIXED
    if was == now:
        return Kind.NO_CHANGE if old.stable.replicas == new.stable.replicas else Kind.SCALE_STABLE
    if not was or not now:
        return Kind.START_CANARY if now else Kind.STOP_CANARY
    if was.content != now.content:
        return Kind.CHANGE_CANARY
    if _has_larger_share(old, new):
        return Kind.WIDEN
    return Kind.NARROW if _has_larger_share(new, old) else Kind.SCALE_STABLE


def is_gated(old: Release, new: Release) -> bool:
    """Whether gates judge the update: it gives more users the content that runs as canary."""
    was, now = tracks(old), tracks(new)
    widened = _runs_same(was.running, now.running) and _has_larger_share(was, now)
    return widened or kind_of(was, now) is Kind.PROMOTE


def first_track(old: Release | None, new: Release) -> str:
    """Track whose Deployment is updated first: what grows goes first, what shrinks last.

    With a fixed total it is the other way round. Without `old`, what ran before is not known. Then a canary
    with pods goes first, so that one that cannot start takes no pod from stable. With a fixed total it goes last, when
    stable has made room, and a canary without pods goes first.
    """
    if old is None:
        canary_first = bool(new.canary_replicas) is not bool(new.fixed_total)
    else:
        stable = new.stable.replicas - old.stable.replicas
        canary = new.canary_replicas - old.canary_replicas
        canary_first = (canary < 0) if new.fixed_total else (canary > 0 > stable)
    return "canary" if canary_first else "stable"


def broken_rules(old: Release, new: Release, finished: bool = True) -> list[Broken]:
    """The rules that the update breaks; none if it may run.

    `finished`: whether the last update finished. If not, `old` is what it wanted, and a repair is allowed.
    """
    broken = broken_by(tracks(old), tracks(new), finished, new.fixed_total is not None)
    return [*changed_identity(old, new), *(place for rule in broken for place in _broken(rule, old, new))]


def broken_by(old: Tracks, new: Tracks, finished: bool, fixed_total: bool) -> Iterator[Rule]:
    """The rules that an update of these tracks breaks. `fixed_total`: whether the new release has one."""
    what, was, now = kind_of(old, new), old.running, new.running
    if finished:
        if what is Kind.MIXED:
            yield Rule.PROVEN
        if what is Kind.PROMOTE and now and not _keeps_what_leaves(old, new):
            yield Rule.ONE_TRACK
        if what is Kind.CHANGE_CANARY and _has_larger_share(old, new):
            yield Rule.SMALL_START
    elif what is Kind.PROMOTE:
        yield Rule.FINISHED
    if fixed_total and was and new.canary is None and new.stable.replicas > old.stable.replicas:
        # The engine deletes after everything else.
        yield Rule.ROOM


def changed_identity(old: Release, new: Release) -> Iterator[Broken]:
    """Changes of what must stay in a deployed release. With one of them, no update leads to the new release."""
    rule = "{} of a deployed release must not change: all would be replaced at once, with downtime"
    selector: Path = ("spec", "selector")
    before, after = (release.stable.deployment for release in (old, new))
    for what, path, was, now in (
        ("the name", ("manifest", "metadata", "name"), old.name, new.name),
        ("the namespace", ("namespace",), old.namespace, new.namespace),
        ("the selector", ("manifest", *selector), get(before, selector), get(after, selector)),
        ("the track label", ("manifest", *selector), old.track_label, new.track_label),
    ):
        if not same(was, now):
            yield Broken(path, was, now, rule.format(what))


def _broken(rule: Rule, old: Release, new: Release) -> Iterator[Broken]:
    """Where the release breaks the rule, and why it is refused."""
    if rule is Rule.PROVEN:
        canary = old.canary if old.canary_replicas else None
        ran = f"which ran {canary.version}" if canary else "in which no canary ran"
        if canary and canary.version == new.stable.version:
            ran += " with other content"
        why = f"stable takes only what ran as canary in the last finished update ({ran}): run it as canary first"
        yield from changed_stable(old, new, why)
    elif rule is Rule.FINISHED:
        why = (
            "the last update did not finish, and what it ran is not known: run it as canary in a finished update first"
        )
        yield from changed_stable(old, new, why)
    elif rule is Rule.ONE_TRACK:
        assert old.canary  # Both run.
        assert new.canary
        why = "one track at a time: a new canary starts in an update after the one that changes stable"
        yield from _changed_content("canary_version", "canary_patch", (old, old.canary), (new, new.canary), why)
    elif rule is Rule.SMALL_START:
        why = "a canary's new content starts at no larger share than the old one had: change it, then widen"
        yield Broken(("canary_replicas",), old.canary_replicas, new.canary_replicas, why)
    else:
        why = "with a fixed total its pods must be gone before stable grows: scale it to 0 first, then remove it"
        yield Broken(("canary_version",), old.canary_version, None, why)


def changed_stable(old: Release, new: Release, rule: str) -> Iterator[Broken]:
    """The rule as broken, at each place where stable's content changes."""
    return _changed_content("stable_version", "manifest", (old, old.stable), (new, new.stable), rule)


def _changed_content(
    version: str, source: str, old: tuple[Release, Track], new: tuple[Release, Track], rule: str
) -> Iterator[Broken]:
    """Where the contents of a track differ: in version, released container or pod template."""
    (before, was), (after, now) = old, new
    if was.version != now.version:
        yield Broken((version,), was.version, now.version, rule)
    if before.container_name != after.container_name:
        yield Broken(("container_name",), before.container_name, after.container_name, rule)
    had, has = template(was.deployment), template(now.deployment)
    if found := changes(had, has):
        path = reduce(_common, (each.path for each in found))
        yield Broken((source, *TEMPLATE, *path), get(had, path), get(has, path), rule)


def _common(one: Path, other: Path) -> Path:
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return tuple(part for part, _ in pairs)


def _has_larger_share(old: Tracks, new: Tracks) -> bool:
    """Whether the canary's share of pods grows. Compared without division: no rounding decides it."""
    return new.canary_replicas * old.stable.replicas > old.canary_replicas * new.stable.replicas


def _runs_same(old: Pods | None, new: Pods | None) -> bool:
    return old is not None and new is not None and old.content == new.content


def _keeps_what_leaves(old: Tracks, new: Tracks) -> bool:
    """Whether the content that leaves stable stays declared as canary."""
    return new.canary is not None and new.canary.content == old.stable.content
