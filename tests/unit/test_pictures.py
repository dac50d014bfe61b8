"""The pictures are what the model says."""

import re
from html import unescape
from itertools import groupby

from rich.text import Text

from canary_release.model.parsing import Parsed, parse
from canary_release.model.release import Release
from canary_release.model.share import percentage
from docs.pictures.draw import FIRST, FOLDER, MANIFEST, STEPS, pictures
from docs.pictures.record import drawn

RECORDED = (FOLDER / "watch.svg").read_text()
LINE = 24.4
"""How far apart the lines of a recorded screen stand."""


def screens() -> list[str]:
    """The text of each recorded screen."""
    height = re.search(r'viewBox="\S+ \S+ \S+ ([\d.]+)"', RECORDED)
    assert height
    lines = round(float(height[1]) / LINE)
    rows: dict[int, str] = {}
    for left, top, text in re.findall(r'<text[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', RECORDED):
        row = round((float(top) - 20) / LINE)
        rows[row] = rows.get(row, "").ljust(round(float(left) / 12.2)) + unescape(text).replace("\xa0", " ")
    numbers = range(0, max(rows) + 1, lines)
    return ["\n".join(rows.get(row, "") for row in range(first, first + lines - 1)) for first in numbers]


def releases() -> list[Release]:
    """The release after each step."""
    args, found = dict(FIRST), list[Release]()
    for step in STEPS:
        args |= step
        parsed = parse({"manifest": str(MANIFEST), **args})
        assert isinstance(parsed, Parsed)
        found.append(parsed.release)
    return found


def test_the_pictures_are_those_that_the_script_draws():
    drawn = pictures()
    assert {path.name for path in FOLDER.glob("*.svg")} == {*drawn, "watch.svg"}
    different = [name for name, text in drawn.items() if (FOLDER / name).read_text() != text]
    assert different == [], ".venv/bin/python -m docs.pictures.draw writes them anew"


def test_the_recorded_watch_has_the_form_that_the_script_draws():
    form = re.compile(r"<style>.*?</style>|<text.*?</text>", re.DOTALL)
    assert form.sub("", RECORDED) == form.sub("", drawn([Text(screen) for screen in screens()]))


def test_the_recorded_watch_goes_through_the_releases_of_the_picture_and_ends_as_configured():
    configured = [re.findall(r"^configured .* (\d+\.\d %)", screen, re.MULTILINE)[0] for screen in screens()]
    assert [share for share, _ in groupby(configured)] == [percentage(each.canary_share) for each in releases()]
    last, rows = releases()[-1], [line.split() for line in screens()[-1].splitlines()]
    assert last.canary
    for name, track in {"stable": last.stable, "canary": last.canary}.items():
        count = str(track.replicas)
        assert [name, track.version, count, count, "0", "0"] in [row[:6] for row in rows]
    assert ["as", "configured"] in rows


def test_the_recorded_watch_names_no_machine():
    assert not re.search(r"https?://(?!www\.w3\.org/)|/(root|home|work|tmp|usr)\b|localhost|127\.0", RECORDED)
