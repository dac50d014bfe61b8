"""One thing that is wrong with a release, and its fix, as data. `text` writes the words."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .tree import Path

REMOVE = object()
"""The value of a fix that takes the path away."""


@dataclass(frozen=True)
class Unshown:
    """What is told in place of a value: in no quotes, and as it is."""

    text: str


MISSING = Unshown("missing")
"""The value of a problem whose path is not there."""

SECRET = Unshown("[secret]")
"""The value of a problem whose value must not be shown."""


@dataclass(frozen=True)
class Spare:
    """The value of a fix that takes away what begins in this line of the file: nothing reads it."""

    line: int


Fix = Sequence[tuple[Path, Any]]
"""Pairs of path and value, to be set in this order."""


@dataclass(frozen=True)
class Place:
    """Where a value stands in a file; lines count from 1."""

    file: str
    line: int


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a release."""

    path: Path
    """The argument's Python name and the path below it: `("manifest", 0, "spec", "replicas")`."""
    value: Any
    accepted: str
    """Sentence that says what is accepted; argument names in it stand in braces: `{stable_version}`."""
    fix: Fix = ()
    """What to set."""
    place: Place | None = None


def literal(text: str) -> str:
    """Text with its braces doubled, for `Problem.accepted`: there single braces name arguments."""
    return text.replace("{", "{{").replace("}", "}}")


def misspelt(text: str, meant: str) -> bool:
    """Whether the text is like what may be meant, with the same digits and signs: web-1 is not web-2."""
    same = [re.sub("[A-Za-z]+", "", each) for each in (text, meant)]
    return same[0] == same[1] and bool(_like(_letters(text), [_letters(meant)]))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like this one, if any is."""
    spelled = {_letters(candidate): candidate for candidate in known}
    letters = _letters(name)
    found = _like(letters, spelled)
    # People write Kubernetes' short names in full: environment for env, arguments for args.
    found += sorted((short for short in spelled if letters.startswith(short[:3]) and len(short) <= 4), key=len)
    return spelled[found[0]] if found else None


def _like(name: str, known: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(name, list(known), n=1, cutoff=0.75)


def _letters(name: str) -> str:
    """The name without namespace, case and word breaks: `canary:canaryReplica` is near `canary_replicas`."""
    return name.rpartition(":")[2].replace("_", "").lower()


def did_you_mean(name: str | None) -> str:
    """The end of a sentence that proposes a name."""
    return f"; did you mean {name}?" if name else ""


def unknown(path: Path, value: Any, what: str, known: Iterable[Any], otherwise: str = "", only: bool = True) -> Problem:
    """The problem of a name or number that leads nowhere; `otherwise` is said of what none is known of.

    The fix is the nearest name; without one the only name there is, unless `only` is false.
    """
    names = list(dict.fromkeys(known))
    meant = nearest(str(value), [name for name in names if isinstance(name, str)])
    listed = ", ".join(map(str, names)) or f"there is none{otherwise}"
    accepted = literal(f"must be {what}: {listed}{did_you_mean(meant)}")
    proposed = meant or (names[0] if only and len(names) == 1 else f"<{str(path[-1]).rpartition('_')[2]}>")
    return Problem(path, value, accepted, [(path, proposed)])
