"""The record of a run that has ended: a JSON file, and one page that needs nothing but itself."""

import difflib
import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from canary_release.model.moment import moment

from .journal import Journal, write_whole

WIDTH, HEIGHT, LEFT = 720, 130, 56
"""Of the lines in a chart; names of values and times stand left and below."""
MOST_ROWS = 60
"""Of one gate: the page is printed."""
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 760px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.4em; } h2 { font-size: 1.05em; margin: 1.8em 0 .3em; }
table { border-collapse: collapse; width: 100%; font-size: .9em; }
td, th { text-align: left; vertical-align: top; padding: .2em .8em .2em 0; border-bottom: 1px solid #d6dae0; }
pre { white-space: pre-wrap; margin: 0; } .why { border-left: 4px solid #b3261e; padding-left: .8em; }
svg { width: 100%; height: auto; } text { font: 11px system-ui, sans-serif; } polyline { fill: none; stroke-width: 2; }
.line0 { stroke: #b25e00; color: #b25e00; } .line1 { stroke: #6b7280; color: #6b7280; stroke-dasharray: 5 4; }
@media print { body { margin: 0; max-width: none; } tr, svg, pre { break-inside: avoid; } }
"""


def write_record(folder: Path, journal: Journal) -> list[Path]:
    """Writes JSON file and page of a run that has ended; the names sort by time, and do not change."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(journal.began))
    made = document(journal)
    texts = {".json": json.dumps(made, indent=2, ensure_ascii=False) + "\n", ".html": page(made)}
    paths = [folder / f"{stamp}-{journal.stack}-run{suffix}" for suffix in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        write_whole(path, text)
    return paths


def document(journal: Journal) -> dict[str, Any]:
    """What is known of the run."""
    pairs = zip(journal.steps, journal.steps[1:], strict=False)
    return {
        "schema": 1,
        "stack": journal.stack,
        "plan": journal.plan,
        "actor": journal.actor,
        "startedAt": moment(journal.began),
        "endedAt": moment(max((each["at"] for each in journal.events), default=journal.began)),
        "result": "done" if journal.harm is None else "went back",
        "why": journal.harm or "every step of the plan is done",
        "steps": [{"name": now.name, "changes": _changes(before.text, now.text)} for before, now in pairs],
        "events": [{**each, "at": moment(each["at"])} for each in journal.events],
        "looks": list(journal.looks),
    }


def page(made: Mapping[str, Any]) -> str:
    """The record for people: no script, and nothing from elsewhere."""
    title = escape(f"Run on {made['stack']}: {made['result']}")
    facts = {"plan": "plan", "asked for by": "actor", "began": "startedAt", "ended": "endedAt"}
    looks = [each for each in made["looks"] if "share" in each]
    shares = [(each["at"], each["share"]) for each in looks if each["share"] is not None]
    gates = dict.fromkeys(gate["name"] for each in looks for gate in each["gates"])
    body = [
        f'<h1>{title}</h1><pre class="why">{escape(made["why"])}</pre>',
        _table([], [(name, made[key]) for name, key in facts.items()]),
        "<h2>Share of the canary, in percent</h2>",
        chart({"canary": shares, "configured": [(each["at"], each["configured"]) for each in looks]}, 100),
        *(part for name in gates for part in _gate(name, looks)),
        "<h2>Steps</h2>",
        _table(["step", "changes"], [(each["name"], "\n".join(each["changes"])) for each in made["steps"]]),
        "<h2>What happened</h2>",
        _table(["UTC", "step", ""], [tuple(each.values()) for each in made["events"]]),
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    lines = "\n".join(body)
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head><body>\n{lines}\n</body></html>\n'
    )


def chart(series: Mapping[str, Sequence[tuple[float, float]]], top: float) -> str:
    """Values over time as lines, from 0 to `top` at least. The second one is dashed."""
    points = [point for each in series.values() for point in each]
    if not points:
        return "<p>Nothing was seen.</p>"
    first, last = min(at for at, _ in points), max(at for at, _ in points)
    highest, drawn, legend = max(top, *(value for _, value in points)), list[str](), list[str]()

    def y(value: float) -> float:
        return 12 + (HEIGHT - 12) * (1 - value / highest)

    for number, (name, found) in enumerate(series.items()):
        places = ((LEFT + (WIDTH - LEFT) * (at - first) / ((last - first) or 1), y(value)) for at, value in found)
        line = " ".join(f"{x:.1f},{place:.1f}" for x, place in places)
        drawn.append(f'<polyline class="line{number}" points="{line}"/>')
        legend.append(f'<span class="line{number}">━</span> {escape(name)}')
    for value in (0, highest):
        drawn.append(f'<text x="{LEFT - 6}" y="{y(value):.1f}" text-anchor="end">{value:.4g}</text>')
    for x, at, anchor in ((LEFT, first, "start"), (WIDTH, last, "end")):
        drawn.append(f'<text x="{x}" y="{HEIGHT + 14}" text-anchor="{anchor}">{moment(at)[11:19]} UTC</text>')
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT + 20}" role="img">{"".join(drawn)}</svg><p>{" ".join(legend)}</p>'


def _gate(name: str, looks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What a gate said: its evidence over time, and the requests of each track where they have changed."""
    seen = [(each["at"], gate) for each in looks for gate in each["gates"] if gate["name"] == name]
    last = seen[-1][1]
    yield f"<h2>Gate {escape(name)}: {escape(last['state'])}</h2><p>{escape(last['said'])}</p>"
    if evidence := [(at, gate["evidence"]) for at, gate in seen if gate["evidence"] is not None]:
        limit = {f"fails at {limit:.4g}": [(at, limit) for at, _ in evidence]} if (limit := last["threshold"]) else {}
        yield chart({"evidence": evidence, **limit}, 1)
    rows: dict[tuple[str, ...], tuple[str, ...]] = {}
    for at, gate in seen:
        if counts := gate["counts"]:
            cells = tuple("{} of {}".format(*counts[each]) if each in counts else "" for each in ("stable", "canary"))
            rows.setdefault(cells, (moment(at), *cells, gate["state"]))
    if told := list(rows.values()):
        shown = [*told[: -1 : math.ceil(len(told) / MOST_ROWS)], told[-1]]
        yield _table(["UTC", "stable: bad of all", "canary: bad of all", "state"], shown)


def _changes(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    titles = "".join(f"<th>{escape(each)}</th>" for each in head)
    cells = ("".join(f"<td><pre>{escape(str(cell))}</pre></td>" for cell in row) for row in rows)
    return f"<table><tr>{titles}</tr>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"
