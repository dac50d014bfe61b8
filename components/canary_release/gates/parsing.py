"""The one place where the arguments of gates become valid gates, or all their problems."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from ..model.fields import typed_fix, without_quotes
from ..model.problem import MISSING, REMOVE, SECRET, Fix, Problem, did_you_mean, nearest
from ..model.tree import Path, whole_numbers
from . import Gates
from .contract import (
    CONDITION,
    DEFAULTS,
    LONGEST_SECONDS,
    NUMBERS,
    OPERATORS,
    PRESETS,
    Comparison,
    Gate,
    State,
    Threshold,
)
from .selector import Selector

URL = re.compile(r"https?://[^\s/@?#]+(/[^\s@?#]*)?")
PLACEHOLDERS = ("namespace", "version", "pod")
SOURCES = ("query", "command", "web")
SERIES = ("total", "bad", "good")
ONLY_THRESHOLD = (*SOURCES, "success", "failure", "failureLimit", "noData")
ONLY_COMPARISON = ("preset", *SERIES, "worseBy", "tolerance", "burst", "falseAlarms")
FIELDS = {*ONLY_THRESHOLD, *ONLY_COMPARISON, *DEFAULTS}
KINDS = "a gate has preset, or total and bad or good, or one of query, command and web"


def parsed_gates(checks: Any, url: Any, token: Any) -> Gates | list[Problem]:
    """The gates, or all that is wrong with them."""
    if problems := list(_problems(checks or {}, url, token)):
        return problems
    given: dict[str, Any] = {name: {**DEFAULTS, **check} for name, check in whole_numbers(dict(checks or {})).items()}
    comparisons = sum(not (set(SOURCES) & set(check) or check["dryRun"]) for check in given.values())
    gates = tuple(_parsed(name, check, max(1, comparisons)) for name, check in given.items())
    return Gates(gates, url or "", token or None)


def _parsed(name: str, check: Mapping[str, Any], comparisons: int) -> Gate:
    common: Any = {
        "name": name,
        "count": check["count"],
        "interval_seconds": check["intervalSeconds"],
        "initial_delay": check["initialDelay"],
        "error_limit": check["consecutiveErrorLimit"],
        "dry_run": check["dryRun"],
    }
    if source := next((each for each in SOURCES if each in check), None):
        return Threshold(
            **common,
            source=source,
            asked=check[source],
            success=check.get("success"),
            failure=check.get("failure"),
            failure_limit=check["failureLimit"],
            no_data=State(check["noData"]),
        )
    named = PRESETS[check["preset"]] if "preset" in check else check
    other = "good" if "good" in named else "bad"
    return Comparison(
        **common,
        total=cast(Selector, Selector.of(named["total"])),
        other=cast(Selector, Selector.of(named[other])),
        other_is_good=other == "good",
        worse_by=check["worseBy"],
        tolerance=check["tolerance"],
        burst=check["burst"],
        false_alarms=check["falseAlarms"] / comparisons,
    )


def _problems(checks: Any, url: Any, token: Any) -> Iterator[Problem]:
    address, secret = ("prometheus_url",), ("prometheus_token",)
    if not isinstance(checks, Mapping):
        yield Problem(("gates",), checks, "must be an object of gates by name", [(("gates",), REMOVE)])
    given = cast(Mapping[Any, Any], checks if isinstance(checks, Mapping) else {})
    named: dict[str, Any] = {str(name): check for name, check in given.items()}
    others = {"command", "web"}
    asking = any(not (isinstance(check, Mapping) and others & set(cast(Any, check))) for check in named.values())
    if asking and not url:
        example = "http://127.0.0.1:9090"
        yield Problem(address, MISSING, f"is required with gates, for example {example}", [(address, example)])
    elif url and not URL.fullmatch(str(url)):
        accepted = "must be http:// or https:// and a host, without user, password, query or spaces"
        meant = f"http://{url}" if URL.fullmatch(f"http://{url}") else "<URL>"
        shown = SECRET if re.search("[@?]", str(url)) else url
        yield Problem(address, shown, accepted, [(address, meant)])
    if token and not re.fullmatch(r"[!-~]+", str(token)):
        accepted = "must be one line of printable characters without spaces"
        yield Problem(secret, SECRET, accepted, [(secret, REMOVE)])
    proposed: set[str] = set()
    for name, check in whole_numbers(named).items():
        here, meant = ("gates", name), re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:40]
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):
            usable = isinstance(check, Mapping) and meant and meant not in {*named, *proposed}
            renamed: Fix = [(("gates", meant), cast(Any, check))] if usable else []
            proposed.add(meant)
            accepted = "must be named with 1 to 40 letters, digits, - and _"
            yield Problem(here, check, accepted, [(here, REMOVE), *renamed])
        elif isinstance(check, Mapping):
            yield from _check(here, cast(Mapping[str, Any], check))
        else:
            wanted = {"query": check if isinstance(check, str) else "<PromQL>", "success": "<condition>"}
            yield Problem(here, check, "must be an object", [(here, wanted)])


def _check(path: Path, check: Mapping[str, Any]) -> Iterator[Problem]:
    found = list(_fields(path, check))
    yield from found
    # A misspelt field is not missing as well.
    named = {*check, *(path[-1] for problem in found for path, _ in problem.fix)}
    lacking: list[str] = []
    if sources := [each for each in SOURCES if each in named]:
        kind, foreign = sources[0], (*sources[1:], *ONLY_COMPARISON)
        if not named & {"success", "failure"}:
            accepted = "is required unless failure is set: which numbers are good"
            yield Problem((*path, "success"), MISSING, accepted, [((*path, "success"), "<condition>")])
    elif "preset" in named:
        kind, foreign = "preset", (*SERIES, *ONLY_THRESHOLD)
    elif named & set(SERIES):
        kind, foreign = "total", ONLY_THRESHOLD
        lacking = [each for each in ("total",) if each not in named]
        lacking += [] if named & {"bad", "good"} else ["bad"]
        if {"bad", "good"} <= named:
            kind, foreign = "bad", ("good", *ONLY_THRESHOLD)
    else:
        kind, foreign, lacking = "", (), ["preset"]
    for name in lacking:
        meant = "http" if name == "preset" else "<series>"
        yield Problem((*path, name), MISSING, f"is required: {KINDS}", [((*path, name), meant)])
    for name in foreign:
        if name in check:
            yield Problem((*path, name), check[name], f"must not stand beside {kind}", [((*path, name), REMOVE)])
    if not found:
        yield from _together(path, {**DEFAULTS, **check})


def _fields(path: Path, check: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in check.items():
        here, default = (*path, name), DEFAULTS.get(name, REMOVE)
        if name not in FIELDS:
            meant = nearest(name, sorted(FIELDS))
            fix: list[tuple[Path, Any]] = [(here, REMOVE)]
            if meant and meant not in check:
                fix.append(((*path, meant), value))
            yield Problem(here, value, f"is not a field of a gate{did_you_mean(meant)}", fix)
        elif name in NUMBERS and not _within(name, value):
            _, low, high = NUMBERS[name]
            kind = "a whole number" if isinstance(low, int) else "a number"
            number = without_quotes(value)
            meant = number if _within(name, number) else default
            yield Problem(here, value, f"must be {kind} from {low:.15g} to {high:.15g}", typed_fix(here, value, meant))
        elif (accepted := _accepted(name, value)) is not None:
            yield Problem(here, value, accepted[0], [(here, accepted[1])])
        elif name in SOURCES:
            yield from _placeholders(here, value)


def _accepted(name: str, value: Any) -> tuple[str, Any] | None:
    """What is accepted for the field, and what to set; None for a value that is."""
    text = value if isinstance(value, str) and value.strip() else None
    if name == "query" and not text:
        return "must be text in PromQL", "<PromQL>"
    if name == "web" and not (text and URL.fullmatch(re.sub(r"[?].*", "", text))):
        return "must be http:// or https:// and a host, without user or password", "<URL>"
    if name == "command" and not _is_command(value):
        return "must be a list of texts: the program and its arguments", text.split() if text else REMOVE
    if name in SERIES and not (text and Selector.of(text)):
        example = "http_requests_total" if name == "total" else 'http_requests_total{{code=~"5.."}}'
        accepted = f"must be the name of series, perhaps with labels, such as {example}: no function, no placeholder"
        return f"{accepted}; the gate adds namespace and pod", "<series>"
    if name == "preset" and value not in [*PRESETS]:
        return f"must be one of {', '.join(PRESETS)}", nearest(str(value), PRESETS) or "http"
    if name in ("success", "failure") and not CONDITION.fullmatch(str(value)):
        return f"must be one of {' '.join(OPERATORS)} and a number", "<condition>"
    if name == "noData" and value not in [state.value for state in State]:
        return "must be inconclusive, success or failure", DEFAULTS[name]
    if name == "dryRun" and not isinstance(value, bool):
        return "must be true or false", value == "true"
    return None


def _is_command(value: Any) -> bool:
    words: list[Any] = cast(list[Any], value) if isinstance(value, list) else []
    return bool(words) and all(isinstance(word, str) for word in words)


def _within(name: str, value: Any) -> bool:
    _, low, high = NUMBERS[name]
    number = isinstance(value, int if isinstance(low, int) else int | float) and not isinstance(value, bool)
    return number and low <= value <= high


def _placeholders(path: Path, asked: str | list[str]) -> Iterator[Problem]:
    text = asked if isinstance(asked, str) else " ".join(asked)
    meant = text
    for name in re.findall(r"\{\{(.*?)\}\}", text):
        if name not in PLACEHOLDERS:
            proposal = nearest(name, PLACEHOLDERS)
            meant = meant.replace(f"{{{{{name}}}}}", f"{{{{{proposal}}}}}") if proposal else "<PromQL>"
            # Single braces would be read as the name of an argument.
            accepted = "may hold {{{{namespace}}}}, {{{{version}}}} and {{{{pod}}}}, and no other placeholder"
            fix: Fix = [(path, meant)] if isinstance(asked, str) else [(path, REMOVE)]
            yield Problem(path, asked, accepted + did_you_mean(proposal), fix)


def _together(path: Path, check: Mapping[str, Any]) -> Iterator[Problem]:
    count, limit, interval = check["count"], check["failureLimit"], check["intervalSeconds"]
    for name in ("bad", "good"):
        if name in check and Selector.of(check[name]) == Selector.of(check.get("total", "")):
            accepted = "must not be the series of total: such a gate could not fail"
            yield Problem((*path, name), check[name], accepted, [((*path, name), "<series>")])
    if limit >= count:
        accepted = f"must be smaller than count, which is {count}: else no sample could fail the gate"
        yield Problem((*path, "failureLimit"), limit, accepted, [((*path, "failureLimit"), count - 1)])
    if (count - 1) * interval > LONGEST_SECONDS:
        accepted = f"makes {(count - 1) * interval} s with a count of {count}; a gate takes {LONGEST_SECONDS} s at most"
        most = LONGEST_SECONDS // (count - 1)
        yield Problem((*path, "intervalSeconds"), interval, accepted, [((*path, "intervalSeconds"), most)])
