"""Comments and issues of one repository on GitHub: made once, then edited in place.

Only with Python's own library: the job that may write on GitHub installs no package.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, cast
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ..answers import in_time, parsed, plain
from .rendering import LIMIT, cut
from .tree import number_at, text_at

AUTHOR = "github-actions[bot]"
"""Who writes with the token of a workflow; texts of others are never edited."""
PREVIEW, DRIFT = "<!-- preview of stack {}/{} -->", "<!-- drift of project {} -->"
"""First lines, by which the next run finds what it wrote. A repository may have several projects."""
MOST_TITLE = 256
"""Characters that GitHub takes as a title."""
MOST_BYTES = 50_000_000
"""Of one answer: 100 texts of the greatest length, and what GitHub says about each."""
SECONDS = 60
"""How long one request may take in all."""
NEXT = re.compile(r'<[^>]*[?&]page=(\d+)[^>]*>;\s*rel="next"')


class GitHubError(Exception):
    """A request to GitHub failed; the text says which and why."""


class _NoRedirect(HTTPRedirectHandler):
    """Followed, a request that writes would become one that reads, and the token would go to another server."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Returns None, so that a redirect is an error."""


@dataclass(frozen=True)
class Repository:
    """A repository, reached through the API. Raises `GitHubError` if a request fails."""

    api: str
    name: str
    token: str

    def write(self, method: str, path: str, fields: Mapping[str, Any]) -> None:
        """Makes or edits what is at a path of the repository."""
        self._request(method, path, fields)

    def own(self, path: str, key: str, beginning: str) -> Iterator[tuple[int, str]]:
        """Key and first line of the comments or issues under a path that a workflow wrote with this beginning."""
        page = 1
        while page:
            body, links = self._request("GET", f"{path}per_page=100&page={page}")
            if not isinstance(listed := _parsed(body), list):
                raise GitHubError(f"GET {path}: the answer is no list in JSON, or cut off")
            for each in cast(list[Any], listed):
                number, text = number_at(each, key), text_at(each, "body")
                if number and text_at(each, "user", "login") == AUTHOR and text.startswith(beginning):
                    yield number, text.splitlines()[0]
            # A page may be short and not be the last.
            following = NEXT.search(links)
            page, before = int(following[1]) if following else 0, page
            if 0 < page <= before:
                raise GitHubError(f"GET {path}: after page {before} comes page {page}")

    def _request(self, method: str, path: str, fields: Mapping[str, Any] | None = None) -> tuple[bytes, str]:
        """Body and links of an answer."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json"}
        data = None if fields is None else json.dumps(fields).encode()

        def answer() -> tuple[bytes, str]:
            request = Request(f"{self.api}/repos/{self.name}/{path}", data, headers, method=method)
            try:
                with build_opener(_NoRedirect).open(request, timeout=SECONDS) as response:
                    return response.read(MOST_BYTES), response.headers.get("Link") or ""
            except HTTPError as error:
                with error:
                    told = text_at(_parsed(error.read(MOST_BYTES)), "message")
                    raise GitHubError(f"{error.code} {error.reason}: {told}".rstrip(": ")) from error

        try:
            return in_time(SECONDS, answer)
        except (GitHubError, OSError, HTTPException, ValueError) as error:
            raise GitHubError(f"{method} {path}: {plain(str(error) or type(error).__name__, 500)}") from error


def _parsed(body: bytes) -> Any:
    try:
        return parsed(body)
    except ValueError:
        return None


def comment_previews(repository: Repository, project: str, pull_request: int, previews: Mapping[str, str]) -> None:
    """One comment for each stack, by the stack's name; that of a stack which is no longer touched says so."""
    comments = f"issues/{pull_request}/comments"
    beginning = PREVIEW.format(project, "{}").partition("{}")[0]
    wanted = {PREVIEW.format(project, stack): text for stack, text in previews.items()}
    written = list(repository.own(f"{comments}?", "id", beginning))
    for number, marker in written:
        text = wanted.get(marker, "This pull request no longer touches the stack whose preview stood here.\n")
        repository.write("PATCH", f"issues/comments/{number}", {"body": f"{marker}\n{cut(text, LIMIT)}"})
    for marker in [each for each in wanted if each not in {marker for _, marker in written}]:
        repository.write("POST", comments, {"body": f"{marker}\n{cut(wanted[marker], LIMIT)}"})


def report_drift(repository: Repository, project: str, reports: Mapping[str, str]) -> None:
    """One open issue for all stacks, by the stack's name; closed as soon as no report has text."""
    drifted = {stack: text for stack, text in reports.items() if text.strip()}
    marker, title = DRIFT.format(project), f"Drift of {project}: {', '.join(drifted)}"
    if len(title) > MOST_TITLE:
        title = plain(f"Drift of {len(drifted)} stacks of {project}", MOST_TITLE)
    # Each has a share of the room, so that none is lost.
    room = LIMIT // max(1, len(drifted)) - 50
    body = cut("\n".join([marker, *(cut(text, room) for text in drifted.values())]), LIMIT)
    issue = next(repository.own("issues?state=open&", "number", marker), None)
    if issue:
        content = {"title": title, "body": body} if drifted else {"state": "closed", "state_reason": "completed"}
        repository.write("PATCH", f"issues/{issue[0]}", content)
    elif drifted:
        repository.write("POST", "issues", {"title": title, "body": body})
