"""How many pods run and are ready while an update is carried out."""

from ..model.release import Release, Track
from ..model.share import Rolling
from ..model.tree import same
from .content import template
from .rules import first_track


def most_and_fewest(old: Release | None, new: Release) -> tuple[int, int]:
    """The most pods that run, and the fewest that are ready if no pod fails, while the update is carried out.

    Both follow from the strategy of each Deployment: its surge, its unavailable pods, or Recreate. One Deployment is
    finished before the next one begins. A first update makes both at once, with the same sums. Pods that terminate do
    not count: they overlap for the preStop sleep and the grace period. Kubernetes counts the pods that it has asked
    for: a busy controller may make a pod a moment before another one is told to end.
    """
    befores = [old.stable, old.canary] if old else [None, None]
    afters = [new.stable, new.canary]
    counts = [_replicas(track) for track in befores]
    most = fewest = sum(counts)
    # The engine deletes after everything else.
    canary_first = new.canary is not None and first_track(old, new) == "canary"
    for index in (1, 0) if canary_first else (0, 1):
        high, low = _meanwhile(befores[index], afters[index])
        others = sum(counts) - counts[index]
        most, fewest = max(most, others + high), min(fewest, others + low)
        counts[index] = _replicas(afters[index])
    return most, fewest


def rolls(old: Track | None, new: Track | None) -> bool:
    """Whether pods of the track are replaced by others."""
    if old is None or new is None or not old.replicas or not new.replicas:
        return False
    return old.version != new.version or not same(template(old.deployment), template(new.deployment))


def _meanwhile(old: Track | None, new: Track | None) -> tuple[int, int]:
    """The most pods of one track, and the fewest that are ready, while its Deployment changes."""
    before, after = _replicas(old), _replicas(new)
    if new is None or not rolls(old, new):
        return max(before, after), min(before, after)
    # Kubernetes scales the pods that it has first, and replaces them then.
    rolling = Rolling.of(new.deployment)
    surge = min(rolling.surge(after), after)
    return max(before, after + surge), min(before, after - rolling.unavailable(after))


def _replicas(track: Track | None) -> int:
    return track.replicas if track else 0
