"""Comments and issues of one repository on GitHub: made once, then edited in place."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

from .rendering import LIMIT, cut

AUTHOR = "github-actions[bot]"
"""Who writes with the token of a workflow; texts of others are never edited."""
PREVIEW, DRIFT = "<!-- preview of stack {} -->", "<!-- drift -->"
"""First lines, by which the next run finds what it wrote."""
PAGE = 100
TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Repository:
    """A repository, reached through the API. Raises `OSError` if a request fails."""

    api: str
    name: str
    token: str

    def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json"}
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.api}/repos/{self.name}/{path}"
        with urlopen(Request(url, data, headers, method=method), timeout=TIMEOUT_SECONDS) as response:
            return json.load(response)

    def own(self, path: str, beginning: str) -> Iterator[dict[str, Any]]:
        """The comments or issues under a path that a workflow wrote with this beginning."""
        page = 1
        while True:
            found: list[dict[str, Any]] = self.request("GET", f"{path}per_page={PAGE}&page={page}")
            for each in found:
                if each["user"]["login"] == AUTHOR and (each["body"] or "").startswith(beginning):
                    yield each
            if len(found) < PAGE:
                return
            page += 1


def comment_previews(repository: Repository, pull_request: int, previews: Mapping[str, str]) -> None:
    """One comment for each stack, by the stack's name; that of a stack which is no longer touched says so."""
    comments = f"issues/{pull_request}/comments"
    written = {
        each["body"].splitlines()[0]: each["id"] for each in repository.own(f"{comments}?", PREVIEW.partition("{}")[0])
    }
    wanted = {PREVIEW.format(stack): text for stack, text in previews.items()}
    for marker in {**written, **wanted}:
        text = wanted.get(marker, "This pull request no longer touches the stack whose preview stood here.\n")
        if marker in written:
            repository.request("PATCH", f"issues/comments/{written[marker]}", {"body": f"{marker}\n{text}"})
        else:
            repository.request("POST", comments, {"body": f"{marker}\n{text}"})


def report_drift(repository: Repository, reports: Mapping[str, str]) -> None:
    """One open issue for all stacks, by the stack's name; closed as soon as no report has text."""
    drifted = {stack: text for stack, text in reports.items() if text.strip()}
    content = {"title": f"Drift: {', '.join(drifted)}", "body": cut("\n".join([DRIFT, *drifted.values()]), LIMIT)}
    issue = next(repository.own("issues?state=open&", DRIFT), None)
    if issue:
        change = content if drifted else {"state": "closed", "state_reason": "completed"}
        repository.request("PATCH", f"issues/{issue['number']}", change)
    elif drifted:
        repository.request("POST", "issues", content)
