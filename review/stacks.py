"""Which stacks a change touches."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

STACK_FILE = re.compile(r"Pulumi\.([A-Za-z0-9_.-]+)\.yaml")
ELSEWHERE = {".ci", ".github", "docs", "examples", "observe", "review", "sandbox", "tests"}
"""Folders that no release is made of."""
NO_PROGRAM = {".gitignore", "LICENSE", "Makefile", "adopt.py", "plan.py", "pyproject.toml", "requirements-dev.txt"}
"""Files beside the program that no release is made of."""


def touched(changed: Iterable[str], stacks: Iterable[str]) -> list[str]:
    """The stacks, in their order, whose update the changed files can alter.

    A file that is not known to be harmless touches all: a preview too many costs a minute, one too few hides a change.
    """
    found: set[str] = set()
    for path in map(PurePosixPath, filter(None, changed)):
        if path.parts[0] in ELSEWHERE or path.suffix == ".md" or str(path) in NO_PROGRAM:
            continue
        if not (stack := STACK_FILE.fullmatch(str(path))):
            return list(stacks)
        found.add(stack[1])
    return [stack for stack in stacks if stack in found]


def stacks_in(folder: Path) -> list[str]:
    """The stacks that have a file in the folder."""
    names = (STACK_FILE.fullmatch(path.name) for path in folder.iterdir())
    return sorted(name[1] for name in names if name)
