"""Checks of the arguments of a release, each by itself."""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime
from typing import Any, cast

from typing_extensions import get_type_hints

from .contract import BOUNDS, DEFAULTS, CanaryReleaseArgs
from .duration import LONGEST_SECONDS, duration, duration_seconds
from .image import proposed_version, version_problem
from .problem import MISSING, REMOVE, Fix, Problem, did_you_mean, nearest
from .share import canary_share, fewest_stable_replicas, most_canary_replicas, percentage, within_share
from .tree import Path

DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
TYPES: dict[str, Any] = {
    name: getattr(hint, "__origin__", None) or hint for name, hint in get_type_hints(CanaryReleaseArgs).items()
}
WORDS = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    list: "a list of partial objects",
    dict: "an object",
}
OWN_WORDS = {
    "canary_patch": "an object with fields of a Kubernetes Deployment",
    "gates": "an object with gates by their names",
    "soak": f"a time such as 45s, 30m or 1h30m, at most {duration(LONGEST_SECONDS)}",
}
GATES = ("gates", "prometheus_url", "prometheus_token")
"""Arguments that `gates.parse_gates` checks."""
UNREGISTERED = (*GATES, "proven_in", "evidence_folder")
"""Arguments that the state does not hold."""
EXAMPLES = {"manifest": "app.yaml", "stable_version": "v1.0.0"}

Values = Mapping[str, Any]


def argument_problems(values: Values, other_keys: Collection[str]) -> Iterator[Problem]:
    """Unknown, mistyped and missing arguments, and numbers out of bounds. A misspelt one may mean one of
    `other_keys`.
    """
    unknown = list(_unknown(values, (*TYPES, *other_keys)))
    yield from unknown
    yield from _mistyped(values)
    told = {path[0] for problem in unknown for path, _ in problem.fix}
    for name in sorted(CanaryReleaseArgs.__required_keys__):
        if name not in values and name not in told:
            example = EXAMPLES[name]
            yield Problem((name,), MISSING, f"is required, for example {example}", [((name,), example)])


def words(name: str) -> str:
    """What an argument accepts, in words."""
    bounds = " from {} to {}".format(*BOUNDS[name]) if name in BOUNDS else ""
    return OWN_WORDS.get(name) or f"{WORDS[TYPES[name]]}{bounds}"


