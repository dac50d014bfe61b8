"""The statistics of gates, against scipy's figures, exact arithmetic, and the inequality that they rest on."""

import itertools
import json
import math
import random
from collections.abc import Iterable
from functools import reduce
from pathlib import Path

import pytest

from canary_release.gates.e_process import (
    MISSES,
    RATIOS,
    START,
    Block,
    Counts,
    EProcess,
    excludes,
    log_ratios,
    log_ways,
    lower,
    missing,
    upper,
)

from .generated import binomial

ORACLE = json.loads((Path(__file__).parent / "oracle.json").read_text())


def block(canary: Counts, stable: Counts) -> Block:
    return Block(canary, (stable,) * 3)


def after(blocks: Iterable[Block], evidence: EProcess = START) -> EProcess:
    """The evidence after more blocks, with the default tolerance."""
    return reduce(lambda evidence, block: evidence.with_block(block, 1.2), blocks, evidence)


def e_value(evidence: EProcess) -> float:
    """The mean of the likelihood ratios so far, with the weight of the blocks to come."""
    return sum(map(math.exp, evidence.logs)) / len(evidence.logs) + 1 / (evidence.blocks + 1)


def test_likelihood_ratios_are_those_of_scipys_noncentral_hypergeometric_distribution():
    assert len(ORACLE["ratios"]) > 50
    for y, n, s, m, tolerance, ratio, wanted in ORACLE["ratios"]:
        found = log_ratios(Counts(y, n), Counts(s, m), tolerance)[RATIOS.index(ratio)]
        assert found == pytest.approx(wanted, rel=1e-6, abs=1e-6)


def test_bounds_lie_where_scipys_mixture_is_as_large_as_stated():
    for y, n, share, log_mixture in ORACLE["mixtures"]:
        if 0.1 < log_mixture < 300:  # Else no bound lies there.
            bound = (upper if share > y / n else lower)(Counts(y, n), math.exp(-log_mixture))
            assert bound == pytest.approx(share, rel=1e-6)


def test_the_ways_are_summed_exactly():
    for n, m, b, odds in itertools.product((1, 7, 30), (1, 12, 40), (1, 5, 20), (1.0, 1.2, 36.0)):
        if b <= n + m:
            ways = sum(math.comb(n, k) * math.comb(m, b - k) * odds**k for k in range(max(0, b - m), min(b, n) + 1))
            assert log_ways(n, m, b, odds) == pytest.approx(math.log(ways))


def test_large_counts_take_no_time():
    assert log_ways(1_000_000, 5_000_000, 200_000, 3.0) > 0
    assert log_ratios(Counts(60_000, 100_000), Counts(10_000, 200_000), 1.2)[-1] > 1_000


@pytest.mark.parametrize("odds", [1.0, 1.2])
def test_the_evidence_of_the_next_block_is_expected_to_be_no_more(odds: float):
    """Of a canary whose odds are the tolerated ones, given all bad requests, over all that the canary may have."""
    evidence = after([block(Counts(2, 30), Counts(1, 60)), block(Counts(0, 30), Counts(2, 60))])
    n, m, b = 30, 60, 6
    expected = 0.0
    for k in range(b + 1):
        chance = math.exp(math.log(math.comb(n, k) * math.comb(m, b - k) * odds**k) - log_ways(n, m, b, odds))
        expected += chance * e_value(evidence.with_block(block(Counts(k, n), Counts(b - k, m)), 1.2))
    assert 0 < expected <= e_value(evidence) + 1e-12


def test_blocks_without_bad_requests_or_without_a_track_say_nothing():
    evidence = START
    for canary, stable in (((0, 90), (0, 90)), ((5, 50), (0, 0)), ((0, 0), (5, 50))):
        evidence = evidence.with_block(block(Counts(*canary), Counts(*stable)), 1.2)
        assert e_value(evidence) == pytest.approx(1)


