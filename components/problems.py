"""How everything that is wrong with a release is told at once: what, which value, what is accepted, and the fix."""

import difflib
import json
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from .args import CanaryReleaseArgs
from .release import camel

REMOVE = object()
"""The value of a fix that takes the key away."""


@dataclass(frozen=True)
class Unshown:
    """What stands in place of a value that is not shown."""

    text: str


MISSING = Unshown("missing")
"""The value of a problem whose key is not there."""

SECRET = Unshown("[secret]")
"""The value of a problem whose value must not be shown."""


Fix = Sequence[tuple[str, Any]]
"""Pairs of path and value, to be set in this order."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a release."""

    path: str
    """Argument name, followed by the way into it: `container.env[0].value`."""
    value: Any
    accepted: str
    """Sentence that says what is accepted; argument names in it stand in braces: `{image}`."""
    fix: Fix = ()
    """What to set."""


def literal(text: str) -> str:
    """Text of others for the sentence of a problem, whose braces name no arguments."""
    return text.replace("{", "{{").replace("}", "}}")


@dataclass(frozen=True)
class Spelling:
    """How the reader knows the arguments: as config keys with commands, as Python arguments, or as properties."""

    name: Callable[[str], str]
    spelled: Callable[[Fix], Iterable[str]]
    """The lines of a fix whose paths are spelled so already."""
    update: str

    def path(self, path: str) -> str:
        """The path with its first part, the argument's name, as the reader spells it; the rest is Kubernetes' own."""
        end = next((i for i, char in enumerate(path) if char in ".["), len(path))
        return self.name(path[:end]) + path[end:]

    def lines(self, fix: Fix) -> list[str]:
        """What the reader types for the fix, one line each."""
        return list(self.spelled([(self.path(path), value) for path, value in fix])) if fix else []


def child(path: str, name: str) -> str:
    """The path of a field, as Pulumi spells it."""
    quoted = name.replace('"', '\\"')
    return f"{path}.{name}" if re.fullmatch(r"[\w-]+", name) else f'{path}["{quoted}"]'


def unquoted(value: Any) -> Any:
    """The number or boolean that a short text holds; None if it holds none."""
    try:
        return json.loads(value) if isinstance(value, str) and len(value) < 10 else None
    except ValueError:
        return None


def typed(path: str, old: Any, new: Any) -> Fix:
    """The fix that sets a number or boolean: in place of text, `pulumi config set --path` would write text."""
    return [*([(path, REMOVE)] if isinstance(old, str) else []), (path, new)]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one, if any is."""
    spelled = {_letters(candidate): candidate for candidate in known}
    letters = _letters(name)
    found = difflib.get_close_matches(letters, spelled, n=1, cutoff=0.75)
    # People write Kubernetes' short names in full: environment for env, arguments for args.
    found += sorted((short for short in spelled if letters.startswith(short[:3]) and len(short) <= 4), key=len)
    return spelled[found[0]] if found else None


def _letters(name: str) -> str:
    """The name without namespace, case and word breaks: `canary:canaryReplica` is near `canary_replicas`."""
    return name.rpartition(":")[2].replace("_", "").lower()


def did_you_mean(name: str | None) -> str:
    """The end of a sentence that proposes a name."""
    return f"; did you mean {name}?" if name else ""


def written(value: Any) -> str:
    """A value as the reader wrote it, on one line."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return f"the date {value}" if isinstance(value, date) else f"a Python {type(value).__name__}"


def shown(value: Any) -> str:
    """A value as the reader wrote it, on one line of at most 120 characters."""
    text = written(value)
    return text if len(text) <= 120 else text[:117] + "..."


def report(headline: str, problems: Sequence[Problem], spelling: Spelling) -> str:
    """The one error for all problems, in plain text."""

    class Names(dict[str, str]):
        def __missing__(self, name: str) -> str:
            return spelling.name(name)

    lines = [headline]
    for problem in problems:
        value = problem.value.text if isinstance(problem.value, Unshown) else shown(problem.value)
        lines += ["", f"  {spelling.path(problem.path)}: {value}", f"    {problem.accepted.format_map(Names())}"]
        lines += [f"    fix: {line}" for line in spelling.lines(problem.fix)]
    return "\n".join(lines)


def config_keys(stack: str) -> Spelling:
    """Config keys of a stack, fixed by commands."""

    def command(path: str, value: Any) -> str:
        options = ["--path"] if any(char in path for char in ".[") else []
        if value is REMOVE:
            return shlex.join(["pulumi", "config", "rm", *options, path, "--stack", stack])
        if isinstance(value, list | dict):
            # The command sets scalars only.
            return f"edit Pulumi.{stack}.yaml: {path}: {written(value)}"
        if options and isinstance(value, str | float) and value != "<value>":
            # Without a type, --path turns "1" and "true" into a number and a boolean, and 0.5 into text.
            options += ["--type", "string" if isinstance(value, str) else "float"]
        text = str(value) if isinstance(value, str | date) else json.dumps(value)
        end_of_options = ["--"] if text.startswith("-") else []
        return shlex.join(["pulumi", "config", "set", *options, "--stack", stack, *end_of_options, path, text])

    def commands(fix: Fix) -> list[str]:
        return [command(*each) for each in fix]

    return Spelling(name=_key, spelled=commands, update=f"pulumi up --stack {stack}")


def _key(name: str) -> str:
    return camel(name) if name in (*CanaryReleaseArgs.__annotations__, "evidence_folder") else name


def _edits(sign: str) -> Callable[[Fix], Iterable[str]]:
    """In source code only the last value of a path counts."""
    return lambda fix: [
        f"remove {path}" if value is REMOVE else f"{path}{sign} {written(value)}" for path, value in dict(fix).items()
    ]


ARGUMENTS = Spelling(name=lambda name: name, spelled=_edits(" ="), update="pulumi up")
"""Arguments of the component, fixed in the program that uses it."""

PROPERTIES = Spelling(name=_key, spelled=_edits(":"), update="pulumi up")
"""Properties of the component in other languages than Python."""
