"""Requests are counted exactly, from raw samples."""

from typing import Any

import pytest

from canary_release.gates.counts import SCRAPE_SECONDS, Series, first_scrapes, growth, scrape_seconds


def series(*samples: tuple[float, float], pod: str = "a", **labels: str) -> Series:
    return Series({"pod": pod, **labels}, samples)


def counted(found: list[Series], start: float, end: float, started: float = 0, begin: float = -1) -> int:
    """What was counted in a span, of pods that started at a time, by samples that begin at one."""
    pods = {each.pod: started for each in found}
    return growth(found, first_scrapes(found, pods, begin), pods).between(start, end)


@pytest.mark.parametrize(
    ("samples", "start", "end", "count"),
    [
        ([(10, 5), (20, 9), (30, 9)], 0, 40, 9),
        ([(10, 5), (20, 9), (30, 12)], 10, 20, 4),
        ([(10, 5), (20, 9), (30, 12)], 20, 20, 0),
        ([(10, 5), (20, 2), (30, 4)], 0, 40, 9),
        ([(10, 5), (20, 0), (30, 4)], 15, 40, 4),
        ([], 0, 40, 0),
        ([(10, 1e15), (20, 1e15 + 3)], 10, 20, 3),
    ],
    ids=["from 0", "a span", "an empty span", "a reset", "a reset to 0", "no sample", "large values"],
)
def test_the_growth_of_a_counter_is_what_was_counted(samples: list[Any], start: float, end: float, count: int):
    assert counted([series(*samples)], start, end) == count


def test_what_a_pod_counted_before_the_samples_begin_is_not_counted():
    assert counted([series((110, 500), (120, 507))], 100, 200, started=0, begin=100) == 7


def test_a_pod_that_started_later_counts_from_its_first_sample_on():
    assert counted([series((110, 500), (120, 507))], 100, 200, started=105, begin=100) == 507


def test_a_series_that_appears_later_than_its_pod_began_at_0():
    """The first request of a status makes its series."""
    old = [series((110, 500), (120, 507)), series((120, 3), (130, 4), code="500")]
    assert counted(old[1:], 100, 200, started=105, begin=100) == 4
    firsts = first_scrapes(old, {"a": 0}, 100)
    assert growth(old[1:], firsts, {"a": 0}).between(100, 200) == 4


def test_the_first_scrape_is_that_of_the_same_pod():
    found = [series((110, 500)), series((130, 700), (140, 701), pod="b")]
    assert counted(found, 100, 200, started=0, begin=100) == 1


def test_what_was_scraped_before_a_pod_counts_is_left_out():
    found = [series((10, 5), (20, 9), (30, 12))]
    assert growth(found, {}, {"a": 20}).between(0, 40) == 3


def test_series_add_up():
    assert counted([series((10, 5)), series((11, 2), pod="b"), series((12, 1), code="500")], 0, 40) == 8


def test_the_time_between_scrapes_is_the_usual_one():
    assert scrape_seconds([series((0, 1), (15, 1), (30, 1), (90, 1), (105, 1))]) == 15
    assert scrape_seconds([series((0, 1))]) == SCRAPE_SECONDS
