"""What an update of a release is, which rules it breaks, and the shortest way to its goal that breaks none."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import product
from typing import Any

from .exposure import Track, fewest_stable_replicas, within_share
from .release import Release

IDENTITY = ("app", "name", "namespace", "service_type", "service_name", "container_port")
"""Changing one replaces objects that serve, or leaves pods behind that the Service still selects."""

POD_CONTENT = ("image", "container_name", "readiness_path", "container", "pod")
"""Changing one replaces the pods of both tracks."""

SERVICE_CONTENT = ("service_port", "node_port")

CONTENT = (*POD_CONTENT, *SERVICE_CONTENT)
"""Changing one changes what both tracks run, or how they are reached."""


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
    NO_CHANGE = auto()
    MIXED = auto()
    """Gives stable a version that is not the canary's."""


@dataclass(frozen=True)
class Broken:
    """A rule that an update breaks: the argument that does, its values, and why."""

    argument: str
    old: Any
    new: Any
    rule: str


def kind(old: Release | None, new: Release) -> Kind:
    """What the update from the old release to the new one is."""
    if old is None:
        return Kind.FIRST_DEPLOY
    was, now = _running(old), _running(new)
    if old.stable.version != new.stable.version:
        if was and was.version == new.stable.version:
            return Kind.PROMOTE
        return Kind.ROLL_BACK if _withdraws(old, new) else Kind.MIXED
    if was == now:
        return Kind.NO_CHANGE if old.stable.replicas == new.stable.replicas else Kind.SCALE_STABLE
    if not was or not now:
        return Kind.START_CANARY if now else Kind.STOP_CANARY
    if was.version != now.version:
        return Kind.CHANGE_CANARY
    # Compared without division, so that equal shares are equal.
    before, after = was.replicas * new.stable.replicas, now.replicas * old.stable.replicas
    return Kind.WIDEN if after > before else Kind.NARROW if after < before else Kind.SCALE_STABLE


def changed(old: Release, new: Release, names: Iterable[str]) -> list[str]:
    """Those of the fields that differ."""
    return [name for name in names if getattr(old, name) != getattr(new, name)]


def edits(old: Release, new: Release) -> list[str]:
    """The arguments that differ."""
    before, after = old.arguments(), new.arguments()
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def broken_rules(old: Release, new: Release, finished: bool = True) -> list[Broken]:
    """The rules that the update breaks; none for one that may run.

    `finished` is False when the last update was not: then `old` is what it wanted, and repairing it is allowed.
    """
    broken = list(_identity(old, new))
    if finished:
        broken += [*_proven(old, new), *_one_at_a_time(old, new), *_small_start(old, new)]
    elif kind(old, new) is Kind.PROMOTE:
        rule = "the update that started this canary did not finish: run it as canary in a finished update first"
        broken.append(Broken("stable_version", old.stable.version, new.stable.version, rule))
    return [*broken, *_total(old, new)]


def _identity(old: Release, new: Release) -> Iterator[Broken]:
    rule = "the name, labels and port of a deployed release stay: all would be replaced at once, with downtime"
    return _broken_by(IDENTITY, old, new, rule)


def _broken_by(names: Iterable[str], old: Release, new: Release, rule: str) -> Iterator[Broken]:
    return (Broken(name, getattr(old, name), getattr(new, name), rule) for name in changed(old, new, names))


def _proven(old: Release, new: Release) -> Iterator[Broken]:
    if kind(old, new) is Kind.MIXED:
        was = _running(old)
        ran = f"which ran {was.version}" if was else "in which no canary ran"
        rule = f"stable takes only what ran as canary in the last finished update ({ran}): run it as canary first"
        yield Broken("stable_version", old.stable.version, new.stable.version, rule)


def _one_at_a_time(old: Release, new: Release) -> Iterator[Broken]:
    was, now = _running(old), _running(new)
    takes_version = now is not None and (was is None or was.version != now.version)
    if old.stable.version == new.stable.version and not takes_version:
        return
    if old.stable.version != new.stable.version and takes_version and not _withdraws(old, new):
        rule = "one version at a time: a new canary starts in an update after the one that changes stable"
        yield Broken("canary_version", old.canary_version, new.canary_version, rule)
    rule = "one change at a time, so that what the canary shows is the new version's doing: two updates"
    yield from _broken_by(CONTENT, old, new, rule)


