"""Lengths of time and moments are read as they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_release.model.duration import LONGEST_SECONDS, duration, duration_seconds
from canary_release.model.moment import minute, moment, moment_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("90m", 5400), ("1h0m5s", 3605), ("720h", 2_592_000)],
)
def test_a_duration_is_hours_minutes_and_seconds(text: str, seconds: int):
    assert duration_seconds(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "30", "0m", "m", "30 m", "1m1h", "1.5h", "-1m", "721h", "1d", "٣m", "30M", "30m\n"]
)
def test_anything_else_is_none(text: str):
    assert duration_seconds(text) is None


@given(st.integers(1, LONGEST_SECONDS))
def test_a_duration_says_its_seconds(seconds: int):
    assert duration_seconds(duration(seconds)) == seconds


@given(st.integers(0, 4_000_000_000))
def test_a_moment_says_its_seconds(seconds: int):
    assert moment_seconds(moment(seconds)) == seconds


def test_moments_are_rounded_up_so_that_no_one_is_told_to_come_too_early():
    assert (moment(59.1), minute(1)) == ("1970-01-01T00:01:00Z", "1970-01-01 00:01 UTC")


@pytest.mark.parametrize("value", [None, 7, "", "2026-11-24", {"a": 1}])
def test_what_is_no_moment_is_none(value: object):
    assert moment_seconds(value) is None
