"""YAML as the engine reads it: dates are dates, and yes, off and 12:30 are text."""

import re
import sys
from datetime import datetime
from typing import Any, cast

import yaml  # comes with pulumi

from .scalars import TAG, scalar

DATE = re.compile(
    r"""(\d{4})-(\d\d?)-(\d\d?)
    (?:[Tt](\d\d?):(\d\d?):(\d\d?)(?:\.\d+)?(?:Z|[-+]\d\d:\d\d) | [ ](\d\d?):(\d\d?):(\d\d?)(?:\.\d+)?)?""",
    re.VERBOSE,
)
TIME = ("hour", "minute", "second")
WORDS = {"y", "yes", "on", "n", "no", "off"}
"""Text here, and booleans to kubectl."""
LINE_BREAKS = set("\x85\u2028\u2029")
"""PyYAML folds these into spaces, but within double quotes."""


class Date(str):
    """A date that stands without quotes. The text is what the engine makes of it."""


def engine_scalar(text: str, tag: str | None, plain: bool) -> Any:
    """The value of a scalar. Raises ValueError, which says what is wrong, for what JSON does not have."""
    date = DATE.fullmatch(text) if plain and tag in (None, f"{TAG}timestamp") else None
    if date and (read := _date(date)):
        return read
    if tag is None and text.lower() in WORDS:
        return text
    return scalar(text, tag, plain)


def one_line(value: Any) -> str:
    """The value in one line that the engine reads as the same value."""
    style: dict[str, Any] = {"default_flow_style": True, "sort_keys": False, "allow_unicode": True}
    return cast(str, yaml.dump(value, Dumper=_Dumper, width=sys.maxsize, **style)).strip()


def _date(match: re.Match[str]) -> Date | None:
    """None for a day or a time that no calendar has."""
    year, month, day, *time = (int(each) for each in match.groups() if each)
    try:
        return Date(f"{datetime(year, month, day).replace(**dict(zip(TIME, time, strict=False)))} +0000 UTC")
    except ValueError:
        return None


class _Dumper(yaml.SafeDumper):
    """Quotes text that the engine would read as something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 # PyYAML names it so
        return True


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    represent: Any = cast(Any, dumper).represent_scalar
    style = None if _is_text(text) else "'"
    return represent(f"{TAG}str", str(text), style='"' if set(text) & LINE_BREAKS else style)


def _is_text(text: str) -> bool:
    try:
        value = engine_scalar(text, None, True)
    except ValueError:
        return False
    return isinstance(value, str) and not isinstance(value, Date)


_Dumper.add_representer(str, _represent)
_Dumper.add_representer(Date, _represent)
