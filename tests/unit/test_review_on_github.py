"""Comments and issues, written to an API on this machine that stands in for GitHub's."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from review.github import Repository, report_drift

from .conftest import ROOT


class Api(ThreadingHTTPServer):
    """Stands in for GitHub's API: comments and issues of one repository, in pages, for a token."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    def add(self, to: list[dict[str, Any]], body: str, login: str = "github-actions[bot]", **fields: Any) -> None:
        number = len(self.comments) + len(self.issues) + 1
        to.append({"id": number, "number": number, "state": "open", "user": {"login": login}, "body": body, **fields})


class Handler(BaseHTTPRequestHandler):
    server: Api  # pyright: ignore[reportIncompatibleVariableOverride]

    def answer(self, code: int, value: Any) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def do_GET(self) -> None:
        found = re.fullmatch(
            r"/repos/team/shop/(issues/7/comments|issues)\?(state=open&)?per_page=(\d+)&page=(\d+)", self.path
        )
        if not found or self.headers["Authorization"] != "Bearer the-token":
            self.answer(404, {"message": "Not Found"})
            return
        listed = self.server.comments if "comments" in found[1] else self.server.issues
        listed = [each for each in listed if not found[2] or each["state"] == "open"]
        size, page = int(found[3]), int(found[4])
        self.answer(200, listed[(page - 1) * size : page * size])

    def do_POST(self) -> None:
        fields = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kinds = {
            "/repos/team/shop/issues/7/comments": self.server.comments,
            "/repos/team/shop/issues": self.server.issues,
        }
        if self.path not in kinds:
            self.answer(404, {"message": "Not Found"})
            return
        self.server.add(kinds[self.path], **fields)
        self.answer(201, {})

    def do_PATCH(self) -> None:
        fields = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        number = int(self.path.rpartition("/")[2])
        listed = self.server.comments if "comments" in self.path else self.server.issues
        next(each for each in listed if each["id"] == number).update(fields)
        self.answer(200, {})


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(api: Api, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "GITHUB_API_URL": f"http://127.0.0.1:{api.server_port}",
        "GITHUB_REPOSITORY": "team/shop",
        "GITHUB_TOKEN": "the-token",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_RUN_ID": "12",
        **variables,
    }
    command = [sys.executable, "-m", "review", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def post(api: Api, folder: Path, **previews: str | None) -> None:
    """What the workflow does on a pull request that touches the stacks; None: the job left no preview."""
    write(folder, previews)
    done = run(api, "post", "--pull-request", "7", "--stacks", json.dumps(list(previews)), str(folder))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def write(folder: Path, texts: dict[str, str | None]) -> None:
    for stack, text in texts.items():
        (folder / f"{stack}.md").unlink(missing_ok=True)
        if text is not None:
            (folder / f"{stack}.md").write_text(text)


def bodies(api: Api) -> list[str]:
    return [each["body"] for each in api.comments]


def test_each_stack_has_one_comment_that_is_edited_in_place(api: Api, tmp_path: Path):
    for number in range(150):
        api.add(api.comments, f"remark {number}", "somebody")
    post(api, tmp_path, dev="one\n", prod="two\n")
    post(api, tmp_path, dev="three\n", prod="two\n")
    assert bodies(api)[150:] == ["<!-- preview of stack dev -->\nthree\n", "<!-- preview of stack prod -->\ntwo\n"]


def test_a_comment_of_somebody_else_is_never_edited(api: Api, tmp_path: Path):
    api.add(api.comments, "<!-- preview of stack dev -->\nmine", "somebody")
    post(api, tmp_path, dev="one\n")
    assert bodies(api) == ["<!-- preview of stack dev -->\nmine", "<!-- preview of stack dev -->\none\n"]


def test_a_stack_that_is_no_longer_touched_keeps_no_old_preview(api: Api, tmp_path: Path):
    post(api, tmp_path, dev="one\n")
    post(api, tmp_path)
    assert bodies(api) == [
        "<!-- preview of stack dev -->\nThis pull request no longer touches the stack whose preview stood here.\n"
    ]


def test_a_job_that_left_no_preview_is_told_with_its_address(api: Api, tmp_path: Path):
    post(api, tmp_path, dev="one\n")
    post(api, tmp_path, dev=None)
    assert bodies(api) == [
        "<!-- preview of stack dev -->\n"
        "### dev: its job ended without a result: https://github.com/team/shop/actions/runs/12\n"
    ]


def test_drift_is_one_issue_from_the_first_report_to_the_last(api: Api, tmp_path: Path):
    def report(**reports: str | None) -> dict[str, Any]:
        write(tmp_path, reports)
        done = run(api, "report", "--stacks", json.dumps(list(reports)), str(tmp_path))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return api.issues[-1] if api.issues else {}

    api.add(api.issues, "<!-- drift -->\nsomebody's own", "somebody", title="Mine")
    assert report(dev="", prod="")["title"] == "Mine"
    issue = report(dev="### dev: 1\n", prod="")
    assert (issue["title"], issue["body"]) == ("Drift: dev", "<!-- drift -->\n### dev: 1\n")
    assert report(dev="### dev: 2\n", prod="### prod: 1\n") is issue
    assert (issue["title"], issue["body"]) == ("Drift: dev, prod", "<!-- drift -->\n### dev: 2\n\n### prod: 1\n")
    assert "### prod: its job ended without a result" in report(dev="", prod=None)["body"]
    assert report(dev="", prod="")["state"] == "closed"
    assert report(dev="### dev: 3\n", prod="") is not issue
    assert [each["state"] for each in api.issues] == ["open", "closed", "open"]


def test_an_issue_that_is_too_long_for_github_is_cut(api: Api):
    repository = Repository(f"http://127.0.0.1:{api.server_port}", "team/shop", "the-token")
    report_drift(repository, {stack: "line\n" * 12_000 for stack in ("dev", "staging", "prod")})
    assert len(api.issues[0]["body"]) < 65_536


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"GITHUB_REPOSITORY": "team/other"}, "HTTP Error 404: Not Found"),
        ({"GITHUB_TOKEN": "another"}, "HTTP Error 404: Not Found"),
        ({"GITHUB_API_URL": "http://127.0.0.1:1"}, "<urlopen error [Errno 111] Connection refused>"),
    ],
)
def test_what_github_does_not_take_is_an_error_in_words(
    api: Api, tmp_path: Path, variables: dict[str, str], reason: str
):
    done = run(api, "post", "--pull-request", "7", "--stacks", '["dev"]', str(tmp_path), **variables)
    assert (done.returncode, done.stderr) == (1, f"error: the request to GitHub failed: {reason}\n")


def test_a_missing_variable_is_named(tmp_path: Path):
    command = [sys.executable, "-m", "review", "report", "--stacks", "[]", str(tmp_path)]
    environment = {"PATH": os.environ["PATH"], "GITHUB_API_URL": "http://127.0.0.1:1", "GITHUB_REPOSITORY": "team/shop"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr.startswith("error: GITHUB_TOKEN is not set")) == (1, True)


@pytest.mark.parametrize("stacks", ["nonsense", "", '"dev"', '{"dev": 1}', '["dev", 1]', "5"])
def test_stacks_that_are_no_json_list_are_refused_with_an_example(api: Api, tmp_path: Path, stacks: str):
    done = run(api, "report", "--stacks", stacks, str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.endswith(
        f'error: argument --stacks: {stacks!r} is no JSON list of stacks, such as \'["dev", "prod"]\'\n'
    )
