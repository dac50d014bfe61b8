"""Shares, and how a Deployment replaces its pods: as Kubernetes rounds."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canary_release.model.share import (
    SLACK_SECONDS,
    Rolling,
    canary_share,
    fewest_stable_replicas,
    most_canary_replicas,
    percentage,
    rollout_seconds,
    within_share,
)

replicas = st.integers(1, 1000)
shares = st.integers(1, 100)
numbers = st.integers(0, 1000) | st.integers(0, 100).map(lambda percent: f"{percent}%")


def deployment(**spec: Any) -> dict[str, Any]:
    return {"spec": spec}


def rolling(surge: int | str, unavailable: int | str) -> Rolling:
    numbers = {"maxSurge": surge, "maxUnavailable": unavailable}
    return Rolling.of(deployment(strategy={"type": "RollingUpdate", "rollingUpdate": numbers}))


@pytest.mark.parametrize(
    ("stable", "canary", "text"), [(2, 1, "33.3 %"), (2, 2, "50.0 %"), (9, 1, "10.0 %"), (2, 0, "0.0 %")]
)
def test_the_share_has_one_decimal(stable: int, canary: int, text: str):
    assert percentage(canary_share(stable, canary)) == text


@given(stable=replicas, limit=st.integers(1, 99))
def test_the_most_canary_replicas_fit_and_one_more_does_not(stable: int, limit: int):
    most = most_canary_replicas(stable, limit)
    assert most is not None
    assert within_share(stable, most, limit)
    assert not within_share(stable, most + 1, limit)


@given(stable=replicas, canary=replicas)
def test_any_number_of_canary_replicas_is_within_all_of_the_pods(stable: int, canary: int):
    assert most_canary_replicas(stable, 100) is None
    assert within_share(stable, canary, 100)


@given(canary=replicas, limit=shares)
def test_the_fewest_stable_replicas_suffice_and_one_less_does_not(canary: int, limit: int):
    fewest = fewest_stable_replicas(canary, limit)
    assert within_share(fewest, canary, limit)
    assert fewest == 1 or not within_share(fewest - 1, canary, limit)


@pytest.mark.parametrize(
    ("surge", "unavailable", "count", "expected"),
    [
        # Surge is rounded up, unavailable down.
        ("25%", "25%", 1, (1, 0)),
        ("25%", "25%", 3, (1, 0)),
        ("25%", "25%", 4, (1, 1)),
        ("25%", "25%", 5, (2, 1)),
        ("10%", "0%", 11, (2, 0)),
        # In floats 0.29 * 100 is below 29, and would be rounded down to 28.
        ("29%", "29%", 100, (29, 29)),
        ("0%", "100%", 3, (0, 3)),
        ("200%", "0%", 3, (6, 0)),
        (2, 1, 8, (2, 1)),
        # No more pods are away than are wanted.
        (0, 5, 3, (0, 3)),
        # Where both are none, one pod may be away.
        (0, "25%", 3, (0, 1)),
        ("0%", "0%", 3, (0, 1)),
        (0, "25%", 0, (0, 0)),
    ],
)
def test_surge_and_unavailable_are_kubernetes_own(
    surge: int | str, unavailable: int | str, count: int, expected: tuple[int, int]
):
    of = rolling(surge, unavailable)
    assert (of.surge(count), of.unavailable(count)) == expected


@pytest.mark.parametrize("spec", [{}, {"strategy": {}}, {"strategy": {"type": "RollingUpdate"}}])
def test_a_deployment_that_says_nothing_has_kubernetes_numbers(spec: dict[str, Any]):
    assert Rolling.of(deployment(**spec)) == Rolling("25%", "25%", recreate=False)


@given(count=st.integers(0, 1000))
def test_recreate_takes_all_pods_away_and_adds_none(count: int):
    of = Rolling.of(deployment(strategy={"type": "Recreate"}))
    assert (of.surge(count), of.unavailable(count), of.waves(count)) == (0, count, 1)


@given(count=replicas, surge=numbers, unavailable=numbers)
def test_the_waves_of_a_rollout_replace_every_pod_and_no_wave_is_empty(
    count: int, surge: int | str, unavailable: int | str
):
    of = rolling(surge, unavailable)
    at_once = of.surge(count) + of.unavailable(count)
    assert at_once > 0
    assert of.unavailable(count) <= count
    assert (of.waves(count) - 1) * at_once < count <= of.waves(count) * at_once


@given(count=replicas, percent=shares)
def test_percentages_are_those_of_exact_arithmetic(count: int, percent: int):
    of = rolling(f"{percent}%", f"{percent}%")
    assert of.surge(count) == math.ceil(count * percent / 100 - 1e-9)
    assert of.unavailable(count) == math.floor(count * percent / 100 + 1e-9)


@pytest.mark.parametrize(
    ("surge", "unavailable", "count", "waves"),
    [
        *(
            ("25%", 0, count, waves)
            for count, waves in [(0, 1), (1, 1), (2, 2), (3, 3), (4, 4), (5, 3), (8, 4), (100, 4)]
        ),
        *((0, 1, count, waves) for count, waves in [(0, 1), (1, 1), (8, 8)]),
        ("25%", "25%", 8, 2),
        (1, 1, 5, 3),
    ],
)
def test_a_rollout_may_take_the_progress_deadline_for_each_of_its_waves(
    surge: int | str, unavailable: int | str, count: int, waves: int
):
    strategy = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    made = deployment(strategy=strategy, progressDeadlineSeconds=35)
    assert rollout_seconds(made, count) == waves * 35 + SLACK_SECONDS


def test_without_a_progress_deadline_it_is_kubernetes_own():
    assert rollout_seconds(deployment(strategy={"type": "Recreate"}), 3) == 600 + SLACK_SECONDS
