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

from tools.review import github
from tools.review.github import GitHubError, Repository, comment_previews, report_drift

from ..endless import endless

ROOT = Path(__file__).parents[4]


class Api(ThreadingHTTPServer):
    """Stands in for GitHub's API: comments and issues of one repository, in pages, for a token."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self.answer: tuple[int, dict[str, str], bytes] | None = None
        """Status, headers and body of every answer; None for those of GitHub."""
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, to: list[dict[str, Any]], body: str, login: str = "github-actions[bot]", **fields: Any) -> None:
        number = len(self.comments) + len(self.issues) + 1
        to.append({"id": number, "number": number, "state": "open", "user": {"login": login}, "body": body, **fields})


class Handler(BaseHTTPRequestHandler):
    server: Api  # pyright: ignore[reportIncompatibleVariableOverride]

    def answer(self, code: int, value: Any, **headers: str) -> None:
        code, headers, body = self.server.answer or (code, headers, json.dumps(value).encode())
        self.send_response(code)
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        del format, args

    def do_GET(self) -> None:
        found = re.fullmatch(
            r"/repos/team/shop/(issues/7/comments|issues)\?(state=open&)?per_page=100&page=(\d+)", self.path
        )
        if not found or self.headers["Authorization"] != "Bearer the-token":
            self.answer(404, {"message": "Not Found"})
            return
        listed = self.server.comments if "comments" in found[1] else self.server.issues
        listed = [each for each in listed if not found[2] or each["state"] == "open"]
        # GitHub may give fewer than it was asked for.
        size, page = 60, int(found[3])
        following = f'<{self.server.url}{self.path[: -len(found[3])]}{page + 1}>; rel="next", <x>; rel="last"'
        links = {"Link": following} if page * size < len(listed) else {}
        self.answer(200, listed[(page - 1) * size : page * size], **links)

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
        "GITHUB_API_URL": api.url,
        "GITHUB_REPOSITORY": "team/shop",
        "GITHUB_TOKEN": "the-token",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_RUN_ID": "12",
        **variables,
    }
    command = [sys.executable, "-S", "-m", "tools.review", *arguments]
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
    assert bodies(api)[150:] == [
        "<!-- preview of stack canary/dev -->\nthree\n",
        "<!-- preview of stack canary/prod -->\ntwo\n",
    ]


def test_a_comment_of_somebody_else_is_never_edited(api: Api, tmp_path: Path):
    api.add(api.comments, "<!-- preview of stack canary/dev -->\nmine", "somebody")
    post(api, tmp_path, dev="one\n")
    assert bodies(api) == ["<!-- preview of stack canary/dev -->\nmine", "<!-- preview of stack canary/dev -->\none\n"]


def test_a_stack_that_is_no_longer_touched_keeps_no_old_preview(api: Api, tmp_path: Path):
    post(api, tmp_path, dev="one\n")
    post(api, tmp_path)
    gone = "This pull request no longer touches the stack whose preview stood here.\n"
    assert bodies(api) == [f"<!-- preview of stack canary/dev -->\n{gone}"]


def test_a_job_that_left_no_preview_is_told_with_its_address(api: Api, tmp_path: Path):
    post(api, tmp_path, dev="one\n")
    post(api, tmp_path, dev=None)
    assert bodies(api) == [
        "<!-- preview of stack canary/dev -->\n"
        "### dev: its job ended without a result: https://github.com/team/shop/actions/runs/12\n"
    ]


def test_drift_is_one_issue_from_the_first_report_to_the_last(api: Api, tmp_path: Path):
    def report(**reports: str | None) -> dict[str, Any]:
        write(tmp_path, reports)
        done = run(api, "report", "--stacks", json.dumps(list(reports)), str(tmp_path))
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return api.issues[-1] if api.issues else {}

    api.add(api.issues, "<!-- drift of project canary -->\nsomebody's own", "somebody", title="Mine")
    assert report(dev="", prod="")["title"] == "Mine"
    issue = report(dev="### dev: 1\n", prod="")
    assert (issue["title"], issue["body"]) == ("Drift of canary: dev", "<!-- drift of project canary -->\n### dev: 1\n")
    assert report(dev="### dev: 2\n", prod="### prod: 1\n") is issue
    assert (issue["title"], issue["body"]) == (
        "Drift of canary: dev, prod",
        "<!-- drift of project canary -->\n### dev: 2\n\n### prod: 1\n",
    )
    assert "### prod: its job ended without a result" in report(dev="", prod=None)["body"]
    assert report(dev="", prod="")["state"] == "closed"
    assert report(dev="### dev: 3\n", prod="") is not issue
    assert [each["state"] for each in api.issues] == ["open", "closed", "open"]


def repository(api: Api) -> Repository:
    return Repository(api.url, "team/shop", "the-token")


def test_a_text_of_an_author_who_is_deleted_is_skipped(api: Api):
    deleted = [{"id": 1, "user": None, "body": "x"}, {"id": 2, "body": None}, {"body": 5}, {"body": "x"}]
    api.comments += deleted
    api.issues += [{"number": 3, "user": None, "body": "x", "state": "open"}]
    comment_previews(repository(api), "canary", 7, {"dev": "one"})
    report_drift(repository(api), "canary", {"dev": "one"})
    assert bodies(api)[len(deleted) :] == ["<!-- preview of stack canary/dev -->\none"]
    assert [each["body"] for each in api.issues[1:]] == ["<!-- drift of project canary -->\none"]


def test_two_projects_with_a_stack_of_one_name_have_a_comment_and_an_issue_each(api: Api):
    for project in ("canary", "canary-web", "canary"):
        comment_previews(repository(api), project, 7, {"prod": project})
        report_drift(repository(api), project, {"prod": project})
    assert bodies(api) == [
        "<!-- preview of stack canary/prod -->\ncanary",
        "<!-- preview of stack canary-web/prod -->\ncanary-web",
    ]
    assert [each["title"] for each in api.issues] == ["Drift of canary: prod", "Drift of canary-web: prod"]


@pytest.mark.parametrize("stacks", [25, 500])
def test_many_stacks_that_drift_have_a_title_that_github_takes_and_all_their_names_in_the_body(api: Api, stacks: int):
    names = [f"{number:04}-stack-of-eu" for number in range(stacks)]
    report_drift(repository(api), "canary", {name: f"### {name}: 1\n" for name in names})
    [issue] = api.issues
    assert issue["title"] == f"Drift of {stacks} stacks of canary"
    assert [name for name in names if f"### {name}: 1" not in issue["body"]] == []


def test_an_issue_that_is_too_long_for_github_has_the_beginning_of_each_report(api: Api):
    names = [f"{number:02}" for number in range(40)]
    report_drift(repository(api), "canary", {name: f"### {name}: 1\n" + "line\n" * 12_000 for name in names})
    [issue] = api.issues
    assert len(issue["body"]) < 65_536
    assert re.findall(r"^### (\d\d)", issue["body"], re.MULTILINE) == names


@pytest.mark.parametrize("text", [b"x" * 3_000_000, b"\xff\xfe" * 50_000, b"\n" * 100_000])
def test_whatever_a_job_left_becomes_a_comment_that_github_takes(api: Api, tmp_path: Path, text: bytes):
    (tmp_path / "dev.md").write_bytes(text)
    done = run(api, "post", "--pull-request", "7", "--stacks", '["dev"]', str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert len(bodies(api)[0]) < 65_536


def test_a_folder_in_place_of_a_preview_is_a_job_without_a_result(api: Api, tmp_path: Path):
    (tmp_path / "dev.md").mkdir()
    assert run(api, "post", "--pull-request", "7", "--stacks", '["dev"]', str(tmp_path)).returncode == 0
    assert "its job ended without a result" in bodies(api)[0]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"GITHUB_REPOSITORY": "team/other"}, "404 Not Found: Not Found"),
        ({"GITHUB_TOKEN": "another"}, "404 Not Found: Not Found"),
        ({"GITHUB_API_URL": "http://127.0.0.1:1"}, "<urlopen error [Errno 111] Connection refused>"),
        (
            {"GITHUB_API_URL": "nonsense"},
            "unknown url type: 'nonsense/repos/team/shop/issues/7/comments?per_page=100&page=1'",
        ),
    ],
)
def test_what_github_does_not_take_is_an_error_in_words(
    api: Api, tmp_path: Path, variables: dict[str, str], reason: str
):
    done = run(api, "post", "--pull-request", "7", "--stacks", '["dev"]', str(tmp_path), **variables)
    request = "GET issues/7/comments?per_page=100&page=1"
    assert (done.returncode, done.stderr) == (1, f"error: the request to GitHub failed: {request}: {reason}\n")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((200, {}, b'[{"id": 1}, {"id"'), "is no list in JSON, or cut off"),
        ((200, {}, b'{"message": "come back"}'), "is no list in JSON, or cut off"),
        ((200, {}, b""), "is no list in JSON, or cut off"),
        ((200, {}, b"[" * 99_999), "is no list in JSON, or cut off"),
        ((200, {"Link": '<http://x?page=1>; rel="next"'}, b"[]"), "after page 1 comes page 1"),
        ((301, {"Location": "http://127.0.0.1:1/"}, b""), "301 Moved Permanently"),
        ((422, {}, b'{"message": "Validation Failed"}'), "422 Unprocessable Entity: Validation Failed"),
        ((500, {}, b"\xff<html>" * 9_999), "500 Internal Server Error"),
    ],
)
def test_an_answer_that_is_not_whole_makes_no_second_comment(
    api: Api, answer: tuple[int, dict[str, str], bytes], reason: str
):
    api.answer = answer
    with pytest.raises(GitHubError, match=reason):
        comment_previews(repository(api), "canary", 7, {"dev": "one"})
    assert bodies(api) == []


def test_a_redirect_is_not_followed_so_that_nothing_looks_written(api: Api):
    api.answer = 302, {"Location": f"{api.url}/repos/team/shop/issues"}, b""
    with pytest.raises(GitHubError, match="POST issues: 302"):
        repository(api).write("POST", "issues", {"title": "x", "body": "x"})


def test_what_github_says_of_a_text_that_it_took_does_not_matter(api: Api):
    api.answer = 201, {}, b"no JSON"
    repository(api).write("POST", "issues", {"title": "x", "body": "x"})
    assert len(api.issues) == 1


def test_an_answer_that_never_ends_is_an_error_in_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(github, "SECONDS", 0.3)
    with endless() as url, pytest.raises(GitHubError, match=r"no whole answer within 0\.3 s"):
        comment_previews(Repository(url, "team/shop", "x"), "canary", 7, {"dev": "one"})


def test_a_missing_variable_is_named(tmp_path: Path):
    command = [sys.executable, "-S", "-m", "tools.review", "report", "--stacks", "[]", str(tmp_path)]
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