def outputs_in(value: Any, path: Path) -> Iterator[Problem]:
    """Pulumi's Outputs, at any depth. They are refused, because all arguments are checked before anything is made."""
    if hasattr(value, "apply"):
        yield Problem(path, value, "must be a plain value, not an output: it is checked before anything is made")
    elif isinstance(value, Mapping):
        for name, item in cast(Mapping[str, Any], value).items():
            yield from outputs_in(item, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(cast(list[Any], value)):
            yield from outputs_in(item, (*path, index))


def _unknown(values: Values, known: Collection[str]) -> Iterator[Problem]:
    for name, value in values.items():
        if name not in TYPES:
            meant = nearest(name, known)
            fix: list[tuple[Path, Any]] = [((name,), REMOVE)]
            # A stack's config holds the default of every key that is not set: that of the manifest is the example.
            if meant and values.get(meant) in (None, DEFAULTS.get(meant), EXAMPLES.get(meant)):
                fix.append(((meant,), value))
            yield Problem((name,), value, f"is not a key of a release{did_you_mean(meant and f'{{{meant}}}')}", fix)


def _mistyped(values: Values) -> Iterator[Problem]:
    for name, wanted in TYPES.items():
        value = values.get(name)
        if value is None or name in GATES:
            continue
        if name == "manifest":
            if not isinstance(value, str | os.PathLike | list):
                accepted = "must be the path of a file, or a list of Kubernetes objects"
                yield Problem((name,), value, accepted, [((name,), "app.yaml")])
        elif not isinstance(value, wanted) or isinstance(value, bool) is not (wanted is bool):
            yield _wrong_type(name, value, wanted)
        elif name in BOUNDS:
            yield from out_of_bounds(name, value)


def _wrong_type(name: str, value: Any, wanted: type) -> Problem:
    meant: Any = "<number>" if wanted is int else DEFAULTS.get(name, REMOVE)
    if wanted is int and isinstance(value, str) and value.isdecimal() and len(value) < 10:
        meant = int(value)
    elif wanted is list and isinstance(value, Mapping):
        meant = [value]
    elif name.endswith("_version"):
        meant = "<tag>"  # What YAML made of it is not what was written.
    elif name == "soak":
        meant = "<time>"
    elif wanted is str and type(value) in (int, date):
        meant = str(value)
    quoted = wanted is str and isinstance(value, int | float | date) and not isinstance(value, datetime)
    return Problem((name,), value, f"must be {words(name)}{' (quote it)' if quoted else ''}", [((name,), meant)])


def out_of_bounds(name: str, value: int) -> Iterator[Problem]:
    """A number outside of the argument's bounds."""
    low, high = BOUNDS[name]
    if not low <= value <= high:
        # In a stack's config 0 means no fixed total, so whoever writes 0 in a program means the same.
        meant = REMOVE if value == 0 and name == "fixed_total" else low if value < low else high
        yield Problem((name,), value, f"must be {words(name)}", [((name,), meant)])


def version_problems(values: Values) -> Iterator[Problem]:
    """Versions that are not accepted."""
    for name in ("stable_version", "canary_version"):
        version = values.get(name)
        if version is not None and (accepted := version_problem(version)):
            meant = "v1.0.0" if version == "latest" else proposed_version(version)
            if version.startswith("sha256:"):
                meant = "sha256:<64 characters>"
            yield Problem((name,), version, accepted, [((name,), meant or "<tag>")])


def proven_in_problems(values: Values) -> Iterator[Problem]:
    """A stack whose name cannot be one."""
    stack = values.get("proven_in")
    if stack is not None and not re.fullmatch(r"([\w.-]+/[\w.-]+/)?[\w.-]+", stack):
        accepted = "must be the name of a stack, or of a stack of another project: <organization>/<project>/<stack>"
        yield Problem(("proven_in",), stack, accepted, [(("proven_in",), "<stack>")])


def soak_problems(values: Values) -> Iterator[Problem]:
    """A soak that is no duration."""
    soak = values.get("soak")
    if soak is not None and duration_seconds(soak) is None:
        yield Problem(("soak",), soak, f"must be {words('soak')}", [(("soak",), _meant_duration(soak))])


def _meant_duration(text: str) -> str:
    number = re.fullmatch(r"\s*(\d{1,5})\s*(m|h|s)[a-z]*\s*", text, re.ASCII)
    meant = f"{int(number[1])}{number[2]}" if number else ""
    return meant if duration_seconds(meant) else "<time>"


def name_problems(path: Path, name: str, longest: int, because: str = "") -> Iterator[Problem]:
    """Names that are no DNS label, or are too long."""
    if not DNS_LABEL.fullmatch(name) or len(name) > longest:
        accepted = f"must be a DNS label of at most {longest} characters: a-z, 0-9 and - inside{because}"
        proposal = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:longest].strip("-") if name.isascii() else ""
        yield Problem(path, name, accepted, [(path, proposal or "<name>")])


def share_problems(stable: int, canary: int, limit: int, total: int | None) -> Iterator[Problem]:
    """Whether the canary's share and the number of all pods are what the limits allow."""
    if total is not None and stable + canary != total:
        yield _wrong_total(stable, canary, total, min(limit * total // 100, total - 1))
        return
    if within_share(stable, canary, limit):
        return
    share, most = percentage(canary_share(stable, canary)), most_canary_replicas(stable, limit)
    accepted = f"gives the canary {share} of the pods; {{max_canary_share}} allows {limit} %, "
    if total is not None:
        most = limit * total // 100
        accepted += f"which is at most {most} of the {total} of {{fixed_total}}"
        fix: Fix = [(("canary_replicas",), most), (("stable_replicas",), total - most)]
    elif most:
        accepted += f"which is at most {most} beside {stable} stable"
        fix = [(("canary_replicas",), most)]
    else:
        needed = fewest_stable_replicas(canary, limit)
        accepted += f"which takes {{stable_replicas}} of at least {needed}"
        fix = [(("stable_replicas",), needed)]
        if needed > (highest := BOUNDS["stable_replicas"][1]):
            most = most_canary_replicas(highest, limit)
            fix = [(("stable_replicas",), highest), (("canary_replicas",), most)]
    yield Problem(("canary_replicas",), canary, accepted, fix)


def _wrong_total(stable: int, canary: int, total: int, most: int) -> Problem:
    difference = stable + canary - total
    count = f"{abs(difference)} replica{'' if abs(difference) == 1 else 's'}"
    count += " too many" if difference > 0 else " missing"
    accepted = f"must be {{stable_replicas}} and {{canary_replicas}} together, which are {stable} + {canary}: {count}"
    accepted += "; or set "
    if canary and 0 < total - stable <= most:
        accepted += f"{{canary_replicas}} to {total - stable} or "
    accepted += f"{{fixed_total}} to {stable + canary}"
    fix = [(("stable_replicas",), total - min(canary, most))]
    if canary > most:
        fix.append((("canary_replicas",), most))
    return Problem(("fixed_total",), total, accepted, fix)
