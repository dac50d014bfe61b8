"""Everything that is seen of a release at one moment, and how it reads as lines and as JSON."""

from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any, cast

from components.exposure import percentage
from components.release import camel

from .mismatches import TRAFFIC, mismatches
from .options import Target
from .picture import Picture, TrackPicture
from .traffic import Traffic


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
        return mismatches(self.target.release, self.picture, self.traffic)

    @property
    def counted(self) -> str:
        """What the share is one of."""
        return "ready endpoints" if self.target.release.service_name else "ready pods"


def lines(glance: Glance) -> dict[str, str]:
    """What is seen, a line for each thing that can change; the first word of a key tells what kind of thing it is."""
    release, picture, found = glance.target.release, glance.picture, glance.mismatches
    tracks = ", ".join(_track(track) for track in picture.tracks if track.exists is not False or track.pods)
    share = f"canary's share of {glance.counted} {shown_share(picture.canary_share)}"
    configured = f"configured {percentage(release.canary_share)}"
    verdict = "as configured" if all(text.startswith(TRAFFIC) for text in found) else "not as configured"
    told = {
        "state": f"{release.name} in {release.namespace}: {tracks or 'nothing runs'}; {share}, {configured}; {verdict}"
    }
    told |= {f"failing {name}": f"{name}: {text}" for name, text in picture.failing().items()}
    told |= {f"missing {each.resource}": f"missing permission: {each}" for each in picture.missing}
    told |= {f"mismatch {text}": f"mismatch: {text}" for text in found if not text.startswith(TRAFFIC)}
    if glance.traffic:
        told["traffic"] = _traffic(glance.traffic, glance)
    told |= {f"traffic {text}": f"mismatch: {text}" for text in found if text.startswith(TRAFFIC)}
    return told | ({"note": glance.note} if glance.note else {})


def document(glance: Glance) -> dict[str, Any]:
    """What is seen, in the fields that docs/watch.md describes."""
    target, picture, traffic = glance.target, glance.picture, glance.traffic
    release = target.release
    found: dict[str, Any] = {
        "time": glance.at.isoformat(timespec="seconds"),
        "stack": target.stack,
        "context": target.context,
        "namespace": release.namespace,
        "name": release.name,
        "config": {
            "stable": _plain(release.stable),
            "canary": _plain(release.canary),
            "canaryShare": release.canary_share,
        },
        **{track.name: _plain(track) | _counts(track) for track in picture.tracks},
        "share": {"of": glance.counted, "total": picture.endpoints, "canary": picture.canary_share},
        "traffic": None,
        "failing": picture.failing(),
        "missingPermissions": _plain(picture.missing),
        "mismatches": glance.mismatches,
        "note": glance.note or None,
    }
    if traffic:
        observed = {"canaryShare": traffic.canary_share, "interval": traffic.interval, "fits": traffic.fits(release)}
        found["traffic"] = _plain(traffic) | observed
    return found


def shown_share(share: float | None) -> str:
    """A share, or a question mark if it is not known."""
    return "?" if share is None else percentage(share)


def shown_count(count: int | None) -> str:
    """A count, or a question mark if it is not known."""
    return "?" if count is None else str(count)


def shown_milliseconds(seconds: float | None) -> str:
    """A latency in milliseconds, or a dash if there is none."""
    return "-" if seconds is None else f"{1000 * seconds:.1f}"


def shown_version(version: str | None) -> str:
    """A version in at most 16 characters: digests lose their end."""
    return "?" if version is None else version if len(version) <= 16 else f"{version[:15]}…"


def _track(track: TrackPicture) -> str:
    counts = [f"{shown_count(track.count('ready', track.version))} of {shown_count(track.desired)} ready"]
    others = sorted({pod.version for pod in track.pods or () if pod.state == "ready"} - {track.version})
    counts += [f"{track.count('ready', version)} of {shown_version(version)} ready" for version in others]
    counts += [f"{count} {state}" for state in ("unready", "terminating") if (count := track.count(state))]
    counts += [f"{track.restarts} restarts"] if track.restarts else []
    return f"{track.name} {shown_version(track.version)} {', '.join(counts)}"


def _traffic(traffic: Traffic, glance: Glance) -> str:
    release = glance.target.release
    versions = [(release.stable.version, traffic.stable.answers), (release.canary_version, traffic.canary.answers)]
    counts = [f"{shown_version(version)} {count}" for version, count in versions if version]
    told = [f"{traffic.requests} requests, answers {', '.join(counts)}, {traffic.errors.total()} errors"]
    for name, track in (("stable", traffic.stable), ("canary", traffic.canary)):
        if track.answers:
            p50, p95, p99 = (shown_milliseconds(value) for value in (track.p50, track.p95, track.p99))
            told.append(f"{name} p50 {p50} p95 {p95} p99 {p99} ms")
    if traffic.interval:
        low, high = traffic.interval
        fits = "fits" if traffic.fits(release) else "does not fit"
        told.append(f"canary's share {shown_share(traffic.canary_share)} ({low:.1f} to {high:.1f} at 99 %), {fits}")
    return "; ".join(told)


def _counts(track: TrackPicture) -> dict[str, int | None]:
    return {state: track.count(state) for state in ("ready", "unready", "terminating")} | {"restarts": track.restarts}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {camel(field.name): _plain(getattr(value, field.name)) for field in fields(value)}
    return [_plain(item) for item in cast(tuple[Any, ...], value)] if isinstance(value, tuple) else value
