"""A stack file with other entries: only the lines of these entries change, and every comment stays.

PyYAML says where a value stands. Libraries that write a whole document anew fold and quote lines that nobody changed.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

import yaml  # comes with pulumi

from canary_release.model.engine_yaml import one_line
from stack.files import Config, ConfigError, Entry, whole_key

BLOCK = ("|", ">")


def edited(text: str, entries: Mapping[str, Entry | None], config: Config) -> str:
    """The text of a stack file that the engine accepts, with these entries, by whole key; None takes one out.

    Raises `ConfigError` where `config` is in braces, or a value is an alias or an anchor: their lines are not theirs
    alone.
    """
    node = _composed(text)
    for key, entry in entries.items():
        before, text = text, _edited(text, node, key, entry, config)
        try:
            node = _composed(text)
        except yaml.YAMLError:
            lines = (line.strip() for line in before.splitlines() if key.rpartition(":")[2] in line)
            told = next(lines, key)
            raise ConfigError(f"{config.file}: other lines need what this one says, so write it out: {told}") from None
    return text


def _composed(text: str) -> Any:
    return cast(Any, yaml).compose(text, Loader=yaml.SafeLoader)


def _edited(text: str, node: Any, key: str, entry: Entry | None, config: Config) -> str:
    root = _mapping(node, config.file)
    pairs = _mapping(next((value for name, value in root if name.value == "config"), None), config.file)
    found: Any = next((pair for pair in pairs if whole_key(pair[0].value, config.project) == key), None)
    if found is None:
        return text if entry is None else _added(text, key, entry, root, pairs)
    name, value = found
    if value.start_mark.index < name.end_mark.index:
        raise ConfigError(f"{config.file}: {key} is an alias, so no line is its own: write its value out")
    lines = text.splitlines(keepends=True)
    last = _last_line(value)
    if entry is None:
        return "".join([*lines[: name.start_mark.line], *lines[last + 1 :]])
    written = _written(entry, value)
    if last == value.start_mark.line == name.start_mark.line and getattr(value, "style", None) not in BLOCK:
        # What stands behind the value, a comment, stays.
        gap = " " if value.start_mark.index == value.end_mark.index else ""
        return text[: value.start_mark.index] + gap + written + text[value.end_mark.index :]
    head = text[name.start_mark.index - name.start_mark.column : name.end_mark.index]
    return "".join([*lines[: name.start_mark.line], f"{head}: {written}\n", *lines[last + 1 :]])


def _added(text: str, key: str, entry: Entry, root: list[Any], pairs: list[Any]) -> str:
    if text and not text.endswith("\n"):
        text += "\n"
    lines = text.splitlines(keepends=True)
    indent = pairs[0][0].start_mark.column if pairs else 2
    added = f"{' ' * indent}{key}: {_written(entry, None)}\n"
    if pairs:
        after = _last_line(pairs[-1][1]) + 1
    elif config := next((name for name, _ in root if name.value == "config"), None):
        after = config.start_mark.line + 1
    else:
        after, added = len(lines), f"config:\n{added}"
    return "".join([*lines[:after], added, *lines[after:]])


def _mapping(node: Any, file: str) -> list[Any]:
    """Pairs of key and value of an object in block style; none where there is none."""
    if node is None or node.id == "scalar":
        return []
    if node.id != "mapping" or node.flow_style:
        raise ConfigError(f"{file}: config must stand without braces, one key a line, to be changed")
    return list(node.value)


def _last_line(node: Any) -> int:
    """The last line of a value; what follows it may be a comment that belongs to the next one."""
    if node.id == "scalar" or node.flow_style:
        is_block = node.id == "scalar" and node.style in BLOCK
        return node.end_mark.line - (1 if is_block and node.end_mark.column == 0 else 0)
    below: list[Any] = [value for _, value in node.value] if node.id == "mapping" else node.value
    return max(map(_last_line, below), default=node.end_mark.line)


def _written(entry: Entry, before: Any) -> str:
    """In quotes, as `pulumi config set` writes it; a number or boolean without them where the file has none."""
    value: Any = entry.value
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list | dict):
        return one_line(value)
    is_plain = before is not None and before.id == "scalar" and before.style is None and before.value
    return entry.text if is_plain else json.dumps(entry.text)
