"""Everything that is seen of a release at one moment, and how it reads as lines and as JSON."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from components.exposure import percentage
from components.release import camel

from .mismatches import of_cluster, of_traffic
from .options import Target
from .picture import Picture, TrackPicture
from .traffic import TrackTraffic, Traffic


@dataclass(frozen=True)
class Glance:
    """What is seen at one moment."""

    at: datetime
    target: Target
    picture: Picture
    traffic: Traffic | None
    """None without an address to ask."""
    note: str = ""
    """Why cluster or config could not be read; the rest is then what was read before."""

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
    share = f"canary's share of {picture.share.of} {shown_share(picture.share.canary)}"
    verdict = f"configured {percentage(release.canary_share)}; {'not ' if glance.mismatches else ''}as configured"
    told = [f"{release.name} in {release.namespace}: {tracks or 'nothing runs'}; {share}, {verdict}"]
    told += [f"{name}: {text}" for name, text in picture.failing.items()]
    if traffic and traffic.requests and with_traffic:
        told.append(_traffic(traffic))
        mismatches += of_traffic(release, traffic)
    told += [f"mismatch: {text}" for text in mismatches]
    return told + ([glance.note] if glance.note else [])


def document(glance: Glance) -> dict[str, Any]:
    """What is seen, in the fields that docs/watch.md describes."""
    target, release = glance.target, glance.target.release
    config = {"stable": release.stable, "canary": release.canary}
    return {
        "time": glance.at.isoformat(timespec="seconds"),
        "stack": target.stack,
        "context": target.context,
        "namespace": release.namespace,
        "name": release.name,
        "config": {name: _plain(track) for name, track in config.items()} | {"canaryShare": release.canary_share},
        **_plain(glance.picture),
        "traffic": _plain(glance.traffic),
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


def _plain(value: Any) -> Any:
    return value and asdict(value, dict_factory=lambda items: {camel(name): item for name, item in items})
