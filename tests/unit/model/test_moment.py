"""A clock that is set back during an update changes none of its times."""

import pytest

from canary_release.model.moment import steady_clock


def test_a_clock_that_is_set_back_shows_in_no_time_of_a_steady_clock(monkeypatch: pytest.MonkeyPatch):
    wall, monotonic = [1_800_000_000.0], [70.0]
    monkeypatch.setattr("time.time", lambda: wall[0])
    monkeypatch.setattr("time.monotonic", lambda: monotonic[0])
    now = steady_clock()
    assert now() == 1_800_000_000
    wall[0], monotonic[0] = 1_799_990_000, 75
    assert now() == 1_800_000_005