def _larger_share(old: Release, new: Release) -> bool:
    """Compared without division: no rounding decides it."""
    return new.canary_replicas * old.stable.replicas > old.canary_replicas * new.stable.replicas


def _small_start(old: Release, new: Release) -> Iterator[Broken]:
    if kind(old, new) is Kind.CHANGE_CANARY and _larger_share(old, new):
        rule = "a new canary version starts at no larger share than the old one had: change it, then widen"
        yield Broken("canary_replicas", old.canary_replicas, new.canary_replicas, rule)


def _total(old: Release, new: Release) -> Iterator[Broken]:
    if new.fixed_total and _running(old) and new.canary is None and new.stable.replicas > old.stable.replicas:
        # The engine deletes after everything else.
        rule = "with a fixed total its pods must be gone before stable grows: scale it to 0 first, then remove it"
        yield Broken("canary_version", old.canary_version, None, rule)


def is_gated(old: Release, new: Release) -> bool:
    """Whether gates judge the update: it gives more users the version that runs as canary."""
    was, now = _running(old), _running(new)
    widened = was is not None and now is not None and was.version == now.version and _larger_share(old, new)
    return widened or kind(old, new) is Kind.PROMOTE


def canary_goes_first(old: Release | None, new: Release) -> bool:
    """Whether the canary's Deployment is updated before the stable one: what grows goes first, what shrinks last.

    With a fixed total it is the other way round. Without an old release, a retry of an update whose beginning is
    not known: the canary first if the config gives it pods, so that a canary that cannot start takes none of stable's.
    """
    if old is None:
        return bool(_running(new)) is not bool(new.fixed_total)
    stable = new.stable.replicas - old.stable.replicas
    canary = new.canary_replicas - old.canary_replicas
    return (canary < 0) if new.fixed_total else (canary > 0 > stable)


def shortest_way(old: Release, new: Release, finished: bool = True) -> list[Release]:
    """The fewest updates that lead from the old release to the new one and break no rule; empty if none do.

    A breadth-first search over the versions and replicas that the two releases name, one canary pod, and the fewest
    stable pods that leave room for it. A way of several steps never rolls back: that would lead around the proof.
    """
    if not broken_rules(old, new, finished):
        return [new]
    # Among ways of one length, the one with the fewest edits.
    left = [new, *sorted(_between(old, new), key=lambda step: len(edits(old, step)) + len(edits(step, new)))]
    ways: list[list[Release]] = [[]]
    while ways:
        longer: list[list[Release]] = []
        for way in ways:
            last = way[-1] if way else old
            allowed = [
                step
                for step in left
                if not broken_rules(last, step, finished or bool(way)) and kind(last, step) is not Kind.ROLL_BACK
            ]
            if new in allowed:
                return [*way, new]
            longer += [[*way, step] for step in allowed]
            left = [step for step in left if step not in allowed]
        ways = longer
    return []


def _between(old: Release, new: Release) -> Iterator[Release]:
    versions = [release.version for release in (new.canary, new.stable, old.canary, old.stable) if release]
    room = fewest_stable_replicas(1, new.max_canary_share)
    canary_counts = dict.fromkeys([1, old.canary_replicas, new.canary_replicas, 0])
    stable_counts = dict.fromkeys([old.stable.replicas, new.stable.replicas, room])
    if new.fixed_total:
        stable_counts = dict.fromkeys(new.fixed_total - canary for canary in canary_counts)
    for content, stable, canary in product(
        (new, old),
        [Track(*pods) for pods in product(dict.fromkeys(versions), stable_counts)],
        [*(Track(*pods) for pods in product(dict.fromkeys(versions), canary_counts)), None],
    ):
        step = replace(new, **{name: getattr(content, name) for name in CONTENT}, stable=stable, canary=canary)
        if step != new and is_valid(step):
            yield step


def is_valid(release: Release) -> bool:
    """Whether the config of the release is accepted, whatever ran before."""
    canary = _running(release)
    return (
        release.stable.replicas > 0
        and within_share(release.stable.replicas, release.canary_replicas, release.max_canary_share)
        and not (canary and canary.version == release.stable.version)
        and release.fixed_total in (None, release.total_pods)
    )


def _running(release: Release) -> Track | None:
    """The canary that has pods."""
    return release.canary if release.canary and release.canary.replicas else None


def _withdraws(old: Release, new: Release) -> bool:
    """Whether the version that leaves stable stays declared as canary."""
    return new.canary_version == old.stable.version
