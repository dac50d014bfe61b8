"""Where the cluster or the answers differ from the stack file."""

from collections import Counter
from collections.abc import Iterator, Sequence

from canary_release.model.release import Release, Track
from canary_release.model.share import percentage

from .figures import CONFIDENCE
from .picture import Picture, Share, TrackPicture
from .traffic import Traffic

MOST_NAMES = 5
"""That one sentence lists."""


def of_cluster(release: Release, picture: Picture) -> Iterator[str]:
    """Everything in which the cluster differs from the config."""
    yield from _of_track(f"{release.name} in namespace {release.namespace}", picture.stable, release.stable)
    if release.canary:
        yield from _of_track(f"{release.canary_name} in namespace {release.namespace}", picture.canary, release.canary)
    elif picture.canary.version:
        yield f"canary: Deployment {release.canary_name} is there, and the config has no canaryVersion"
    for share in picture.shares:
        yield from _of_share(share)


def of_traffic(release: Release, traffic: Traffic) -> Iterator[str]:
    """Everything in which the answers differ from the config."""
    for version, count in traffic.others.items():
        yield f"traffic: {count} of {traffic.requests} answers came from {version}, which is of neither track"
    for error, count in traffic.errors.items():
        yield f"traffic: {count} of {traffic.requests} requests failed: {error}"
    if traffic.interval and not traffic.fits:
        low, high = traffic.interval
        answers = f"{traffic.canary.answers} of {traffic.stable.answers + traffic.canary.answers} answers"
        yield (
            f"traffic: the canary gave {answers}; its share lies within {low:.1f} to {high:.1f} % "
            f"with {CONFIDENCE:.0%} confidence, the config says {percentage(release.canary_share)}"
        )


def _of_track(deployment: str, track: TrackPicture, configured: Track) -> Iterator[str]:
    if track.version is None:
        yield f"{track.name}: there is no Deployment {deployment}"
        return
    if track.version != configured.version:
        yield f"{track.name}: the Deployment declares {track.version}, the config says {configured.version}"
    if track.desired != configured.replicas:
        yield f"{track.name}: {_pods(track.desired)} desired, the config says {configured.replicas}"
    if track.ready != configured.replicas:
        yield f"{track.name}: {_pods(track.ready)} of {track.version} ready, the config says {configured.replicas}"
    elif track.unready:
        yield f"{track.name}: {_pods(track.unready)} more not ready"
    earlier = Counter(pod.version for pod in track.pods if pod.state == "ready" and not pod.is_current)
    if earlier:
        listed = _listed([f"{count} of {version}" for version, count in sorted(earlier.items())])
        yield f"{track.name}: pods of an earlier update still serve: {listed}"


def _of_share(share: Share) -> Iterator[str]:
    if share.strays:
        yield f"share: the {share.of} include {_listed(share.strays)}, of neither track"
    if share.fits:
        return
    configured = "none" if share.configured is None else percentage(share.configured)
    if share.percent is None:
        yield f"share: there are no {share.of}; the config says {configured}"
    else:
        counts = f"{share.canary} of {share.total} {share.of}, {percentage(share.percent)}"
        yield f"share: the canary has {counts}; the config says {configured}"


def _listed(names: Sequence[str]) -> str:
    more = [f"{len(names) - MOST_NAMES} more"] if len(names) > MOST_NAMES else []
    return ", ".join([*names[:MOST_NAMES], *more])


def _pods(count: int) -> str:
    return f"{count} pod" if count == 1 else f"{count} pods"
