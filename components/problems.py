"""How everything that is wrong with a release is told at once: what, which value, what is accepted, and the fix."""

import difflib
import json
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a release."""

    path: str
    """Argument name, followed by the way into it: `container.env[0].value`."""
    value: Any
    accepted: str
    """Sentence that says what is accepted; argument names in it stand in braces: `{image}`."""
    fix: Sequence[tuple[str, Any]] = ()
    """What to set: pairs of path and value."""


def literal(text: str) -> str:
    """Text of others for the sentence of a problem, whose braces name no arguments."""
    return text.replace("{", "{{").replace("}", "}}")


@dataclass(frozen=True)
class Spelling:
    """How the reader knows the arguments: as config keys with commands, as Python arguments, or as properties."""

    name: Callable[[str], str]
    fix: Callable[[str, Any], str]
    update: str

    def path(self, path: str) -> str:
        """The path with its first part, the argument's name, as the reader spells it; the rest is Kubernetes' own."""
        end = next((i for i, char in enumerate(path) if char in ".["), len(path))
        return self.name(path[:end]) + path[end:]


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


def shown(value: Any) -> str:
    """A value as the reader wrote it, on one line of at most 120 characters."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = f"a Python {type(value).__name__}"
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
        lines += [f"    fix: {spelling.fix(spelling.path(path), value)}" for path, value in problem.fix]
    return "\n".join(lines)


def config_keys(stack: str) -> Spelling:
    """Config keys of a stack, fixed by commands."""

    def command(path: str, value: Any) -> str:
        options = ["--path"] if any(char in path for char in ".[") else []
        if value is REMOVE:
            return shlex.join(["pulumi", "config", "rm", *options, path, "--stack", stack])
        if isinstance(value, list | dict):
            # The command sets scalars only.
            return f"edit Pulumi.{stack}.yaml: {path}: {shown(value)}"
        if options and isinstance(value, str) and value != "<value>":
            # Without a type, --path turns "1" and "true" into a number and a boolean.
            options += ["--type", "string"]
        text = value if isinstance(value, str) else json.dumps(value)
        end_of_options = ["--"] if text.startswith("-") else []
        return shlex.join(["pulumi", "config", "set", *options, "--stack", stack, *end_of_options, path, text])

    return Spelling(name=_key, fix=command, update=f"pulumi up --stack {stack}")


def _key(name: str) -> str:
    return camel(name) if name in CanaryReleaseArgs.__annotations__ else name


def _property(path: str, value: Any) -> str:
    return f"remove {path}" if value is REMOVE else f"{path}: {shown(value)}"


def _python_argument(path: str, value: Any) -> str:
    return f"remove {path}" if value is REMOVE else f"{path} = {shown(value)}"


ARGUMENTS = Spelling(name=lambda name: name, fix=_python_argument, update="pulumi up")
"""Arguments of the component, fixed in the program that uses it."""

PROPERTIES = Spelling(name=_key, fix=_property, update="pulumi up")
"""Properties of the component in other languages than Python."""
