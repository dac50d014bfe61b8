"""What is seen of a release, as a picture that fits a terminal of 80 columns."""

from rich import box
from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from canary_release.model.release import Release
from canary_release.model.share import percentage

from ..answers import plain
from .glance import MOST_CHARACTERS, Glance, shown_latencies, shown_share
from .picture import Picture
from .traffic import Traffic

COLOURS = {"stable": "cyan", "canary": "yellow"}


def frame(glance: Glance) -> RenderableType:
    """The whole picture."""
    target, picture, traffic = glance.target, glance.picture, glance.traffic
    where = f"  stack {target.stack}, context {target.context}, {glance.at:%H:%M:%S}"
    title = Text.assemble((target.release.name, "bold"), f" in {target.release.namespace}", (where, "dim"))
    # What a low terminal cuts off stands last.
    told = [Text(plain(text, MOST_CHARACTERS), style="red") for text in glance.mismatches]
    told = told or [Text("as configured", style="bold green")]
    told += [Text(plain(f"{name}: {text}", MOST_CHARACTERS)) for name, text in picture.failing.items()]
    told += map(Text, target.unknown)
    if glance.note:
        told.insert(0, Text(glance.note, style="bold red"))
    answers = [_traffic(traffic), ""] if traffic else []
    return Group(title, "", _tracks(picture), "", _shares(picture, traffic, target.release), "", *answers, *told)


def _tracks(picture: Picture) -> Table:
    table = _table("desired", "ready", "unready", "restarts", "age")
    for track in (picture.stable, picture.canary):
        counts = [str(count) for count in (track.desired, track.ready, track.unready, track.restarts)]
        row = [Text(track.version or "none"), *counts, shown_age(track.age_seconds)]
        table.add_row(_name(track.name), *row, style="" if track.version or track.pods else "dim")
    return table


def shown_age(seconds: int | None) -> str:
    """An age in its largest whole unit, `5m`, or a dash if there is none."""
    if seconds is None:
        return "-"
    units = {"d": 86400, "h": 3600, "m": 60}
    return next((f"{seconds // length}{unit}" for unit, length in units.items() if seconds >= length), f"{seconds}s")


def _shares(picture: Picture, traffic: Traffic | None, release: Release) -> Table:
    name, number = Column(max_width=22, no_wrap=True), Column(justify="right", width=7)
    table = Table.grid(name, "", number, "", padding=(0, 2, 0, 0))
    table.add_row(Text("canary's share", style="bold"))
    table.add_row("configured", _bar(release.canary_share), percentage(release.canary_share))
    for share in picture.shares:
        of = Text(share.of.removeprefix("ready endpoints of "))
        table.add_row(of, _bar(share.percent), shown_share(share.percent), f"{share.canary} of {share.total}")
    if traffic:
        bounds = "{:.1f} to {:.1f} at 99 %".format(*traffic.interval) if traffic.interval else ""
        table.add_row("answers", _bar(traffic.canary_share), shown_share(traffic.canary_share), bounds)
    return table


def _bar(share: float | None) -> ProgressBar:
    canary, stable = COLOURS["canary"], COLOURS["stable"]
    completed = round(share or 0, 1)  # two equal shares have equal bars
    return ProgressBar(completed=completed, width=22, complete_style=canary, finished_style=canary, style=stable)


def _traffic(traffic: Traffic) -> Table:
    table = _table("answers", "errors", "p50 ms", "p95 ms", "p99 ms")
    for name, track in (("stable", traffic.stable), ("canary", traffic.canary)):
        if track.version:
            counts = [str(track.answers), str(track.errors), *shown_latencies(track)]
            table.add_row(_name(name), Text(track.version), *counts)
    return table


def _table(*numbers: str) -> Table:
    version = Column("version", max_width=16, no_wrap=True)
    columns = [Column(name, justify="right", no_wrap=True) for name in numbers]
    return Table("track", version, *columns, box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False)


def _name(track: str) -> Text:
    return Text(track, style=COLOURS[track])
