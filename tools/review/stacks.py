"""Which stacks a change touches."""

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

STACK_FILE = re.compile(r"Pulumi\.([A-Za-z0-9_.-]+)\.yaml")
ELSEWHERE = {".ci", ".github", "docs", "examples", "releases", "sandbox", "tests", "tools"}
"""Folders whose files change no release, unless a stack file names one."""
RECORD = re.compile(r"\d{8}T\d{6}(\.\d{6})?Z-.+\.(json|html)")
"""Names of documents of updates and of `make release`, in any `evidenceFolder`."""
NO_PROGRAM = {".gitignore", "LICENSE", "Makefile", "pyproject.toml", "requirements-dev.txt"}
"""Files beside the program that change no release."""


def touched(changed: Iterable[str], folder: Path) -> list[str]:
    """The stacks of the folder whose update the changed files can alter.

    A file that is not known to be harmless touches all: a preview too many costs a minute, one too few hides a change.
    """
    stacks = stacks_in(folder)
    named = "".join(path.read_text(errors="replace") for path in folder.glob("Pulumi*.yaml"))
    found: set[str] = set()
    for path in map(PurePosixPath, changed):
        if stack := STACK_FILE.fullmatch(str(path)):
            found.add(stack[1])
        # A stack may have its manifest anywhere.
        elif str(path) in named or not _is_harmless(path):
            return stacks
    return [stack for stack in stacks if stack in found]


def _is_harmless(path: PurePosixPath) -> bool:
    is_journal = path.match(".release-*.json")  # Of a run under way.
    return (
        bool(is_journal or RECORD.fullmatch(path.name))
        or path.parts[0] in ELSEWHERE
        or path.suffix == ".md"
        or str(path) in NO_PROGRAM
    )


def stacks_in(folder: Path) -> list[str]:
    """The stacks that have a file in the folder."""
    names = (STACK_FILE.fullmatch(path.name) for path in folder.iterdir())
    return sorted(name[1] for name in names if name)


def project_in(folder: Path) -> str:
    """The name of the folder's project, read without a YAML library. Raises `ValueError` or `OSError`."""
    name = re.search(r"""^["']?name["']?\s*:\s*["']?([\w.-]+)""", (folder / "Pulumi.yaml").read_text(), re.MULTILINE)
    if not name:
        raise ValueError("Pulumi.yaml has no name")
    return name[1]


def changed(before: str, after: str) -> list[str] | None:
    """The paths that differ between two commits, both those of a file that moved; None if there is no such commit."""
    if any(_git("cat-file", "-e", f"{commit}^{{commit}}").returncode for commit in (before, after)):
        return None
    options = ("--name-only", "-z", "--no-renames", "--ignore-submodules=none")
    done = _git("diff", *options, before, after, "--")
    done.check_returncode()
    return [os.fsdecode(path) for path in done.stdout.split(b"\0") if path]


def _git(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["git", *arguments], capture_output=True)
