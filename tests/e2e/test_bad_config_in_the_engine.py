"""Every bad config of the folder, through the engine itself: its reviewed text, no traceback, nothing made."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from project import ROOT, Ended, Stack

CASES = sorted((ROOT / "tests" / "bad_configs").glob("*.yaml"))
UPDATED = ("missing-keys", "manifest-that-is-not-there", "unquoted-version")
"""Cases that also run through `pulumi up`."""
SALT = next(line for line in (ROOT / "Pulumi.dev.yaml").read_text().splitlines() if line.startswith("encryptionsalt:"))
"""Into a file without one the engine writes one before the program starts, and turns an unquoted 1.10 into "1.1"."""


def expected(case: Path) -> str:
    """The text that the operator reads: the engine's own where it refuses before the program runs."""
    engine = case.with_suffix(".engine.txt")
    return squeezed((engine if engine.exists() else case.with_suffix(".txt")).read_text())


def squeezed(text: str) -> str:
    """The lines without indentation and blank lines, since the engine indents what a program says."""
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


class Runner:
    """Runs cases in a project of its own, one after the other."""

    def __init__(self, folder: Path, namespace: str, node_port: int) -> None:
        folder.mkdir()
        self.stack = Stack.seed(folder, namespace, node_port)

    def run(self, cases: list[Path]) -> dict[str, list[Ended]]:
        return {case.stem: [self.refuse(case, command) for command in commands(case)] for case in cases}

    def refuse(self, case: Path, command: str) -> Ended:
        text = case.read_text()
        if command == "up":
            # Should the config be accepted after all, the operator's own release must not be touched.
            text = text.rstrip("\n") + f"\n  canary:namespace: {self.stack.namespace}\n"
        self.stack.file.write_text(f"{text.rstrip()}\n{SALT}\n")
        return self.stack.run("pulumi", command, *(["--yes"] if command == "up" else []))


def commands(case: Path) -> list[str]:
    return ["preview", "up"] if case.stem in UPDATED else ["preview"]


@pytest.fixture(scope="module")
def runners(namespace: Callable, node_port: Callable, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("projects")
    with namespace() as name:
        yield [Runner(folder / str(number), name, node_port()) for number in range(2)]
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def refusals(runners: list[Runner]) -> dict[str, list[Ended]]:
    """How every case ended; two run side by side."""
    with ThreadPoolExecutor() as pool:
        halves = pool.map(Runner.run, runners, [CASES[::2], CASES[1::2]])
        return {case: ended for half in halves for case, ended in half.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_bad_config_is_refused_in_its_reviewed_words(case: Path, refusals: dict[str, list[Ended]]):
    for ended in refusals[case.stem]:
        assert ended.code != 0, ended
        assert expected(case) in squeezed(ended.text), ended
        assert "Traceback" not in ended.text, ended


def test_nothing_is_made_by_a_bad_config(refusals: dict[str, list[Ended]], runners: list[Runner]):
    assert sum(len(ended) for ended in refusals.values()) == len(CASES) + len(UPDATED)
    for runner in runners:
        assert runner.stack.objects() == set()
        made = [each["type"] for each in runner.stack.exported().get("resources") or []]
        assert set(made) <= {"pulumi:pulumi:Stack"}
