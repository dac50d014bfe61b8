"""One question to Prometheus, answered or not in bounded time."""

import json
import math
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import requests  # comes with pulumi-kubernetes

from .sampling import AnswerError, Series

TIMEOUT_SECONDS = 10
MOST_BYTES = 1_000_000


@dataclass(frozen=True)
class Prometheus:
    """Where queries go."""

    url: str
    token: str | None = field(default=None, repr=False)
    """Bearer token; shown nowhere."""

    def query(self, promql: str, at: float | None = None) -> list[Series]:
        """The series that the query has at a time, or now. Raises `AnswerError`, at last after a second more."""
        try:
            status, body = _bounded(lambda: self._post(promql, at))
            return _series(status, body)
        except requests.Timeout as error:
            raise AnswerError(f"Prometheus did not answer within {TIMEOUT_SECONDS} s") from error
        except requests.RequestException as error:
            raise AnswerError(f"Prometheus could not be asked: {_cause(error)}") from error
        except AnswerError as error:
            # A server may say back what it was sent.
            raise AnswerError(str(error).replace(self.token or "\0", "[secret]")) from None

    def _post(self, promql: str, at: float | None) -> tuple[int, bytes]:
        form = {"query": promql, "timeout": f"{TIMEOUT_SECONDS}s", **({} if at is None else {"time": f"{at:.3f}"})}

        def signed(request: requests.PreparedRequest) -> requests.PreparedRequest:
            request.headers["Authorization"] = f"Bearer {self.token}"
            return request

        with requests.post(
            f"{self.url.rstrip('/')}/api/v1/query",
            data=form,
            # Not as a header: a .netrc file would replace it.
            auth=signed if self.token else None,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
            stream=True,
        ) as response:
            body = bytearray()
            for part in response.iter_content(65536):
                body += part
                if len(body) > MOST_BYTES:
                    raise AnswerError(f"the answer is longer than {MOST_BYTES:,} bytes")
            return response.status_code, bytes(body)


def _bounded(call: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
    """The call's result. A server that sends a byte now and then never runs into the timeout of its connection."""
    ended: queue.Queue[tuple[int, bytes] | Exception] = queue.Queue()

    def run() -> None:
        try:
            ended.put(call())
        except Exception as error:
            ended.put(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        result = ended.get(timeout=TIMEOUT_SECONDS + 1)
    except queue.Empty:
        raise requests.Timeout from None
    if isinstance(result, Exception):
        raise result
    return result


def _series(status: int, body: bytes) -> list[Series]:
    try:
        answer = cast(dict[str, Any], json.loads(body))
        if answer["status"] != "success":
            raise AnswerError(f"Prometheus refuses the query: {str(answer['error'])[:300]}")
        data = answer["data"]
        if data["resultType"] == "scalar":
            return [_one({}, data["result"])]
        if data["resultType"] != "vector":
            raise AnswerError(f"the query must give one number, and gives a {data['resultType']!s:.20}")
        return [_one(each["metric"], each["value"]) for each in data["result"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise AnswerError(f"what answers is no Prometheus: status {status}, {len(body)} bytes") from error


def _one(labels: dict[str, str], point: tuple[float, str]) -> Series:
    at, value = point
    if math.isinf(number := float(value)):
        raise AnswerError("the query gives an infinite number")
    return Series(dict(labels), float(at), number)


def _cause(error: BaseException) -> str:
    """The system's own words for what lies under a chain of exceptions, none of which may show a header."""
    while below := error.__cause__ or error.__context__:
        error = below
    return getattr(error, "strerror", None) or type(error).__name__
