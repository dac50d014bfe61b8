"""One request over HTTP, answered or not in bounded time."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import TimeoutError  # in Python 3.10 not the builtin
from urllib.parse import urlsplit

import requests  # comes with pulumi-kubernetes

from .answers import AnswerError, LostError
from .thread import in_daemon

TIMEOUT_SECONDS = 10
"""For everything: a lost answer, and the one that is asked for again."""
PAUSE_SECONDS = 0.5
MOST_BYTES = 64_000_000
LOST = (502, 503, 504)
"""Statuses of a proxy whose server is away for a moment."""


Answer = tuple[int, bytes]
"""Status and body."""


def fetch(who: str, url: str, form: Mapping[str, str] | None = None, token: str | None = None) -> Answer:
    """The answer to a POST of the form, or to a GET without one. Raises `AnswerError` after at most
    `TIMEOUT_SECONDS` and one more.

    A lost answer is asked for once more. The token is sent as Bearer, and shown nowhere.
    """
    try:
        # A server that sends a byte now and then meets no timeout of a connection.
        answer = in_daemon(lambda: _again_if_lost(who, lambda: _request(who, url, form, token)))
        return answer.result(TIMEOUT_SECONDS + 1)
    except (requests.Timeout, TimeoutError) as error:
        raise LostError(f"{who} did not answer within {TIMEOUT_SECONDS} s") from error
    except requests.RequestException as error:
        raise LostError(f"{who} could not be asked: {_cause(error)}") from error


def _again_if_lost(who: str, request: Callable[[], Answer]) -> Answer:
    try:
        if (answer := request())[0] not in LOST:
            return answer
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        pass
    time.sleep(PAUSE_SECONDS)
    if (answer := request())[0] in LOST:
        raise LostError(f"{who} is not there: status {answer[0]}, twice")
    return answer


def _request(who: str, url: str, form: Mapping[str, str] | None, token: str | None) -> Answer:
    def signed(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    with requests.request(
        "GET" if form is None else "POST",
        url,
        data=form,
        # Not as a header: a .netrc file would replace it.
        auth=signed if token else None,
        timeout=TIMEOUT_SECONDS,
        allow_redirects=False,
        stream=True,
    ) as response:
        if 300 <= response.status_code < 400:
            to = urlsplit(response.headers.get("Location", ""))
            raise AnswerError(f"{who} sends on to {to.scheme}://{to.hostname}{to.path}: give that address")
        if response.status_code in (401, 403):
            raise AnswerError(f"{who} does not let in: status {response.status_code}; is the token right?")
        body = bytearray()
        for part in response.iter_content(65536):
            body += part
            if len(body) > MOST_BYTES:
                raise AnswerError(f"the answer is longer than {MOST_BYTES:,} bytes: name fewer series")
        return response.status_code, bytes(body)


def _cause(error: BaseException) -> str:
    """The system's own words for what lies under a chain of exceptions, none of which may show a header."""
    while below := error.__cause__ or error.__context__:
        error = below
    return getattr(error, "strerror", None) or type(error).__name__
