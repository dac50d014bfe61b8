"""Paths and trees: how values of JSON are read, changed and compared."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal, cast

Path = tuple[str | int, ...]
"""The way to a value: names of fields and positions in lists."""

Object = dict[str, Any]
"""A JSON object."""


class Absent(Enum):
    """The type of a value that is not there."""

    ABSENT = "absent"


ABSENT: Final[Literal[Absent.ABSENT]] = Absent.ABSENT


@dataclass(frozen=True)
class Change:
    """One value that differs. The side that has no value is `ABSENT`."""

    path: Path
    old: Any
    new: Any


def changes(old: Any, new: Any) -> list[Change]:
    """The innermost values that differ, in the order of the old tree. Items of lists are compared by position."""
    return list(_changes((), old, new))


def _changes(path: Path, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        before, after = cast(Mapping[str, Any], old), cast(Mapping[str, Any], new)
        for name in {**before, **after}:
            yield from _changes((*path, name), before.get(name, ABSENT), after.get(name, ABSENT))
    elif isinstance(old, list) and isinstance(new, list):
        before, after = cast(list[Any], old), cast(list[Any], new)
        for index in range(max(len(before), len(after))):
            yield from _changes((*path, index), get(before, (index,)), get(after, (index,)))
    elif isinstance(old, bool) is not isinstance(new, bool) or old != new:
        yield Change(path, old, new)


def same(old: Any, new: Any) -> bool:
    """Whether two values are equal, as JSON sees them: 1 is not true."""
    return next(_changes((), old, new), None) is None


def get(tree: Any, path: Sequence[str | int], default: Any = ABSENT) -> Any:
    """The value at the path, or the default where the path leads nowhere."""
    for part in path:
        if isinstance(tree, Mapping) and part in tree:
            tree = cast(Mapping[Any, Any], tree)[part]
        elif isinstance(tree, list) and isinstance(part, int) and 0 <= part < len(cast(list[Any], tree)):
            tree = cast(list[Any], tree)[part]
        else:
            return default
    return tree


def object_at(tree: Any, *path: str) -> Object:
    """The object at a path; an empty one where there is none."""
    found = get(tree, path, None)
    return cast(Object, found) if isinstance(found, dict) else {}


def objects_at(tree: Any, *path: str) -> list[Object]:
    """The objects in the list at a path; none where there is no list."""
    found = get(tree, path, None)
    listed = cast(list[Any], found) if isinstance(found, list) else []
    return [cast(Object, each) for each in listed if isinstance(each, dict)]


def text_at(tree: Any, *path: str) -> str:
    """The text at a path; an empty one where there is none."""
    found = get(tree, path, None)
    return found if isinstance(found, str) else ""


def number_at(tree: Any, *path: str, default: int = 0) -> int:
    """The whole number at a path; the default where there is none."""
    found = get(tree, path, None)
    return found if isinstance(found, int) and not isinstance(found, bool) else default


def with_value(tree: Any, path: Sequence[str | int], value: Any) -> Any:
    """A copy of the tree with the value at the path; `ABSENT` takes what is there away. The tree itself stays.

    Objects on the way that are missing are made. A position must be that of an item, or the next one.
    """
    if not path:
        return value
    part, *rest = path
    if isinstance(part, int):
        items = list(cast(list[Any], tree)) if isinstance(tree, list) else []
        below = with_value(items[part] if part < len(items) else ABSENT, rest, value)
        items[part : part + 1] = [] if below is ABSENT else [below]
        return items
    fields = dict(cast(Mapping[str, Any], tree)) if isinstance(tree, Mapping) else {}
    if value is ABSENT and part not in fields:
        return fields
    below = with_value(fields.get(part, ABSENT), rest, value)
    if below is ABSENT:
        del fields[part]
    else:
        fields[part] = below
    return fields


def whole_numbers(value: Any) -> Any:
    """The value with every whole float as an int, at any depth: protobuf knows floats only."""
    if isinstance(value, Mapping):
        return {str(name): whole_numbers(item) for name, item in cast(Mapping[str, Any], value).items()}
    if isinstance(value, list):
        return [whole_numbers(item) for item in cast(list[Any], value)]
    return int(value) if isinstance(value, float) and math.isfinite(value) and value.is_integer() else value


def without_nulls(value: Any) -> Any:
    """The value without members of objects that are None, at any depth, as the API server reads it."""
    if isinstance(value, Mapping):
        members = cast(Mapping[str, Any], value).items()
        return {name: without_nulls(item) for name, item in members if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in cast(list[Any], value)]
    return value
