"""What is seen of a release, as a picture that fits a terminal of 80 columns."""

from rich import box
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from components.exposure import percentage

from .glance import Glance, lines, shown_count, shown_milliseconds, shown_share, shown_version
from .picture import TrackPicture
from .traffic import Source, Traffic

TRACKS = {"stable": "cyan", "canary": "yellow"}
LINES = {"failing": "", "missing": "magenta", "mismatch": "red", "traffic": "red", "note": "bold red"}
"""Colours of tracks, and of lines by the first word of their keys."""
BAR = 30


def frame(glance: Glance, source: Source | None) -> RenderableType:
    """The whole picture; `source` is where requests go."""
    parts: list[RenderableType] = [_title(glance), "", _tracks(glance), "", _shares(glance)]
    if glance.traffic and source:
        asked = f"{source.rate:g} requests a second to {source.shown}, each on a new connection"
        parts += ["", Text(asked, style="dim"), _traffic(glance.traffic, glance)]
    told = [(key.split()[0], text) for key, text in lines(glance).items() if key not in ("state", "traffic")]
    parts += ["", *(Text(text, style=LINES[kind]) for kind, text in told)]
    return Group(*parts, *([] if glance.mismatches else [Text("as configured", style="bold green")]))


def _title(glance: Glance) -> Text:
    target = glance.target
    where = f"  stack {target.stack}, context {target.context}, {glance.at:%H:%M:%S}"
    return Text.assemble((target.release.name, "bold"), f" in {target.release.namespace}", (where, "dim"))


def _tracks(glance: Glance) -> Table:
    table = _table("desired", "ready", "unready", "restarts", "age", "endpoints")
    for track in glance.picture.tracks:
        if track.exists is False and not track.pods:
            table.add_row(_name(track.name), "none")
            continue
        running = {pod.version for pod in track.pods or () if pod.state in ("ready", "unready")}
        others = sorted(running - {track.version})
        for version in [track.version, *others] if track.version or not others else others:
            own = version == track.version
            unready = track.count("unready", version)
            table.add_row(
                _name(track.name) if own else "",
                shown_version(version),
                shown_count(track.desired) if own else "",
                shown_count(track.count("ready", version)),
                Text(shown_count(unready), style="bold red" if unready else ""),
                *_restarts_and_age(track, version),
                shown_count(track.endpoints) if own else "",
            )
    return table


def _restarts_and_age(track: TrackPicture, version: str | None) -> tuple[str, str]:
    pods = [pod for pod in track.pods or () if pod.version == version and pod.state in ("ready", "unready")]
    if not pods:
        return ("?" if track.pods is None else "0"), "-"
    ages = [pod.age_seconds for pod in pods]
    youngest, oldest = shown_age(min(ages)), shown_age(max(ages))
    restarts = str(sum(pod.restarts for pod in pods))
    return restarts, youngest if youngest == oldest else f"{youngest}-{oldest}"


def shown_age(seconds: int) -> str:
    """An age in its largest whole unit: `5m`."""
    units = {"d": 86400, "h": 3600, "m": 60}
    return next((f"{seconds // length}{unit}" for unit, length in units.items() if seconds >= length), f"{seconds}s")


def _shares(glance: Glance) -> Table:
    picture, traffic, configured = glance.picture, glance.traffic, glance.target.release.canary_share
    table = Table.grid("", "", Column(justify="right", width=7), "", padding=(0, 2, 0, 0))
    table.add_row(Text("canary's share", style="bold"))
    counts = f"{shown_count(picture.canary.endpoints)} of {shown_count(picture.endpoints)}"
    table.add_row("configured", _bar(configured), percentage(configured))
    table.add_row(glance.counted, _bar(picture.canary_share), shown_share(picture.canary_share), counts)
    if traffic:
        bounds = f"{traffic.interval[0]:.1f} to {traffic.interval[1]:.1f} at 99 %" if traffic.interval else ""
        table.add_row("answers", _bar(traffic.canary_share), shown_share(traffic.canary_share), bounds)
    return table


def _bar(share: float | None) -> ProgressBar:
    return ProgressBar(
        completed=round(share or 0, 1),  # two equal shares have equal bars
        width=BAR,
        complete_style=TRACKS["canary"],
        finished_style=TRACKS["canary"],
        style=TRACKS["stable"],
    )


def _traffic(traffic: Traffic, glance: Glance) -> Table:
    release = glance.target.release
    table = _table("answers", "errors", "p50 ms", "p95 ms", "p99 ms")
    versions = [("stable", release.stable.version, traffic.stable), ("canary", release.canary_version, traffic.canary)]
    for name, version, track in versions:
        if version:
            latencies = [shown_milliseconds(value) for value in (track.p50, track.p95, track.p99)]
            table.add_row(_name(name), shown_version(version), str(track.answers), str(track.errors), *latencies)
    for version, count in traffic.others.most_common(3):
        table.add_row("neither", shown_version(version), str(count))
    return table


def _table(*numbers: str) -> Table:
    table = Table("track", "version", box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False)
    for column in numbers:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _name(track: str) -> Text:
    return Text(track, style=TRACKS[track])
