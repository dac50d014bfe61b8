"""Plain text of YAML, as kubectl reads it: yes and off are booleans, 0755 is octal, 12:30 is text."""

import math
import re
from typing import Any

TAG = "tag:yaml.org,2002:"
WORDS: dict[str, bool | float | None] = {
    **{word: True for name in ("y", "yes", "true", "on") for word in (name, name.title(), name.upper())},
    **{word: False for name in ("n", "no", "false", "off") for word in (name, name.title(), name.upper())},
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **{word: math.nan for word in (".nan", ".NaN", ".NAN")},
    **{sign + word: float(f"{sign}inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
}
INTEGER = re.compile(r"([-+]?)(?:0[bB]([01]+)|0[oO]?([0-7]+)|0[xX]([0-9a-fA-F]+)|(0|[1-9][0-9]{0,19}))")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def scalar(text: str, tag: str | None, plain: bool) -> Any:
    """The value of a scalar with this tag, if it has one; `plain` is one without quotes.

    Raises ValueError, which says what is wrong, for what JSON does not have.
    """
    kind = tag.removeprefix(TAG) if tag else None
    if kind in ("!", "str") or (kind is None and not plain):
        return text
    if kind not in (None, "bool", "float", "int", "null", "timestamp"):
        raise ValueError(f"the tag {tag.replace(TAG, '!!') if tag else ''} is not one of Kubernetes")
    value = _resolved(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{text} is not a number of JSON")
    if (
        kind is not None
        and kind != _kind(value)
        and (kind, _kind(value)) not in (("float", "int"), ("timestamp", "str"))
    ):
        raise ValueError(f"{text} is not of the type !!{kind}")
    return value


def _resolved(text: str) -> Any:
    if text in WORDS:
        return WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    number = text if text[0] == "." else text.replace("_", "")
    if match := INTEGER.fullmatch(number):
        sign, *digits = match.groups()
        base, found = next((base, each) for base, each in zip((2, 8, 16, 10), digits, strict=True) if each is not None)
        value = int(sign + found, base)
        if -(2**63) <= value < (2**63 if sign else 2**64):
            return value
    if FLOAT.fullmatch(number) and math.isfinite(value := float(number)):
        return value
    return text


def _kind(value: bool | int | float | str | None) -> str:
    return "null" if value is None else {bool: "bool", int: "int", float: "float", str: "str"}[type(value)]
