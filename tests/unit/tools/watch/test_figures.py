"""Percentiles, and the exact interval of a share."""

import math

import pytest

from tools.watch.figures import percentile, share_interval


@pytest.mark.parametrize(
    ("count", "total", "confidence", "low", "high"),
    [
        # Clopper and Pearson's intervals as tables and R's binom.test have them.
        (0, 10, 0.95, 0.0, 0.30850),
        (1, 10, 0.95, 0.00253, 0.44502),
        (5, 10, 0.95, 0.18709, 0.81291),
        (10, 10, 0.95, 0.69150, 1.0),
        # Closed forms: 1 - (α/2)^(1/n) for none of n.
        (0, 200, 0.99, 0.0, 1 - 0.005 ** (1 / 200)),
        (200, 200, 0.99, 0.005 ** (1 / 200), 1.0),
    ],
)
def test_the_interval_is_clopper_and_pearsons(count: int, total: int, confidence: float, low: float, high: float):
    assert share_interval(count, total, confidence) == pytest.approx((low, high), abs=1e-5)


@pytest.mark.parametrize(("count", "total"), [(1, 3), (66, 200), (1, 10_000), (3333, 10_000)])
def test_each_bound_has_half_of_the_chance_outside(count: int, total: int):
    """Against the binomial distribution in whole, term by term."""

    def chance(counts: range, share: float) -> float:
        logs = [
            math.log(math.comb(total, seen)) + seen * math.log(share) + (total - seen) * math.log1p(-share)
            for seen in counts
        ]
        return math.fsum(map(math.exp, logs))

    low, high = share_interval(count, total)
    assert 1 - chance(range(count), low) == pytest.approx(0.005, abs=1e-6)
    assert chance(range(count + 1), high) == pytest.approx(0.005, abs=1e-6)


@pytest.mark.parametrize("share", [0.01, 1 / 3, 0.5])
def test_of_true_shares_at_most_one_in_a_hundred_is_called_wrong(share: float):
    """Exact: the chances of all counts whose interval leaves the true share out, added up."""
    total = 200
    wrong = 0.0
    for count in range(total + 1):
        low, high = share_interval(count, total)
        if not low <= share <= high:
            wrong += math.comb(total, count) * share**count * (1 - share) ** (total - count)
    assert 0 < wrong <= 0.01


def test_a_percentile_is_a_value_that_was_seen():
    values = [float(value) for value in range(100, 0, -1)]
    assert [percentile(values, percent) for percent in (50, 95, 99)] == [50, 95, 99]
    assert percentile([7.0], 99) == 7
    assert percentile([], 50) is None
