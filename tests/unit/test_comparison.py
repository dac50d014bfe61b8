"""The statistics of gates, against exact arithmetic, published figures, and seeded runs on recorded samples."""

import itertools
import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.gates.comparison import MISSES, Counts, State, as_good, compared, p_value


def exact(canary: Counts, stable: Counts) -> Fraction:
    """The same probability in whole numbers: of all ways to draw the bad requests, those as bad for the canary."""
    bad = canary.bad + stable.bad
    ways = (
        math.comb(canary.total, count) * math.comb(stable.total, bad - count)
        for count in range(canary.bad, min(bad, canary.total) + 1)
    )
    return Fraction(sum(ways), math.comb(canary.total + stable.total, bad))


@st.composite
def counts(draw: st.DrawFn, most: int = 400) -> Counts:
    total = draw(st.integers(1, most))
    return Counts(draw(st.integers(0, total)), total)


@given(canary=counts(), stable=counts())
@settings(deadline=None)
def test_the_probability_is_the_exact_one(canary: Counts, stable: Counts):
    assert p_value(canary, stable) == pytest.approx(float(exact(canary, stable)), rel=1e-9, abs=1e-15)


def test_the_probability_is_the_one_that_fisher_published():
    """The Design of Experiments, 1935: of four cups, all four, or three, are told apart from four others."""
    assert p_value(Counts(4, 4), Counts(0, 4)) == pytest.approx(1 / 70)
    assert p_value(Counts(3, 4), Counts(1, 4)) == pytest.approx(17 / 70)


def test_large_counts_are_exact_and_take_no_time():
    canary, stable = Counts(40, 2_000), Counts(200, 20_000)
    assert p_value(canary, stable) == pytest.approx(float(exact(canary, stable)), rel=1e-6)
    assert p_value(Counts(5_000, 1_000_000), Counts(100_000, 10_000_000)) == pytest.approx(1)
    assert as_good(Counts(10_000, 1_000_000), Counts(100_000, 10_000_000), 0.001) < 1e-9


def test_so_few_bad_requests_have_the_binomial_probability():
    """Without a bad request of stable the least that its share can be is 0."""
    assert as_good(Counts(0, 100), Counts(0, 50), 0.05) == pytest.approx(0.95**100)
    assert as_good(Counts(1, 100), Counts(0, 50), 0.05) == pytest.approx(0.95**100 + 100 * 0.05 * 0.95**99)


def test_stables_share_is_taken_at_the_limit_of_clopper_and_pearson():
    """Of 10 of 20 the two-sided 95 % interval is 27.2 % to 72.8 %."""
    assert as_good(Counts(0, 10), Counts(10, 20), 0.1) == pytest.approx((1 - 0.3720) ** 10, rel=0.01)


@pytest.mark.parametrize(
    ("canary", "stable", "state", "words"),
    [
        (Counts(0, 500), Counts(0, 1000), State.SUCCESS, "not worse than stable by 0.05, p = 7.3e-12"),
        (Counts(25, 500), Counts(0, 1000), State.FAILURE, "worse than stable, p = "),
        (Counts(0, 500), Counts(50, 1000), State.SUCCESS, "not worse than stable by 0.05"),
        (Counts(25, 500), Counts(50, 1000), State.SUCCESS, "not worse than stable by 0.05"),
        (
            Counts(0, 10),
            Counts(0, 1000),
            State.INCONCLUSIVE,
            "could look like this; it takes at least 72 requests",
        ),
        (
            Counts(5, 100),
            Counts(3, 100),
            State.INCONCLUSIVE,
            "too little traffic: a canary worse by 0.05 could look",
        ),
        (Counts(3, 3), Counts(0, 1000), State.FAILURE, "worse than stable"),
        (Counts(0, 0), Counts(0, 1000), State.INCONCLUSIVE, "too little traffic"),
        (Counts(5, 50), Counts(0, 0), State.INCONCLUSIVE, "too little traffic"),
        (Counts(20, 100), Counts(1, 3), State.INCONCLUSIVE, "too little traffic"),
    ],
)
def test_what_counts_come_to(canary: Counts, stable: Counts, state: State, words: str):
    found, reason = compared(canary, stable, worse_by=0.05, false_alarms=0.01)
    assert found is state
    assert words in reason


def outcomes(canary_share: float, stable_share: float, total: int) -> dict[State, float]:
    """The exact probability of each state, over all counts that both tracks can have."""
    found = dict.fromkeys(State, 0.0)

    def chance(bad: int, share: float) -> float:
        return math.comb(total, bad) * share**bad * (1 - share) ** (total - bad)

    for canary, stable in itertools.product(range(total + 1), repeat=2):
        probability = chance(canary, canary_share) * chance(stable, stable_share)
        if probability > 1e-9:
            state, _ = compared(Counts(canary, total), Counts(stable, total), 0.4, 0.05)
            found[state] += probability
    return found


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_an_equal_canary_is_refused_at_most_as_often_as_stated(share: float):
    assert outcomes(share, share, 30)[State.FAILURE] <= 0.05


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3])
def test_a_worse_canary_passes_at_most_as_often_as_stated(share: float):
    found = outcomes(share + 0.4, share, 30)
    assert found[State.SUCCESS] <= MISSES
