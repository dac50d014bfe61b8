"""Pages that are executed: every command of a page's console blocks runs, in order, and prints what stands below it.

A command stands behind `$ `, its further lines behind `> `. A shown line is printed as it is, … is any text.
"""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)


def steps(text: str) -> list[tuple[str, list[str]]]:
    """Each command of a page, and the lines that it shows of the output."""
    found: list[tuple[str, list[str]]] = []
    for block in BLOCK.findall(text):
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE):
            command, *lines = step.rstrip("\n").split("\n")
            if command:
                further = [line[2:] for line in lines if line.startswith("> ")]
                found.append(("\n".join([command, *further]), [line for line in lines if not line.startswith("> ")]))
    return found


def execute(text: str, folder: Path, environment: Mapping[str, str] | None = None) -> None:
    """Runs a page in a folder. Fails at the first command that fails or does not print what the page shows."""
    read = ""
    for command, shown in steps(text):
        if command.startswith(". "):
            read = f"{command}; "
        done = subprocess.run(
            ["bash", "-c", read + command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        printed = done.stdout + done.stderr
        assert done.returncode == 0, f"$ {command}\n{printed}"
        assert_in_order(shown, printed.split("\n"), command)


def assert_in_order(shown: list[str], printed: list[str], command: str) -> None:
    """Every shown line stands in the output, in this order; … is any text, and the width of white space is free."""
    rest = iter(printed)
    for line in shown:
        pattern = re.compile(r".*".join(r"\s+".join(map(re.escape, part.split())) for part in line.split("…")))
        assert any(pattern.search(" ".join(candidate.split())) for candidate in rest), (
            f"$ {command}\nprinted no line like this at its place: {line!r}\n" + "\n".join(printed)
        )
