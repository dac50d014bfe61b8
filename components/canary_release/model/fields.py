"""The fields of Deployments and Services: which there are, of which types, and how a patch merges them."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path as File
from typing import Any, cast

from .problem import MISSING, REMOVE, Fix, Problem, did_you_mean, nearest
from .tree import Path

QUANTITY = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?")
PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?")
PERCENT = re.compile(r"[0-9]+%")
LOWEST_PORTS = {"containerPort": 1, "port": 1, "hostPort": 0, "nodePort": 0, "healthCheckNodePort": 0, "targetPort": 0}
"""Fields that hold a port, with their smallest number: 0 is as good as absent."""
PLACEHOLDER = re.compile(r"[$<{%]|^[A-Z_]+$")
"""What stands in a template in place of a value."""
HIGHEST_PORT = 65535
ANY_SIGN = ("priority", "tolerationSeconds")
"""Whole numbers that may be negative."""
LIST_OF, MAP_OF = "list of ", "map of "


@cache
def types() -> dict[str, dict[str, Any]]:
    """Every type by its name: `fields`, perhaps `required` and `merge`, as `tools.kubernetes_fields` wrote them."""
    return json.loads(File(__file__).with_name("kubernetes.json").read_text(encoding="utf-8"))


UNKNOWN_DIRECTIVE = "is not supported: the only patch directive is $patch, with the value delete or replace"


def type_below(type_: str, part: str | int) -> str:
    """The type of a member or an item; `object`, which holds anything, if it is not known."""
    if isinstance(part, int):
        return type_.removeprefix(LIST_OF)
    if type_.startswith(MAP_OF):
        return type_.removeprefix(MAP_OF)
    return types().get(type_, {"fields": {}})["fields"].get(part, "object")


def merged_lists(type_: str) -> Mapping[str, str | None]:
    """The fields whose lists a patch merges, each with the merge key of its items; None if the items are text."""
    return types().get(type_, {}).get("merge", {})


def merge_key(kind: str, path: Path) -> str | None:
    """The field that tells the items of the list at the path apart; None if they are told apart by position."""
    type_ = kind
    for part in path[:-1]:
        type_ = type_below(type_, part)
    return merged_lists(type_).get(str(path[-1])) if path else None


def field_problems(object_: Any, kind: str, partial: bool, at: Path = ()) -> Iterator[Problem]:
    """The fields of a Deployment or Service that the API server would refuse. `at` is the path of the object.

    A partial object is a patch: its fields may be missing or null, and may hold the directive `$patch`.
    `merge.merged` takes every patch without a problem.
    """
    if partial and isinstance(object_, Mapping):
        given = cast(Mapping[Any, Any], object_)
        for name in filter(_is_directive, given):
            accepted = "must stand deeper: it cannot speak of a whole object" if name == "$patch" else UNKNOWN_DIRECTIVE
            yield Problem((*at, name), given[name], accepted, _gone(at, name))
        object_ = {name: value for name, value in given.items() if not _is_directive(name)}
    yield from _value(at, object_, kind, partial)


def _value(path: Path, value: Any, type_: str, partial: bool, key: str | None = None) -> Iterator[Problem]:
    if type_.startswith(LIST_OF):
        yield from _list(path, value, type_.removeprefix(LIST_OF), partial, key)
    elif type_.startswith(MAP_OF) or type_ in types() or type_ == "object":
        yield from _object(path, value, type_, partial)
    elif type_ == "quantity":
        yield from _quantity(path, value)
    else:
        yield from _scalar(path, value, type_)


def _object(path: Path, given: Any, type_: str, partial: bool) -> Iterator[Problem]:
    if not isinstance(given, Mapping):
        fields = f" with the fields of a Kubernetes {type_}" if type_ in types() else ""
        yield Problem(path, given, f"must be an object{fields}", _gone(path))
        return
    values = cast(Mapping[Any, Any], given)
    known: Mapping[str, str] = types().get(type_, {}).get("fields", {})
    whole = not partial or values.get("$patch") == "replace"
    for name, value in values.items():
        below = (*path, name)
        if not isinstance(name, str):
            yield Problem((*path, str(name)), value, "must have text as its name (quote it)")
        elif _is_directive(name) and (partial or known):
            yield from _directive(path, name, value, partial)
        elif known and name not in known:
            meant = nearest(name, known)
            rename = [((*path, meant), value)] if meant and meant not in values else []
            accepted = f"is not a field of a Kubernetes {type_}{did_you_mean(meant)}"
            yield Problem(below, value, accepted, [*_gone(below), *rename])
        elif value is not None and type_ != "object":
            found = _value(below, value, type_below(type_, name), not whole, merged_lists(type_).get(name))
            is_required = name in types().get(type_, {}).get("required", ())
            yield from (_with_value(each) if is_required and each.fix == _gone(below) else each for each in found)
    if whole:
        for name in types().get(type_, {}).get("required", ()):
            if values.get(name) is None:
                below = (*path, name)
                yield Problem(below, MISSING, f"is required in a Kubernetes {type_}", [(below, "<value>")])


def _with_value(problem: Problem) -> Problem:
    """The problem of a field that is required: its fix does not take it away."""
    return replace(problem, fix=[(problem.path, "<value>")])


def _list(path: Path, given: Any, type_: str, partial: bool, key: str | None) -> Iterator[Problem]:
    if not isinstance(given, list):
        yield Problem(path, given, "must be a list", [(path, [given])])
        return
    items = cast(list[Any], given)
    replaced = any(_patch(item) == "replace" for item in items)
    for index, item in enumerate(items):
        below = (*path, index)
        if not (partial and key and isinstance(item, Mapping)):
            yield from _value(below, item, type_, False)
            continue
        values = cast(Mapping[str, Any], item)
        if _patch(item) == "replace":
            if len(values) > 1:
                accepted = "must be the only field of its item; the list's other items then replace the old list"
                yield Problem((*below, "$patch"), "replace", accepted, _gone(below, "$patch"))
            continue
        yield from _value(below, item, type_, not replaced or "$patch" in values)
        if not replaced and values.get(key) is None:
            yield Problem(
                (*below, key), MISSING, "is required: a patch finds the item by it", [((*below, key), "<value>")]
            )


def _directive(path: Path, name: str, value: Any, partial: bool) -> Iterator[Problem]:
    accepted = None
    if not partial:
        accepted = "must not be set here: this value replaces the old one whole"
    elif name != "$patch":
        accepted = UNKNOWN_DIRECTIVE
    elif value not in ("delete", "replace"):
        accepted = "must be delete or replace"
    if accepted:
        yield Problem((*path, name), value, accepted, _gone(path, name))


def _is_directive(name: Any) -> bool:
    return isinstance(name, str) and name.startswith("$")


def _patch(item: Any) -> Any:
    return cast(Mapping[Any, Any], item).get("$patch") if isinstance(item, Mapping) else None


def _gone(path: Path, *more: str) -> list[tuple[Path, Any]]:
    """The fix that removes a value; none for an item of a list, since the items behind it would move."""
    return [((*path, *more), REMOVE)] if more or not (path and isinstance(path[-1], int)) else []


def _scalar(path: Path, value: Any, type_: str) -> Iterator[Problem]:
    accepted, fix = None, _gone(path)
    meant = without_quotes(value)
    if type_ == "string":
        if isinstance(value, str):
            return
        accepted = "must be text"
        if isinstance(value, bool | int | float | date):
            # YAML turns `value: 1` and `value: true` into something that the API server refuses.
            accepted, fix = (
                "must be text (quote it)",
                [(path, str(value).lower() if isinstance(value, bool) else str(value))],
            )
    elif type_ == "boolean":
        if isinstance(value, bool):
            return
        accepted = "must be true or false"
        if isinstance(meant, bool):
            accepted, fix = "must be true or false (without quotes)", typed_fix(path, value, meant)
    elif type_ == "int-or-string" and isinstance(value, str):
        name = path[-1] in ("port", "targetPort")
        # An empty targetPort is as good as absent.
        if (path[-1], value) == ("targetPort", "") or (PORT_NAME if name else PERCENT).fullmatch(value):
            return
        accepted = "must be a number or a port's name" if name else "must be a number, or a percentage such as 25%"
        if isinstance(meant, int) and not isinstance(meant, bool):
            accepted, fix = f"{accepted} (a number stands without quotes)", typed_fix(path, value, meant)
    elif _is_whole(value):
        low, high = _bounds(str(path[-1]), type_)
        if low <= value <= high:
            return
        accepted = f"must be a whole number from {low} to {high}"
    else:
        accepted = "must be a whole number or text" if type_ == "int-or-string" else "must be a whole number"
        if _is_whole(meant):
            accepted, fix = f"{accepted} (without quotes)", typed_fix(path, value, meant)
    if isinstance(value, str) and fix == _gone(path) and PLACEHOLDER.search(value):
        fix = [(path, "<value>")]
    yield Problem(path, value, accepted, fix)


def _bounds(name: str, type_: str) -> tuple[int, int]:
    """The smallest and the largest number of the field."""
    if name in LOWEST_PORTS:
        return LOWEST_PORTS[name], HIGHEST_PORT
    above = 2**63 if type_ == "int64" else 2**31
    return -above if name in ANY_SIGN else 0, above - 1


def _is_whole(value: Any) -> bool:
    return not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))


def without_quotes(value: Any) -> Any:
    """The number or boolean that a text of less than 10 characters holds; None if it holds none."""
    try:
        return json.loads(value) if isinstance(value, str) and len(value) < 10 else None
    except ValueError:
        return None


def typed_fix(path: Path, old: Any, new: Any) -> Fix:
    """The fix that sets a number or boolean. Text goes first: over it, `pulumi config set --path` writes text."""
    return [*(_gone(path) if isinstance(old, str) else []), (path, new)]


def _quantity(path: Path, value: Any) -> Iterator[Problem]:
    if isinstance(value, str | int | float) and not isinstance(value, bool) and QUANTITY.fullmatch(str(value).strip()):
        return
    # 512MB and 512mib are what people write for 512M and 512Mi.
    meant = re.fullmatch(r"([0-9.]+)\s*([kmgtpe])(i?)b?", str(value).lower())
    unit = (meant[2] if meant[2] == "k" and not meant[3] else meant[2].upper()) + meant[3] if meant else ""
    squeezed = "".join(str(value).split())
    proposal = squeezed if QUANTITY.fullmatch(squeezed) else f"{meant[1]}{unit}" if meant else ""
    accepted = "must be a Kubernetes quantity such as 100m, 0.5, 128Mi or 1G"
    yield Problem(path, value, accepted, [(path, proposal if QUANTITY.fullmatch(proposal) else "<quantity>")])