def test_what_went_well_for_long_hides_no_harm_that_begins():
    good, bad = block(Counts(10, 1000), Counts(20, 2000)), block(Counts(50, 1000), Counts(20, 2000))
    evidence = after([good] * 2000)
    assert evidence.highest < math.log(2)
    assert after([bad] * 3, evidence).highest > math.log(1_000)


def test_what_was_evidence_once_stays_it():
    evidence = after([block(Counts(20, 50), Counts(0, 100))] * 3)
    assert after([block(Counts(0, 50), Counts(5, 100))] * 50, evidence).highest == evidence.highest > 5


def test_of_stables_spans_the_one_counts_that_speaks_for_the_canary_and_no_block_decides_alone():
    """The canary's scrape tells of an outage that stable's tells of only with the next."""
    edge = Block(Counts(150, 300), (Counts(0, 600), Counts(0, 600), Counts(300, 600)))
    assert START.with_block(edge, 1.2).highest < 1.1


def test_an_even_smaller_evidence_than_one_comes_from_a_tolerated_difference():
    chance, evidence = random.Random(3), START
    for _ in range(300):
        one, other = Counts(binomial(chance, 1000, 0.011), 1000), Counts(binomial(chance, 2000, 0.01), 2000)
        evidence = evidence.with_block(block(one, other), 1.2)
    assert evidence.highest < 0.7


@pytest.mark.parametrize(
    ("canary", "stable", "worse_by", "said"),
    [
        (Counts(0, 753), Counts(0, 1506), 0.01, False),
        (Counts(0, 754), Counts(0, 1508), 0.01, True),
        (Counts(0, 200), Counts(0, 400), 0.05, True),
        (Counts(50, 1000), Counts(100, 2000), 0.05, True),
        (Counts(50, 1000), Counts(0, 2000), 0.05, False),
        (Counts(2, 200), Counts(0, 400), 0.06, True),
        (Counts(2, 200), Counts(0, 400), 0.01, False),
        (Counts(0, 0), Counts(0, 9), 0.9, False),
        (Counts(9, 9), Counts(3, 9), 0.5, False),
    ],
)
def test_success_is_said_once_a_difference_is_excluded(canary: Counts, stable: Counts, worse_by: float, said: bool):
    assert excludes(canary, stable, worse_by) is said


def test_of_canaries_that_are_worse_hardly_one_ever_passes():
    passed = 0
    for run in range(200):
        chance, canary, stable = random.Random(run), Counts(0, 0), Counts(0, 0)
        for _ in range(40):
            canary += Counts(binomial(chance, 100, 0.06), 100)
            stable += Counts(binomial(chance, 200, 0.01), 200)
            if excludes(canary, stable, 0.05):
                passed += 1
                break
    assert passed <= 200 * MISSES


@pytest.mark.parametrize(("canary", "stable"), [(Counts(0, 10), Counts(0, 20)), (Counts(3, 300), Counts(8, 600))])
def test_as_many_more_requests_as_are_missing_decide(canary: Counts, stable: Counts):
    more = missing(canary, stable, 0.01)
    assert more
    times = (canary.total + more) / canary.total
    assert not excludes(canary, stable, 0.01)
    many, others = (Counts(round(each.bad * times), round(each.total * times)) for each in (canary, stable))
    assert excludes(many, others, 0.01)


def test_no_number_of_requests_makes_up_for_a_difference():
    assert missing(Counts(30, 1000), Counts(10, 1000), 0.01) is None


@pytest.mark.parametrize(("counts", "burst"), [(Counts(19_999, 20_000), 1000), (Counts(999_999, 1_000_000), 1)])
def test_a_share_next_to_one_has_an_end_as_any_other(counts: Counts, burst: int):
    share = counts.bad / counts.total
    assert lower(counts, 0.025, burst) < share <= upper(counts, 0.025, burst) <= 1
    good = Counts(counts.total - counts.bad, counts.total)
    assert 0 <= lower(good, 0.025, burst) <= 1 - share < upper(good, 0.025, burst)
