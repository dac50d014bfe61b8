"""The contract of gates: checks on a canary's metrics that an update must pass, and all that can be wrong with them."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from typing_extensions import TypedDict

from ..problems import MISSING, REMOVE, SECRET, Fix, Problem, child, did_you_mean, nearest, typed, unquoted
from ..release import whole_numbers
from .comparison import State

LONGEST_SECONDS = 3600
"""From the first sample of a check to its last."""

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": lambda value, bound: value <= bound,
    ">=": lambda value, bound: value >= bound,
    "<": lambda value, bound: value < bound,
    ">": lambda value, bound: value > bound,
}
URL = re.compile(r"https?://[^\s/@?#]+(/[^\s@?#]*)?")
CONDITION = re.compile(r"\s*(<=|>=|<|>)\s*(-?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*")


class Check(TypedDict, total=False):
    """What is asked of Prometheus, and what the answers mean: either `query`, or `bad` and `total`.

    In all three `{{namespace}}` and `{{version}}` stand for the track's, and `{{pod}}` for a regular expression of its
    pods' names.
    """

    query: str
    """PromQL that gives one number for the canary."""

    success: str
    """Condition under which a sample is a success: `<`, `<=`, `>` or `>=` and a number. Default: if not a failure."""

    failure: str
    """Condition under which a sample is a failure. Default: if not a success. Between both it is inconclusive."""

    failureLimit: int
    """Samples that may fail, fewer than `count`. Default 0."""

    noData: str
    """What a sample is for which the query has no number: `inconclusive`, `success` or `failure`. Default the first."""

    bad: str
    """PromQL for the number of bad requests of a track. The canary's share of them is compared with stable's."""

    total: str
    """PromQL for the number of all requests of a track."""

    worseBy: float
    """How much larger than stable's a share must be to be surely noticed, 0.001 to 0.999. Default 0.05."""

    falseAlarms: float
    """Probability with which an equal canary is refused, 0.0001 to 0.1. Default 0.01."""

    count: int
    """Samples, 1 to 100; of a comparison the last one decides. Default 1."""

    intervalSeconds: int
    """Seconds from one sample to the next, 1 to 3600. Default 60."""


@dataclass(frozen=True)
class Gates:
    """The checks by name, and where their queries go."""

    checks: Mapping[str, Check]
    prometheus_url: str
    prometheus_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Threshold:
    """A check of one number of the canary."""

    name: str
    count: int
    interval_seconds: int
    query: str
    success: str | None
    failure: str | None
    failure_limit: int
    no_data: State

    def state(self, value: float) -> State:
        """What a sample with this value is."""
        failed, succeeded = _holds(self.failure, value), _holds(self.success, value)
        if failed or (self.failure is None and not succeeded):
            return State.FAILURE
        return State.SUCCESS if succeeded or self.success is None else State.INCONCLUSIVE


@dataclass(frozen=True)
class Comparison:
    """A check of the canary's share of bad requests against stable's."""

    name: str
    count: int
    interval_seconds: int
    bad: str
    total: str
    worse_by: float
    false_alarms: float


Gate = Threshold | Comparison
"""A check, complete."""

DEFAULTS: dict[str, Any] = {
    "count": 1,
    "intervalSeconds": 60,
    "failureLimit": 0,
    "noData": State.INCONCLUSIVE.value,
    "worseBy": 0.05,
    "falseAlarms": 0.01,
}
QUERIES = ("query", "bad", "total")
BOUNDS = {
    "count": (1, 100),
    "intervalSeconds": (1, LONGEST_SECONDS),
    "failureLimit": (0, 99),
    "worseBy": (0.001, 0.999),
    "falseAlarms": (0.0001, 0.1),
}
PLACEHOLDERS = ("namespace", "version", "pod")
ONLY_THRESHOLD = ("query", "success", "failure", "failureLimit", "noData")
ONLY_COMPARISON = ("bad", "total", "worseBy", "falseAlarms")


def parsed(checks: Mapping[str, Check]) -> list[Gate]:
    """The checks, complete, after `problems` found none."""
    return [_parsed(name, {**DEFAULTS, **whole_numbers(check)}) for name, check in checks.items()]


def _parsed(name: str, check: Mapping[str, Any]) -> Gate:
    count, interval = check["count"], check["intervalSeconds"]
    if "query" not in check:
        return Comparison(name, count, interval, check["bad"], check["total"], check["worseBy"], check["falseAlarms"])
    conditions = check.get("success"), check.get("failure")
    return Threshold(name, count, interval, check["query"], *conditions, check["failureLimit"], State(check["noData"]))


