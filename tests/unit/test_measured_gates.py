"""How often a comparison is wrong, measured on recorded requests; the table of docs/gates.md is generated here."""

import functools
import json
import random
import re
from collections import Counter
from pathlib import Path

from components.gates.comparison import MISSES, Counts, State, compared
from components.gates.contract import DEFAULTS

from .conftest import ROOT

DOCS = ROOT / "docs" / "gates.md"
SECTION = re.compile(r"(<!-- measured: generated -->\n).*?(<!-- /measured -->)", re.DOTALL)
RECORDED: dict[str, dict[str, list[int]]] = json.loads((ROOT / "tests" / "recorded.json").read_text())
RUNS = 400
SECONDS = (1, 3, 15)
EQUAL = [("v0.2", "failed"), ("v0.2", "slow"), ("v0.4-errors", "failed"), ("v0.4-slow", "slow")]
WORSE = [("v0.4-errors", "failed"), ("v0.4-slow", "slow")]
GOOD = "v0.2"


def drawn(version: str, bad: str, seconds: int, chance: random.Random) -> Counts:
    """The requests of so many recorded seconds, drawn with replacement."""
    series = list(zip(RECORDED[version][bad], RECORDED[version]["total"], strict=True))
    chosen = chance.choices(series, k=seconds)
    return Counts(sum(failed for failed, _ in chosen), sum(total for _, total in chosen))


@functools.cache
def run(canary: str, stable: str, bad: str, seconds: int) -> tuple[Counter[State], int]:
    """The states of many runs, one canary pod beside two stable ones, and the canary's requests in one of them."""
    chance = random.Random(f"{canary} {stable} {bad} {seconds}")
    states: Counter[State] = Counter()
    requests = 0
    for _ in range(RUNS):
        one = drawn(canary, bad, seconds, chance)
        other = drawn(stable, bad, 2 * seconds, chance)
        states[compared(one, other, DEFAULTS["worseBy"], DEFAULTS["falseAlarms"])[0]] += 1
        requests += one.total
    return states, round(requests / RUNS)


def equal() -> Counter[State]:
    """The states of all runs whose tracks were equal: each failure is a false alarm."""
    return sum((run(version, version, bad, seconds)[0] for version, bad in EQUAL for seconds in SECONDS), Counter())


def worse() -> Counter[State]:
    """The states of all runs whose canary was worse: each success is a miss."""
    return sum((run(version, GOOD, bad, seconds)[0] for version, bad in WORSE for seconds in SECONDS), Counter())


def measured() -> str:
    """The table of all runs, and their sums."""
    rows = [
        "| canary | stable | bad | canary's requests | success | failure | inconclusive |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    pairs = [(version, version, bad) for version, bad in EQUAL] + [(version, GOOD, bad) for version, bad in WORSE]
    for canary, stable, bad in pairs:
        for seconds in SECONDS:
            states, requests = run(canary, stable, bad, seconds)
            cells = " | ".join(f"{states[state] / RUNS:.2%}".replace("%", " %") for state in State)
            rows.append(f"| `{canary}` | `{stable}` | {bad} | {requests} | {cells} |")
    alarms, misses = equal(), worse()
    told = f"False alarms: {alarms[State.FAILURE]} in {alarms.total():,} runs. "
    told += f"Misses: {misses[State.SUCCESS]} in {misses.total():,} runs."
    return "\n".join([*rows, "", told]) + "\n"


def test_the_table_of_the_docs_is_measured_on_the_recording(tmp_path: Path):
    text = DOCS.read_text()
    generated = SECTION.sub(lambda section: section[1] + measured() + section[2], text)
    (tmp_path / DOCS.name).write_text(generated)
    assert SECTION.search(text)
    assert text == generated, f"cp {tmp_path / DOCS.name} {DOCS}"


def test_of_equal_canaries_no_more_are_refused_than_stated():
    assert equal()[State.FAILURE] / equal().total() <= DEFAULTS["falseAlarms"]


def test_of_worse_canaries_no_more_pass_than_stated():
    assert worse()[State.SUCCESS] / worse().total() <= MISSES
