"""Where what runs is not what the stack file says."""

from collections.abc import Iterator

from components.exposure import Track, percentage
from components.release import Release

from .figures import CONFIDENCE
from .picture import Picture, TrackPicture
from .traffic import Traffic

TRAFFIC = "traffic: "
"""How mismatches of what requests got begin; the others are of the cluster."""


def mismatches(release: Release, picture: Picture, traffic: Traffic | None) -> list[str]:
    """Everything in which cluster and answers differ from the config, or could not be compared with it."""
    found = [*_of_track(release, picture.stable, release.stable)]
    if release.canary:
        found += _of_track(release, picture.canary, release.canary)
    elif picture.canary.exists:
        found.append(f"canary: Deployment {picture.canary.deployment} is there, and the config has no canaryVersion")
    found += _of_share(release, picture)
    if traffic:
        found += _of_traffic(release, traffic)
    unknown = [missing.resource for missing in picture.missing if missing.resource != "events"]
    return found + [f"not known for want of a permission: {resource}" for resource in unknown]


def _of_track(release: Release, track: TrackPicture, configured: Track) -> Iterator[str]:
    if track.exists is False:
        yield f"{track.name}: there is no Deployment {track.deployment} in namespace {release.namespace}"
        return
    if track.exists and track.version != configured.version:
        yield f"{track.name}: the Deployment runs {track.version}, the config says {configured.version}"
    if track.exists and track.desired != configured.replicas:
        yield f"{track.name}: {_pods(track.desired)} desired, the config says {configured.replicas}"
    ready = track.count("ready", configured.version)
    if ready is not None and ready != configured.replicas:
        yield f"{track.name}: {_pods(ready)} of {configured.version} ready, the config says {configured.replicas}"
    elif unready := track.count("unready"):
        yield f"{track.name}: {_pods(unready)} beside them not ready"
    others = sorted({pod.version for pod in track.pods or () if pod.state == "ready"} - {configured.version})
    if others:
        yield f"{track.name}: pods of {', '.join(others)} still serve"


def _of_share(release: Release, picture: Picture) -> Iterator[str]:
    what = "ready endpoints" if release.service_name else "ready pods"
    if picture.stray_endpoints:
        listed = ", ".join(picture.stray_endpoints)
        yield f"share: {listed}: ready behind Service {release.service_name}, and of neither track"
    canary, total = picture.canary.endpoints, picture.endpoints
    if total == 0:
        yield f"share: there are no {what}, the config says {release.total_pods}"
    # Compared without division: no rounding decides it.
    elif canary is not None and total is not None and canary * release.total_pods != release.canary_replicas * total:
        share = percentage(100 * canary / total)
        yield f"share: the canary has {canary} of {total} {what}, {share}; the config says {_configured(release)}"


def _of_traffic(release: Release, traffic: Traffic) -> Iterator[str]:
    for version, count in traffic.others.most_common():
        yield f"{TRAFFIC}{count} of {traffic.requests} answers came from {version}, which is of neither track"
    for error, count in traffic.errors.most_common():
        yield f"{TRAFFIC}{count} of {traffic.requests} requests failed: {error}"
    if traffic.fits(release) is False and traffic.interval:
        low, high = traffic.interval
        yield (
            f"{TRAFFIC}the canary gave {traffic.canary.answers} of {traffic.answers} answers; its share lies within "
            f"{low:.1f} to {high:.1f} % with {CONFIDENCE:.0%} confidence, the config says {_configured(release)}"
        )


def _configured(release: Release) -> str:
    return percentage(release.canary_share)


def _pods(count: int | None) -> str:
    return f"{count} pod" if count == 1 else f"{count} pods"
