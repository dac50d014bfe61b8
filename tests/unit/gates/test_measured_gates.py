"""A small part of what `lives` measures: how often gates are wrong over the whole life of a canary."""

import random

import pytest

from canary_release.gates.contract import DEFAULTS
from canary_release.gates.e_process import MISSES

from .lives import DOCS, EQUAL, SECTION, WORSE, Outcome, outcome_of

RUNS = 60
BURSTS = "both 1 %, fails in bursts of mean size 5"


def outcomes(name: str) -> list[Outcome]:
    life = {**EQUAL, **WORSE}[name]
    return [outcome_of(life, random.Random(f"{name} {run}")) for run in range(RUNS)]


@pytest.mark.parametrize("name", [name for name in EQUAL if name != BURSTS])
def test_canaries_that_are_no_worse_are_refused_at_most_as_often_as_stated(name: str):
    refused = sum(each.failed is not None for each in outcomes(name))
    assert refused <= max(2, RUNS * DEFAULTS["falseAlarms"])


@pytest.mark.parametrize("name", WORSE)
def test_canaries_that_are_worse_pass_at_most_as_often_as_stated_and_are_refused(name: str):
    found = outcomes(name)
    assert sum(each.passed_ever for each in found) <= RUNS * MISSES
    assert sum(each.failed is not None for each in found) >= RUNS / 3


def test_the_table_of_the_docs_has_every_row_and_holds_what_is_stated():
    table = SECTION.search(DOCS.read_text())
    assert table
    rows = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[1:] for line in table[0].splitlines()[3:-1]}
    assert list(rows) == [*EQUAL, *WORSE]
    assert "| 10,000 canaries each |" in table[0]
    for name in EQUAL:
        assert name == BURSTS or float(rows[name][0].removesuffix(" %")) <= 100 * DEFAULTS["falseAlarms"], name
    for name in WORSE:
        assert float(rows[name][2].removesuffix(" %")) <= 100 * MISSES, name
