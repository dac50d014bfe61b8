"""The record of a run: one page that needs nothing but itself, and its document."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from tools.release.journal import Journal, Step
from tools.release.record import chart, document, page, write_record

BEFORE, AFTER = (
    'config:\n  canary:stableVersion: "v1"\n',
    'config:\n  canary:stableVersion: "v1"\n  canary:soak: "1h"\n',
)


def look(at: float, share: float | None, bad: int, evidence: float) -> dict[str, Any]:
    counts = {"stable": [1, 100], "canary": [bad, 50]}
    gate = {"name": "errors", "state": "inconclusive", "said": "<b>3 of 50</b>", "evidence": evidence}
    gates = [{**gate, "threshold": 100.0, "counts": counts}]
    return {"at": at, "share": share, "configured": 33.3, "canary": "v2 1/1", "failing": {}, "gates": gates}


def event(at: float, step: str, what: str) -> dict[str, Any]:
    return {"at": at, "step": step, "what": what}


def journal(**changes: Any) -> Journal:
    given: dict[str, Any] = {
        "stack": "prod",
        "plan": "plan.yaml",
        "began": 1_800_000_000,
        "actor": "<script>alert(1)</script>",
        "commits": True,
        "steps": (Step("before", BEFORE), Step("start", AFTER)),
        "step": 0,
        "harm": "gate errors: 9 of 50 & more",
        "events": (event(1_800_000_060, "start", "updated"), event(1_800_000_120, "before", "ended")),
        "looks": (look(1_800_000_070, 33.3, 0, 0.5), {"at": 1, "unseen": "no"}, look(1_800_000_090, None, 9, 120)),
    }
    return Journal(**given | changes)


class Page(HTMLParser):
    """Elements that are opened and not closed, and all that would be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.fetched, self.tags = list[str](), list[str](), list[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [str(value) for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag not in ("meta", "line", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("meta", "line", "br"):
            assert self.open.pop() == tag


def test_the_page_is_whole_has_no_script_and_fetches_nothing():
    text = page(document(journal()))
    found = Page(text)
    assert (found.open, found.fetched) == ([], [])
    assert not {"script", "link", "img", "iframe", "object"} & set(found.tags)
    assert not re.search(r"url\(|@import|https?://", text)
    assert "@media print" in text


def test_the_page_says_why_it_ended_who_asked_what_was_done_and_what_was_seen():
    text = page(document(journal()))
    for words in (
        "Run on prod: went back",
        "gate errors: 9 of 50 &amp; more",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "+  canary:soak: &quot;1h&quot;",
        "2027-01-15T08:01:00Z",
        "&lt;b&gt;3 of 50&lt;/b&gt;",
        "9 of 50",
        "fails at 100",
    ):
        assert words in text, words
    assert text.count("<svg") == 2


def test_a_run_without_gates_and_looks_has_a_page_too():
    made = document(journal(looks=(), harm=None, step=1))
    assert (made["result"], made["why"]) == ("done", "every step of the plan is done")
    assert Page(page(made)).open == []


def test_lines_of_a_chart_stay_inside_of_it():
    text = chart({"canary": [(0, 0.0), (5, 50.0), (10, 250.0)], "limit": [(0, 400), (10, 400)]}, 100)
    points = [tuple(map(float, each.split(","))) for each in re.findall(r'points="(.*?)"', text)[0].split()]
    assert all(0 <= x <= 720 and 0 <= y <= 150 for x, y in points)
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)


def test_the_record_is_written_once_whatever_is_repeated(tmp_path: Path):
    first = write_record(tmp_path / "records", journal())
    texts = [path.read_text() for path in first]
    assert write_record(tmp_path / "records", journal()) == first
    assert [path.name for path in first] == ["20270115T080000Z-prod-run.json", "20270115T080000Z-prod-run.html"]
    assert [path.read_text() for path in sorted((tmp_path / "records").iterdir(), reverse=True)] == texts
    assert json.loads(texts[0])["steps"] == [{"name": "start", "changes": ['+  canary:soak: "1h"']}]