def problems(checks: Any, url: Any, token: str | None) -> Iterator[Problem]:
    """All problems of gates, as config keys; none for those that can be asked."""
    if not isinstance(checks, Mapping):
        yield Problem("gates", checks, "must be an object of checks by name", [("gates", REMOVE)])
        checks = {}
    if checks and not url:
        example = "http://127.0.0.1:9090"
        yield Problem(
            "prometheusUrl", MISSING, f"is required with gates, for example {example}", [("prometheusUrl", example)]
        )
    elif url and not URL.fullmatch(str(url)):
        accepted = "must be http:// or https:// and a host, without user, password, query or spaces"
        meant = f"http://{url}" if URL.fullmatch(f"http://{url}") else "<URL>"
        shown = SECRET if re.search("[@?]", str(url)) else url
        yield Problem("prometheusUrl", shown, accepted, [("prometheusUrl", meant)])
    if token and not re.fullmatch(r"[!-~]+", token):
        accepted = "must be one line of printable characters without spaces"
        yield Problem("prometheusToken", SECRET, accepted, [("prometheusToken", REMOVE)])
    proposed: set[str] = set()
    for name, check in whole_numbers(checks).items():
        here, meant = child("gates", name), re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:40]
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):
            usable = isinstance(check, Mapping) and meant and meant not in {*checks, *proposed}
            renamed: Fix = [(f"gates.{meant}", cast(Any, check))] if usable else []
            proposed.add(meant)
            accepted = "must be named with 1 to 40 letters, digits, - and _"
            yield Problem(here, check, accepted, [(here, REMOVE), *renamed])
        elif isinstance(check, Mapping):
            yield from _check(here, cast(Mapping[str, Any], check))
        else:
            wanted = {"query": check if isinstance(check, str) else "<PromQL>", "success": "<condition>"}
            yield Problem(here, check, "must be an object", [(here, wanted)])


def _check(path: str, check: Mapping[str, Any]) -> Iterator[Problem]:
    found = list(_fields(path, check))
    yield from found
    # A misspelt field is not missing as well.
    named = {*check, *(path.rpartition(".")[2] for problem in found for path, _ in problem.fix)}
    lacking: list[str] = []
    if "query" in named:
        kind, foreign = "query", ONLY_COMPARISON
        if not named & {"success", "failure"}:
            accepted = "is required unless failure is set: which numbers are good"
            yield Problem(f"{path}.success", MISSING, accepted, [(f"{path}.success", "<condition>")])
    elif named & {"bad", "total"}:
        kind, foreign = "bad and total", ONLY_THRESHOLD
        lacking = [name for name in ("bad", "total") if name not in named]
    else:
        kind, foreign, lacking = "", (), ["query"]
    for name in lacking:
        accepted = "is required: a check has either query, or bad and total, each in PromQL"
        yield Problem(f"{path}.{name}", MISSING, accepted, [(f"{path}.{name}", "<PromQL>")])
    for name in foreign:
        if name in check:
            yield Problem(f"{path}.{name}", check[name], f"must not stand beside {kind}", [(f"{path}.{name}", REMOVE)])
    if not found:
        yield from _together(path, {**DEFAULTS, **check})


def _fields(path: str, check: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in check.items():
        here, default = f"{path}.{name}", DEFAULTS.get(name, REMOVE)
        if name not in Check.__annotations__:
            meant = nearest(name, Check.__annotations__)
            fix: list[tuple[str, Any]] = [(here, REMOVE)]
            if meant and meant not in check:
                fix.append((f"{path}.{meant}", value))
            yield Problem(here, value, f"is not a field of a check{did_you_mean(meant)}", fix)
        elif name in QUERIES and not (isinstance(value, str) and value.strip()):
            yield Problem(here, value, "must be text in PromQL", [(here, "<PromQL>")])
        elif name in ("success", "failure") and not CONDITION.fullmatch(str(value)):
            yield Problem(here, value, f"must be one of {' '.join(OPERATORS)} and a number", [(here, "<condition>")])
        elif name == "noData" and value not in [state.value for state in State]:
            yield Problem(here, value, "must be inconclusive, success or failure", [(here, default)])
        elif name in BOUNDS and not _within(name, value):
            low, high = BOUNDS[name]
            kind = "a whole number" if isinstance(low, int) else "a number"
            number = unquoted(value)
            meant = number if _within(name, number) else default
            yield Problem(here, value, f"must be {kind} from {low} to {high}", typed(here, value, meant))
        elif name in QUERIES:
            yield from _placeholders(here, str(value))


def _within(name: str, value: Any) -> bool:
    low, high = BOUNDS[name]
    number = isinstance(value, int if isinstance(low, int) else int | float) and not isinstance(value, bool)
    return number and low <= value <= high


def _placeholders(path: str, query: str) -> Iterator[Problem]:
    meant = query
    for name in re.findall(r"\{\{(.*?)\}\}", query):
        if name not in PLACEHOLDERS:
            proposal = nearest(name, PLACEHOLDERS)
            meant = meant.replace(f"{{{{{name}}}}}", f"{{{{{proposal}}}}}") if proposal else "<PromQL>"
            # Single braces would be read as the name of an argument.
            accepted = "may hold {{{{namespace}}}}, {{{{version}}}} and {{{{pod}}}}, and no other placeholder"
            yield Problem(path, query, accepted + did_you_mean(proposal), [(path, meant)])


def _together(path: str, check: Mapping[str, Any]) -> Iterator[Problem]:
    count, limit, interval = check["count"], check["failureLimit"], check["intervalSeconds"]
    if limit >= count:
        accepted = f"must be smaller than count, which is {count}: else no sample could fail the check"
        yield Problem(f"{path}.failureLimit", limit, accepted, [(f"{path}.failureLimit", count - 1)])
    if (count - 1) * interval > LONGEST_SECONDS:
        accepted = (
            f"makes {(count - 1) * interval} s with a count of {count}; a check takes {LONGEST_SECONDS} s at most"
        )
        most = LONGEST_SECONDS // (count - 1)
        yield Problem(f"{path}.intervalSeconds", interval, accepted, [(f"{path}.intervalSeconds", most)])


def _holds(condition: str | None, value: float) -> bool:
    if condition is None or not (parts := CONDITION.fullmatch(condition)):
        return False
    return OPERATORS[parts[1]](value, float(parts[2]))
