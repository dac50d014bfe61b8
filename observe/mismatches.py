"""Where what runs, and what answers, is not what the stack file says."""

from collections.abc import Iterator

from components.exposure import Track, percentage
from components.release import Release

from .figures import CONFIDENCE
from .picture import Picture, TrackPicture
from .traffic import Traffic


def of_cluster(release: Release, picture: Picture) -> Iterator[str]:
    """Everything in which the cluster differs from the config."""
    yield from _of_track(f"{release.name} in namespace {release.namespace}", picture.stable, release.stable)
    if release.canary:
        yield from _of_track(f"{release.canary_name} in namespace {release.namespace}", picture.canary, release.canary)
    elif picture.canary.version:
        yield f"canary: Deployment {release.canary_name} is there, and the config has no canaryVersion"
    if picture.stray_endpoints:
        listed = ", ".join(picture.stray_endpoints)
        yield f"share: {listed}: ready behind Service {release.service_name}, and of neither track"
    canary, share = picture.canary.endpoints, picture.share
    if share.canary is None:
        yield f"share: there are no {share.of}, the config says {release.total_pods}"
    # Compared without division: no rounding decides it.
    elif canary * release.total_pods != release.canary_replicas * share.total:
        shown, configured = percentage(share.canary), percentage(release.canary_share)
        yield f"share: the canary has {canary} of {share.total} {share.of}, {shown}; the config says {configured}"


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
        yield f"{track.name}: the Deployment runs {track.version}, the config says {configured.version}"
    if track.desired != configured.replicas:
        yield f"{track.name}: {_pods(track.desired)} desired, the config says {configured.replicas}"
    serving = [pod.version for pod in track.pods if pod.state == "ready"]
    ready = serving.count(configured.version)
    if ready != configured.replicas:
        yield f"{track.name}: {_pods(ready)} of {configured.version} ready, the config says {configured.replicas}"
    elif track.unready:
        yield f"{track.name}: {_pods(track.unready)} beside them not ready"
    if others := sorted(set(serving) - {configured.version}):
        yield f"{track.name}: pods of {', '.join(others)} still serve"


def _pods(count: int) -> str:
    return f"{count} pod" if count == 1 else f"{count} pods"
