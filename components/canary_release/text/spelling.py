"""How the reader knows the arguments: as config keys, as Python arguments, or as properties of another language."""

import json
import pprint
import re
import shlex
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml  # comes with pulumi

from ..model.contract import CanaryReleaseArgs
from ..model.problem import REMOVE, Fix, Spare
from ..model.tree import Path

Edit = tuple[str, Any]
"""A spelled path and its value, which may be `REMOVE`."""


@dataclass(frozen=True)
class Spelling:
    """How the reader knows the arguments."""

    name: Callable[[str], str]
    """An argument's name, from its Python name."""
    edits: Callable[[Sequence[Edit]], Iterable[str]]
    """What the reader types for the edits, one line each."""
    block: Callable[[str, Any], str]
    """What the reader pastes for an argument, by its Python name, whose value is too large for one line."""
    update: str
    """The command that updates."""

    def path(self, path: Path) -> str:
        """The path with its first part, the argument's name, as the reader spells it."""
        return field_path(path[1:], self.name(str(path[0])))

    def lines(self, fix: Fix) -> list[str]:
        """What the reader types for the fix, one line each."""
        return list(self.edits([(self.path(path), value) for path, value in fix])) if fix else []


def field_path(path: Path, start: str = "") -> str:
    """A path as Pulumi and Kubernetes spell it: `spec.containers[0].env`."""
    for part in path:
        if isinstance(part, int):
            start += f"[{part}]"
        elif re.fullmatch(r"[\w$-]+", part):
            start += f".{part}" if start else part
        else:
            quoted = part.replace('"', '\\"')
            start += f'["{quoted}"]'
    return start


def written(value: Any) -> str:
    """A value as the reader wrote it, on one line."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return f"the date {value}" if isinstance(value, date) else f"a Python {type(value).__name__}"


def shown(value: Any) -> str:
    """A value as the reader wrote it, on one line of at most 120 characters."""
    return shortened(written(value), 120)


def shortened(text: str, most: int) -> str:
    """The text; of more characters than that, `[…]` stands for the middle, since a sentence may end with the help."""
    end = most // 3
    return text if len(text) <= most else f"{text[: most - end - 3]}[…]{text[-end:]}"


def camel(name: str) -> str:
    """`stable_version` → `stableVersion`: an argument's name as stack config and other languages spell it."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def config_keys(stack: str, project: str = "canary") -> Spelling:
    """Config keys of a stack, set by commands; what is too large for a command stands in its file."""
    file = f"Pulumi.{stack}.yaml"

    def command(path: str, value: Any) -> str:
        options = ["--path"] if any(char in path for char in ".[") else []
        if value is REMOVE:
            return shlex.join(["pulumi", "config", "rm", *options, path, "--stack", stack])
        if isinstance(value, list | dict):
            # The command sets scalars only.
            return f"edit {file}: {path}: {written(value)}"
        if options and isinstance(value, str | float) and value != "<value>":
            # Without a type, --path turns "1" and "true" into a number and a boolean, and 0.5 into text.
            options += ["--type", "string" if isinstance(value, str) else "float"]
        text = str(value) if isinstance(value, str | date) else json.dumps(value)
        end_of_options = ["--"] if text.startswith("-") else []
        return shlex.join(["pulumi", "config", "set", *options, "--stack", stack, *end_of_options, path, text])

    def commands(edits: Sequence[Edit]) -> list[str]:
        return [command(*each) for each in edits]

    def block(name: str, value: Any) -> str:
        text = yaml.safe_dump({f"{project}:{_key(name)}": value}, sort_keys=False, allow_unicode=True)
        return f"{_key(name)} in {file}, below config:\n{textwrap.indent(text, '  ')}".rstrip()

    return Spelling(_key, commands, block, f"pulumi up --stack {stack}")


def _key(name: str) -> str:
    return camel(name) if name in CanaryReleaseArgs.__annotations__ else name


def in_source(sign: str) -> Callable[[Sequence[Edit]], list[str]]:
    """Edits of a file, with this sign between path and value: there only the last value of a path counts."""
    return lambda edits: [
        f"remove {path}"
        if value is REMOVE
        else f"remove what begins in line {value.line}"
        if isinstance(value, Spare)
        else f"{path}{sign} {written(value)}"
        for path, value in dict(edits).items()
    ]


ARGUMENTS = Spelling(
    name=lambda name: name,
    edits=in_source(" ="),
    block=lambda name, value: f'"{name}": {pprint.pformat(value, sort_dicts=False)}',
    update="pulumi up",
)
"""Arguments of the component, set in the program that uses it."""

PROPERTIES = Spelling(
    name=_key,
    edits=in_source(":"),
    block=lambda name, value: f"{_key(name)}: {json.dumps(value, indent=2, ensure_ascii=False)}",
    update="pulumi up",
)
"""Properties of the component in other languages than Python: JSON is YAML and TypeScript, too."""
