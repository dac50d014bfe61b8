"""The shortest way from one release to another that breaks no rule."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from ..model.deployment import TEMPLATE
from ..model.release import Release, Track
from ..model.share import fewest_stable_replicas, within_share
from ..model.tree import Object, with_value
from .content import Pods, Tracks, content, template, tracks
from .rules import Kind, broken_by, broken_rules, changed_identity, kind_of


def shortest_way(old: Release, new: Release, finished: bool = True, may_roll_back: bool = True) -> list[Release]:
    """The fewest updates that lead from the old release to the new one and break no rule; empty if none do.

    `may_roll_back` is False where stable never ran what the new release gives it.

    A breadth-first search over the contents and replicas that the two releases name, one canary pod, and the fewest
    stable pods that leave room for it. A way of several steps never rolls back: a rollback
    needs no proof, so the rules could be avoided by it.

    Outside of its pods, a step declares what the new release does. Only the Services are the old ones as long as stable
    runs a content of the old release. A step's stable pod template may differ from that of `new.stable`: then the
    manifest has it for this step. The step's `canary_patch` is `merge.difference("Deployment", step.stable.deployment,
    step.canary.deployment)`: empty where the canary differs in its version alone.
    """
    rolls_back = kind_of(tracks(old), tracks(new)) is Kind.ROLL_BACK
    if not broken_rules(old, new, finished) and (may_roll_back or not rolls_back):
        return [new]
    if any(changed_identity(old, new)):
        return []
    named = _named(old, new)
    way = _shortest(tracks(old), tracks(new), list(named), finished, new)
    return [*(_release(step, old, new, named) for step in way[:-1]), *([new] if way else [])]


def _shortest(old: Tracks, new: Tracks, contents: list[str], finished: bool, limits: Release) -> list[Tracks]:
    # Among ways of one length, the one with the fewest edits.
    between = sorted(_between(old, new, contents, limits), key=lambda step: _edits(old, step) + _edits(step, new))
    left, ways, fixed_total = [new, *between], [list[Tracks]()], limits.fixed_total is not None
    while ways:
        longer: list[list[Tracks]] = []
        for way in ways:
            last = way[-1] if way else old
            allowed = [
                step
                for step in left
                if not any(broken_by(last, step, finished or bool(way), fixed_total)) and _is_plain(last, step, new)
            ]
            if new in allowed:
                return [*way, new]
            longer += [[*way, step] for step in allowed]
            left = [step for step in left if step not in allowed]
        ways = longer
    return []


def _is_plain(old: Tracks, step: Tracks, goal: Tracks) -> bool:
    """Whether a way of several steps may take this one: on the way, a promotion stops the canary."""
    what = kind_of(old, step)
    return what is not Kind.ROLL_BACK and (what is not Kind.PROMOTE or step.running is None or step == goal)


def _between(old: Tracks, new: Tracks, contents: list[str], limits: Release) -> Iterator[Tracks]:
    """The valid releases that a way may pass through."""
    canary_counts = dict.fromkeys([1, old.canary_replicas, new.canary_replicas, 0])
    room = fewest_stable_replicas(1, limits.max_canary_share)
    stable_counts = dict.fromkeys([old.stable.replicas, new.stable.replicas, room])
    if limits.fixed_total is not None:
        stable_counts = dict.fromkeys(limits.fixed_total - canary for canary in canary_counts)
    stables = [Pods(*each) for each in product(contents, stable_counts)]
    canaries = [*(Pods(*each) for each in product(contents, canary_counts)), None]
    for step in (Tracks(*each) for each in product(stables, canaries)):
        if step != new and is_valid(step, limits):
            yield step


def is_valid(step: Tracks, limits: Release) -> bool:
    """Whether a release with the share and the total of `limits` may have these tracks, whatever ran before."""
    canary, stable = step.canary_replicas, step.stable.replicas
    return (
        stable > 0
        and within_share(stable, canary, limits.max_canary_share)
        and not (step.running and step.running.content == step.stable.content)
        and limits.fixed_total in (None, stable + canary)
    )


def _edits(old: Tracks, new: Tracks) -> int:
    """How much of the config differs."""

    def said(step: Tracks) -> tuple[object, ...]:
        return step.stable.content, step.stable.replicas, step.canary and step.canary.content, step.canary_replicas

    return sum(before != after for before, after in zip(said(old), said(new), strict=True))


def _named(old: Release, new: Release) -> dict[str, Track]:
    """A track that runs it, for each content of the two releases: the new release's where both have it."""
    named: dict[str, Track] = {}
    # A version belongs to a container: that of another one says nothing in the new release.
    for release in (new, old) if old.container_name == new.container_name else (new,):
        for track in (release.canary, release.stable):
            if track:
                named.setdefault(content(track, release.container_name), track)
    return named


def _release(step: Tracks, old: Release, new: Release, named: dict[str, Track]) -> Release:
    stable = _track(step.stable, new.stable.deployment, named)
    canary = None
    if step.canary:
        tried = new.canary if new.canary and named[step.canary.content] is new.canary else new.stable
        canary = _track(step.canary, tried.deployment, named)
    services = new.services if named[step.stable.content] in (new.stable, new.canary) else old.services
    return replace(new, stable=stable, canary=canary, services=services)


def _track(pods: Pods, around: Object, named: dict[str, Track]) -> Track:
    """The track with these pods in the Deployment that is given around them."""
    track = named[pods.content]
    return Track(track.version, pods.replicas, with_value(around, TEMPLATE, template(track.deployment)))
