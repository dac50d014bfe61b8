"""Whatever GitHub and the engine answer: a right result, or one error in words."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_release.model.tree import object_at, objects_at
from tools.answers import plain
from tools.review.engine import document_of
from tools.review.github import GitHubError, Repository, comment_previews, report_drift
from tools.review.rendering import LIMIT, comment, drift

SEVERAL = settings(max_examples=200, deadline=None)
ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})
ANYTHING = st.recursive(
    ODD, lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3)
)


def fields(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects whose fields are as they should be, of another type, null, or not there."""
    return st.fixed_dictionaries({}, optional={name: value | ODD for name, value in known.items()})


PATHS = st.sampled_from(["spec", "spec.replicas", "a[0]", 'a["b.c"]', "a[99999999999]", "", "[", '["']) | st.text(
    max_size=8
)
STATE = fields(inputs=ANYTHING, outputs=ANYTHING)
STEP = fields(
    op=st.sampled_from(["same", "update", "replace", "create-replacement", "delete"]),
    urn=st.sampled_from(["urn:pulumi:dev::canary::kubernetes:apps/v1:Deployment::x", "", "::"]) | st.text(max_size=9),
    oldState=STATE,
    newState=STATE,
    detailedDiff=st.dictionaries(PATHS, ANYTHING, max_size=3),
)
DIAGNOSTIC = fields(severity=st.sampled_from(["info", "warning", "error", "info#err"]), message=st.text())
DOCUMENT = fields(
    steps=st.lists(STEP | ODD, max_size=4),
    diagnostics=st.lists(DIAGNOSTIC | ODD, max_size=4),
    duration=st.integers(),
    changeSummary=st.dictionaries(st.sampled_from(["same", "update", "create"]), st.integers() | ODD),
)
COMMENT = fields(
    id=st.integers(1, 99),
    number=st.integers(1, 99),
    user=fields(login=st.sampled_from(["github-actions[bot]", "somebody"])),
    body=st.sampled_from(["<!-- preview of stack shop/dev -->\nx", "<!-- drift of project shop -->", "", "x"]),
)


@SEVERAL
@given(document=DOCUMENT | ANYTHING, code=st.sampled_from([0, 0, 1, 255]), cut=st.none() | st.integers(0, 400))
def test_every_document_becomes_a_text_and_none_that_is_cut_off_a_good_one(document: Any, code: int, cut: int | None):
    text = json.dumps(document)[:cut]
    found = document_of(code, text, "")
    shown, drifted = comment("dev", found), drift("dev", found)
    assert shown.startswith("### dev: ")
    assert len(shown) <= LIMIT
    assert len(drifted) <= LIMIT
    is_whole = code == 0 and len(text) == len(json.dumps(document)) and isinstance(document, dict)
    if not is_whole or document.get("duration") is None:
        assert "the preview failed" in shown
        assert "not checked" in drifted


class Answers(Repository):
    """Gives out pages in place of GitHub, and keeps what is written."""

    def __init__(self, *pages: bytes) -> None:
        super().__init__("", "", "")
        object.__setattr__(self, "pages", list(pages))
        object.__setattr__(self, "written", [])

    def _request(self, method: str, path: str, fields: Any = None) -> tuple[bytes, str]:
        pages: list[bytes] = self.__dict__["pages"]
        if method == "GET":
            number = int(path.rpartition("=")[2])
            return pages[number - 1], f'<x?page={number + 1}>; rel="next"' if number < len(pages) else ""
        self.__dict__["written"].append((method, path, fields))
        return b"", ""


@SEVERAL
@given(
    pages=st.lists(st.lists(COMMENT | ODD, max_size=4) | ODD, min_size=1, max_size=3),
    cut=st.none() | st.integers(0, 40),
)
def test_every_answer_of_github_is_read_or_refused_before_anything_is_written(pages: list[Any], cut: int | None):
    texts = [json.dumps(page).encode() for page in pages]
    texts[-1] = texts[-1][:cut]
    is_whole = all(isinstance(page, list) for page in pages) and (cut is None or cut >= len(json.dumps(pages[-1])))
    own = [
        each for page in pages if isinstance(page, list) for each in page if is_own(each, "preview of stack shop/dev")
    ]
    repository = Answers(*texts)
    if is_whole:
        comment_previews(repository, "shop", 7, {"dev": "text"})
        written = [method for method, _, _ in repository.__dict__["written"]]
        assert written == (["PATCH"] * len(own) if own else ["POST"])
    else:
        with pytest.raises(GitHubError):
            comment_previews(repository, "shop", 7, {"dev": "text"})
        assert repository.__dict__["written"] == []
    try:
        report_drift(Answers(*texts), "shop", {"dev": "text"})
    except GitHubError:
        assert not is_whole


def is_own(each: Any, marker: str) -> bool:
    return (
        isinstance(each, dict)
        and type(each.get("id")) is int
        and each["id"] != 0
        and isinstance(each.get("user"), dict)
        and each["user"].get("login") == "github-actions[bot]"
        and isinstance(each.get("body"), str)
        and each["body"].startswith(f"<!-- {marker}")
    )


@SEVERAL
@given(reports=st.dictionaries(st.text("abc-", min_size=1, max_size=100), st.text(max_size=50), max_size=60))
def test_every_set_of_reports_becomes_an_issue_that_github_takes(reports: dict[str, str]):
    repository = Answers(b"[]")
    report_drift(repository, "p" * 100, {name: f"### {name}\n{text * 100}" for name, text in reports.items()})
    for _, _, written in repository.__dict__["written"]:
        assert len(written["title"]) <= 256
        assert len(written["body"]) <= 65_536
        assert all(f"### {name}" in written["body"] for name in reports)


@SEVERAL
@given(tree=ANYTHING, text=st.text(), most=st.integers(1, 50))
def test_fields_are_read_from_anything_and_text_is_of_one_line(tree: Any, text: str, most: int):
    assert isinstance(object_at(tree, "a", "b"), dict)
    assert isinstance(objects_at(tree, "a"), list)
    shown = plain(text, most)
    assert len(shown) <= most
    assert shown.isprintable()
