"""The keys of a stack's config, and the values of their text."""

import json
import re
from collections.abc import Iterator
from typing import Any

from canary_release.model.arguments import TYPES
from canary_release.model.contract import CanaryReleaseArgs
from canary_release.text.spelling import camel

from .files import Config, Entry

ARGUMENT_NAMES = {camel(name): name for name in CanaryReleaseArgs.__annotations__}
"""Python names of the arguments of a release, by config key."""

STACK_KEYS: dict[str, type] = {
    "protect": bool,
    "apiServer": str,
}
"""Keys that are no arguments of the release, with their types: where the stack runs, and how it treats its release."""

ZERO_IS_ABSENT = ("stable_replicas", "fixed_total")
"""The engine requires a default for every key. For these numbers the default 0 means that they are not set."""


def arguments_of(config: Config) -> dict[str, Any]:
    """The arguments of the release by Python name. Keys that are not known are among them, with their namespace."""
    found: dict[str, Any] = {}
    for key, text in sorted(config.values.items()):  # An engine hands them over in any order.
        namespace, _, name = key.partition(":")
        if namespace != config.project or name in STACK_KEYS:
            continue
        argument = ARGUMENT_NAMES.get(name)
        value = text if argument is None else typed(text, TYPES[argument])
        # Whoever writes 0 for stable wants no pods, and not the manifest's number.
        is_unset = argument in ZERO_IS_ABSENT and value == 0 and (argument == "fixed_total" or key not in config.own)
        if argument is None or not (value in ("", [], {}) or is_unset):
            found[argument or key] = value
    return found


def stack_value(config: Config, name: str) -> Any:
    """The value of one of `STACK_KEYS`; None where it is not set."""
    return typed(config.get(name), STACK_KEYS[name]) or None


def entries_by_name(config: Config) -> Iterator[tuple[str, Entry]]:
    """The entry of each known key that comes from a file, by argument or key."""
    for name in (*ARGUMENT_NAMES, *STACK_KEYS):
        entry = config.entry(name)
        if entry is not None:
            yield ARGUMENT_NAMES.get(name, name), entry


def typed(text: str, wanted: Any) -> Any:
    """The text as a value of the wanted type; the text itself where it is none, and then the checks refuse it."""
    if wanted is int and re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        return int(text)
    if wanted is bool:
        return {"true": True, "false": False}.get(text, text)
    if wanted in (list, dict):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text
