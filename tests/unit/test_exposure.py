"""Pods, shares and the time that a rollout may take."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.exposure import (
    Track,
    canary_share,
    fewest_stable_replicas,
    most_canary_replicas,
    percentage,
    rollout_waves,
    surge,
)
from components.release import SLACK_SECONDS, Release

replicas = st.integers(1, 500)
shares = st.integers(1, 100)


@pytest.mark.parametrize(
    ("stable", "canary", "text"), [(2, 1, "33.3 %"), (2, 2, "50.0 %"), (9, 1, "10.0 %"), (2, 0, "0.0 %")]
)
def test_the_share_has_one_decimal(stable: int, canary: int, text: str):
    assert percentage(canary_share(stable, canary)) == text


@given(stable=replicas, limit=st.integers(1, 99))
def test_the_most_canary_replicas_fit_and_one_more_does_not(stable: int, limit: int):
    most = most_canary_replicas(stable, limit)
    assert most is not None
    assert 100 * most <= limit * (stable + most)
    assert 100 * (most + 1) > limit * (stable + most + 1)


@given(canary=replicas, limit=shares)
def test_the_fewest_stable_replicas_suffice_and_one_less_does_not(canary: int, limit: int):
    fewest = fewest_stable_replicas(canary, limit)
    assert 100 * canary <= limit * (fewest + canary)
    assert fewest == 1 or 100 * canary > limit * (fewest - 1 + canary)


@given(count=replicas)
def test_the_waves_of_a_rollout_replace_every_pod_and_no_wave_is_empty(count: int):
    waves = rollout_waves(count)
    assert waves * surge(count) >= count
    assert (waves - 1) * surge(count) < count
    assert surge(count) == math.ceil(count / 4)


@pytest.mark.parametrize(("count", "waves"), [(0, 1), (1, 1), (2, 2), (3, 3), (4, 4), (5, 3), (8, 4), (100, 4)])
def test_the_timeout_holds_for_all_waves_together(count: int, waves: int):
    args = {"ready_timeout_seconds": 30, "min_ready_seconds": 5}
    release = Release.of({"app": "shop", "image": "example/shop", "stable_version": "v1", **args})  # pyright: ignore[reportArgumentType]
    assert release.rollout_seconds(Track("v1", count)) == waves * 35 + SLACK_SECONDS


@pytest.mark.parametrize(("count", "waves"), [(0, 1), (1, 1), (8, 8)])
def test_with_a_fixed_total_the_timeout_holds_for_one_pod_after_the_other(count: int, waves: int):
    args = {"ready_timeout_seconds": 30, "fixed_total": 8}
    release = Release.of({"app": "shop", "image": "example/shop", "stable_version": "v1", **args})  # pyright: ignore[reportArgumentType]
    assert release.rollout_seconds(Track("v1", count)) == waves * 30 + SLACK_SECONDS
