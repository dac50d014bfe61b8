"""The README is executed: every command of its console blocks runs, in order, and prints what stands below it."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STACK_FILE = ROOT / "Pulumi.dev.yaml"
BLOCKS = re.findall(r"^```console\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
STEPS = [step for block in BLOCKS for step in re.split(r"^\$ ", block, flags=re.MULTILINE) if step]


@pytest.fixture(scope="module")
def dev_stack_as_committed() -> Iterator[None]:
    """The walk starts from the committed stack file, and leaves the file and the sandbox as they were."""
    as_it_was = STACK_FILE.read_bytes()
    yield
    STACK_FILE.write_bytes(as_it_was)
    subprocess.run(["make", "up"], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)


@pytest.mark.usefixtures("dev_stack_as_committed")
def test_every_command_of_the_readme_prints_what_the_readme_shows():
    assert len(STEPS) > 20
    environment = ""
    for step in STEPS:
        command, *shown = step.rstrip("\n").split("\n")
        if command.startswith(". "):
            environment = f"{command}; "
        done = subprocess.run(
            ["bash", "-c", environment + command], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
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
