"""Everything that is seen of a release at one moment, and how it reads as lines and as JSON."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from canary_release.model.share import percentage
from canary_release.text.spelling import camel

from ..answers import plain
from .mismatches import of_cluster, of_traffic
from .picture import Picture, TrackPicture
from .target import Target
from .traffic import TrackTraffic, Traffic

MOST_CHARACTERS = 1_000
"""Of a line."""


@dataclass(frozen=True)
class Glance:
    """What is seen at one moment."""

    at: datetime
    target: Target
    picture: Picture
    traffic: Traffic | None
    """None without an address to ask."""
    counts_from: float
    """A request counts if it began after this time, on the clock `time.monotonic`."""
    note: str = ""
    """Why cluster or config could not be read: then the rest is from the look before. Or why no request counts."""

    @property
    def mismatches(self) -> list[str]:
        """Where this is not what the config says."""
        release = self.target.release
        return [*of_cluster(release, self.picture), *(of_traffic(release, self.traffic) if self.traffic else ())]


def lines(glance: Glance, with_traffic: bool = True) -> list[str]:
    """What is seen: the state, what fails, what requests got, and what is not as configured."""
    release, picture, traffic = glance.target.release, glance.picture, glance.traffic
    mismatches = [*of_cluster(release, picture)]
    tracks = ", ".join(_track(track) for track in (picture.stable, picture.canary) if track.version or track.pods)
    shares = ", ".join(f"{each.of} {shown_share(each.percent)}" for each in picture.shares if each.serves == "both")
    verdict = f"configured {percentage(release.canary_share)}; {'not ' if glance.mismatches else ''}as configured"
    told = [f"{release.name} in {release.namespace}: {tracks or 'nothing runs'}; canary's share of {shares}, {verdict}"]
    told += [f"{name}: {text}" for name, text in picture.failing.items()]
    if traffic and traffic.requests and with_traffic:
        told.append(_traffic(traffic))
        mismatches += of_traffic(release, traffic)
    told += [f"mismatch: {text}" for text in mismatches]
    told += glance.target.unknown
    return [plain(text, MOST_CHARACTERS) for text in told] + ([glance.note] if glance.note else [])


def document(glance: Glance) -> dict[str, Any]:
    """What is seen, in the fields that docs/watch.md describes."""
    target, release = glance.target, glance.target.release
    tracks = {"stable": release.stable, "canary": release.canary}
    config = {name: track and {"version": track.version, "replicas": track.replicas} for name, track in tracks.items()}
    return {
        "time": glance.at.isoformat(timespec="seconds"),
        "stack": target.stack,
        "context": target.context,
        "namespace": release.namespace,
        "name": release.name,
        "config": {**config, "canaryShare": release.canary_share, "unknown": list(target.unknown)},
        **_json(glance.picture),
        "traffic": _json(glance.traffic),
        "mismatches": glance.mismatches,
        "note": glance.note or None,
    }


def shown_share(share: float | None) -> str:
    """A share, or a dash if there is none."""
    return "-" if share is None else percentage(share)


def shown_latencies(track: TrackTraffic) -> list[str]:
    """The percentiles in milliseconds, or dashes if there are none."""
    return ["-" if seconds is None else f"{1000 * seconds:.1f}" for seconds in (track.p50, track.p95, track.p99)]


def _track(track: TrackPicture) -> str:
    unready = f", {track.unready} unready" if track.unready else ""
    restarts = f", {track.restarts} restarts" if track.restarts else ""
    return f"{track.name} {track.version} {track.ready} of {track.desired} ready{unready}{restarts}"


def _traffic(traffic: Traffic) -> str:
    tracks = {name: track for name, track in (("stable", traffic.stable), ("canary", traffic.canary)) if track.version}
    answers = ", ".join(f"{track.version} {track.answers}" for track in tracks.values())
    told = [f"{traffic.requests} requests, answers {answers}, {sum(traffic.errors.values())} errors"]
    told += ["{} p50 {} p95 {} p99 {} ms".format(name, *shown_latencies(track)) for name, track in tracks.items()]
    if traffic.interval:
        low, high = traffic.interval
        fits = "fits" if traffic.fits else "does not fit"
        told.append(f"canary's share {shown_share(traffic.canary_share)} ({low:.1f} to {high:.1f} at 99 %), {fits}")
    return "; ".join(told)


def _json(value: Any) -> Any:
    return value and asdict(value, dict_factory=lambda items: {camel(name): item for name, item in items})
