"""Questions to Prometheus, and what its answers say."""

import json
import math
from dataclasses import dataclass, field
from typing import Any, cast

from .answers import AnswerError, LostError
from .counts import Series
from .http import TIMEOUT_SECONDS, fetch


@dataclass(frozen=True)
class Prometheus:
    """Where queries go."""

    url: str
    token: str | None = field(default=None, repr=False)
    """Bearer token; shown nowhere."""

    def now(self) -> float:
        """Its time, in seconds since 1970. Raises `AnswerError`, as the others do."""
        [(_, (at, _))] = self._results("time()", None, "scalar")
        return at

    def number(self, promql: str) -> float | None:
        """The one number that the query gives now; None if it gives none, or NaN, as 0 of 0 is."""
        found = self._results(promql, None, "scalar", "vector")
        if len(found) > 1:
            raise AnswerError(f"the query gives {len(found)} numbers: make it one, for example with sum()")
        value = found[0][1][1] if found else math.nan
        if math.isinf(value):
            raise AnswerError("the query gives an infinite number")
        return None if math.isnan(value) else value

    def series(self, selector: str, at: float, seconds: int) -> list[Series]:
        """The raw samples of the series in so many seconds before a time."""
        found = self._results(f"{selector}[{seconds}s]", at, "matrix")
        return [Series(labels, samples) for labels, samples in found]

    def _results(self, promql: str, at: float | None, *kinds: str) -> list[tuple[dict[str, str], Any]]:
        """Labels, and value or values, of each element of the answer."""
        form = {"query": promql, "timeout": f"{TIMEOUT_SECONDS}s", **({} if at is None else {"time": f"{at:.3f}"})}
        status, body = fetch("Prometheus", f"{self.url.rstrip('/')}/api/v1/query", form, self.token)
        try:
            return self._read(body, kinds)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            told = f"status {status}, {len(body)} bytes"
            raise AnswerError(f"what answers is no Prometheus: {told}") from error

    def _read(self, body: bytes, kinds: tuple[str, ...]) -> list[tuple[dict[str, str], Any]]:
        read = cast(dict[str, Any], json.loads(body))
        if read["status"] != "success":
            raise AnswerError(f"Prometheus refuses the query: {self._said(read['error'])}")
        if read.get("isPartial"):
            raise LostError("Prometheus answers in part: some of its data are away")
        if warnings := read.get("warnings"):
            raise LostError(f"Prometheus warns: {self._said(warnings[0])}")
        data = read["data"]
        if data["resultType"] not in kinds:
            raise AnswerError(f"the query must give a {kinds[-1]}, and gives a {self._said(data['resultType']):.20}")
        if data["resultType"] == "scalar":
            return [({}, _point(data["result"]))]
        return [_element(each) for each in data["result"]]

    def _said(self, text: Any) -> str:
        """What the server says. It may say back what it was sent: the token is masked before the text is cut."""
        return str(text).replace(self.token or "\0", "[secret]")[:300]


def _element(each: dict[str, Any]) -> tuple[dict[str, str], Any]:
    if "histogram" in each or "histograms" in each:
        raise AnswerError("the series are native histograms, which gates do not read: name counters")
    labels = dict(each["metric"].items())
    if "value" in each:
        return labels, _point(each["value"])
    values = [_point(point) for point in each["values"]]
    if not all(math.isfinite(value) for _, value in values):
        raise AnswerError("a sample is no finite number: name counters")
    return labels, values


def _point(point: Any) -> tuple[float, float]:
    at, value = point
    return float(at), float(value)
