"""What differs between two sets of a resource's inputs, and what changed in the cluster behind the program's back."""

from collections.abc import Iterator
from typing import Any, cast

ADDED, DELETED, CHANGED = "ADD", "DELETE", "UPDATE"

Path = tuple[str | int, ...]


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """The innermost paths that differ, each with ADDED, DELETED or CHANGED."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*cast("dict[str, Any]", old), *cast("dict[str, Any]", new)}):
            if key not in old:
                yield (*path, key), ADDED
            elif key not in new:
                yield (*path, key), DELETED
            else:
                yield from differences(old[key], new[key], (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        olds, news = cast("list[Any]", old), cast("list[Any]", new)
        for index in range(max(len(olds), len(news))):
            if index >= len(olds):
                yield (*path, index), ADDED
            elif index >= len(news):
                yield (*path, index), DELETED
            else:
                yield from differences(olds[index], news[index], (*path, index))
    elif old != new:
        yield path, CHANGED


def drifted(inputs: Any, recorded: Any, live: Any) -> Any:
    """The inputs, with the live value in place of each that differs from the recorded one.

    Comparing live with recorded, not with the inputs: the API server writes values in its own way ("1000m" is "1").
    Fields that the inputs do not name are another's business.
    """
    if isinstance(inputs, dict) and isinstance(live, dict):
        before = cast("dict[str, Any]", recorded) if isinstance(recorded, dict) else {}
        named = cast("dict[str, Any]", inputs).items()
        found = cast("dict[str, Any]", live)
        return {
            key: drifted(value, before.get(key), found[key]) if key in found else value
            for key, value in named
            if key in found or key not in before
        }
    if isinstance(inputs, list) and isinstance(live, list):
        ours, theirs = cast("list[Any]", inputs), cast("list[Any]", live)
        past = cast("list[Any]", recorded) if isinstance(recorded, list) else []
        if len(ours) == len(theirs) == len(past):
            return [drifted(*values) for values in zip(ours, past, theirs, strict=True)]
    return cast("Any", inputs if live == recorded else live)


def text(path: Path) -> str:
    """As the engine writes property paths."""
    parts = ""
    for part in path:
        if isinstance(part, int):
            parts += f"[{part}]"
        elif part.isidentifier():
            parts += f".{part}" if parts else part
        else:
            parts += f'["{part}"]'
    return parts
