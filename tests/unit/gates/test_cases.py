"""Situations in which a gate is easily wrong, each with the right verdict: by its own words, on generated series."""

import random
from dataclasses import replace
from typing import Any

import pytest

from canary_release.gates import parse_gates
from canary_release.gates.contract import State
from canary_release.gates.e_process import START, Block, Counts, excludes

from . import generated
from .generated import HTTP, Pod, World, binomial, pods
from .lives import Equal, outcome_of

HOUR, DAY = 3600.0, 86_400.0


def outage(at: float) -> float:
    return 0.1 if -180 <= at < -120 else 0.001


def crashing() -> World:
    good, bad = pods("shop-canary", 2, -HOUR, 0.0)
    bad.share, bad.ended, bad.restarted = (lambda _: 0.4), -60.0, -60.0
    bad.trouble = f"pod {bad.name} is not ready"
    return World([good, bad], pods("shop", 4, -DAY, 0.0))


CASES: dict[str, tuple[World, State, str]] = {
    "canary 2 h old, failing 50 % for an hour; stable's pods restarted 60 s ago (any node upgrade)": (
        World(
            pods("shop-canary", 1, -2 * HOUR, lambda at: 0.5 if at > -HOUR else 0.0),
            pods("shop", 2, -60.0, 0.0),
        ),
        State.FAILURE,
        "worse than stable, evidence ",
    ),
    "shared outage of 60 s, canary 300 s old, stable a day old": (
        World(pods("shop-canary", 1, -300.0, outage, rate=200), pods("shop", 2, -HOUR, outage, rate=200)),
        State.SUCCESS,
        "not worse than stable by 0.01",
    ),
    "stable had a bad first minute a week ago, canary fails 5 %": (
        World(
            pods("shop-canary", 1, -600.0, 0.05),
            pods("shop", 2, -2 * HOUR, lambda at: 1.0 if at < -2 * HOUR + 60 else 0.0),
        ),
        State.FAILURE,
        "worse than stable, evidence ",
    ),
    "two canary pods, one fails 40 % and then crash-loops (its scrape fails)": (
        crashing(),
        State.FAILURE,
        "pod shop-canary-5d8f7b-00001 has restarted",
    ),
    "the application's label is `status`, the query says `code`, with `or vector(0)`; every request fails": (
        World(pods("shop-canary", 1, -600.0, 1.0, label="status"), pods("shop", 2, -HOUR, 0.0, label="status")),
        State.INCONCLUSIVE,
        "no series http_requests_total of shop-canary has the label code; they have status: the gate could not fail",
    ),
    "queries without a placeholder (both tracks get the same counts)": (
        World(pods("shop-canary", 1, -600.0, 0.2), pods("shop", 2, -HOUR, 0.0)),
        State.FAILURE,
        "worse than stable, evidence ",
    ),
    "canary 1 % bad, stable 0.1 %, 200 requests, default `worseBy` 5 points": (
        World(
            pods("shop-canary", 1, -200.0, lambda at: 1.0 if at in (-100, -50) else 0.0, rate=1),
            pods("shop", 2, -HOUR, 0.001, rate=1),
        ),
        State.INCONCLUSIVE,
        "more requests of the canary decide",
    ),
    "release name of 40 to 56 characters (pod names are cut at 58)": (
        World(pods("s" * 50 + "-canary"[:2], 1, -600.0, 0.1), pods("s" * 50, 2, -HOUR, 0.0)),
        State.FAILURE,
        "worse than stable, evidence ",
    ),
    "a good canary beside a good stable": (
        World(pods("shop-canary", 1, -600.0, 0.0), pods("shop", 2, -HOUR, 0.0)),
        State.SUCCESS,
        "not worse than stable by 0.01; evidence 1 of 100",
    ),
    "a canary that nobody asks": (
        World(pods("shop-canary", 1, -600.0, 0.0, rate=0), pods("shop", 2, -HOUR, 0.0)),
        State.INCONCLUSIVE,
        "pod shop-canary-5d8f7b-00000 is not scraped, or has had no request",
    ),
    "a pod of the canary that is not there": (
        World(pods("shop-canary", 1, -600.0, 0.0), pods("shop", 2, -HOUR, 0.0), missing=1),
        State.FAILURE,
        "shop-canary has 1 of 2 pods",
    ),
    "a pod of stable that is scraped no more": (
        World(
            pods("shop-canary", 1, -600.0, 0.0),
            [*pods("shop", 2, -HOUR, 0.0), *pods("shop-old", 1, -HOUR, 0.0, ended=-120.0)],
        ),
        State.INCONCLUSIVE,
        "pod shop-old-5d8f7b-00000 is not scraped",
    ),
    "a canary that fails a little more than tolerated, and little traffic": (
        World(pods("shop-canary", 1, -100.0, 0.02), pods("shop", 2, -HOUR, 0.01)),
        State.INCONCLUSIVE,
        "of 100",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_is_the_right_one(case: str):
    world, state, words = CASES[case]
    sample = world.sample()
    assert sample.state is state, sample
    assert words in sample.reason


def test_a_query_with_or_vector_0_is_no_series_and_is_refused():
    """The application's label is `status`, the query says `code`, with `or vector(0)`."""
    check = {"total": "sum(http_requests_total)", "bad": 'sum(http_requests_total{code=~"5.."}) or vector(0)'}
    found = parse_gates({"errors": check}, "http://p", None)
    assert isinstance(found, list)
    assert [problem.path for problem in found] == [("gates", "errors", "total"), ("gates", "errors", "bad")]


def test_each_track_is_asked_for_its_own_pods_whatever_the_check_says():
    """Queries without a placeholder (both tracks get the same counts)."""
    world = World(pods("shop-canary", 1, -600.0, 0.0), pods("shop", 1, -HOUR, 0.0))
    world.sample()
    names = 'namespace="default",pod=~"shop-5d8f7b-00000|shop-canary-5d8f7b-00000"'
    assert world.asked == [f"http_requests_total{{{names}}}", f'http_requests_total{{{names},code=~"5.."}}']


def test_a_canary_that_is_a_little_worse_passes_whatever_the_traffic():
    """stable 0.100 %, canary 0.110 % bad, 10⁶ requests"""
    chance, evidence = random.Random(1), START
    canary, stable = Counts(0, 0), Counts(0, 0)
    for _ in range(200):
        one = Counts(binomial(chance, 5_000, 0.0011), 5_000)
        others = [Counts(binomial(chance, 10_000, 0.001), 10_000) for _ in range(3)]
        evidence = evidence.with_block(Block(one, tuple(others)), 1.2)
        canary, stable = canary + one, stable + others[0]
    assert canary.total == 1_000_000
    assert evidence.highest < 1
    assert excludes(canary, stable, 0.01)


@pytest.mark.parametrize(
    ("case", "settings"),
    [
        ("equal tracks, 3 checks × 5 steps of one canary", Equal(0.01, checks=3)),
        ("equal tracks, base share drifts (lognormal sd 0.3), 50,000 requests", Equal(0.01, drift=0.3, rate=500)),
    ],
)
def test_of_equal_canaries_hardly_one_is_refused(case: str, settings: Any):
    refused = sum(outcome_of(settings, random.Random(f"{case} {run}")).failed is not None for run in range(200))
    assert refused <= 2


def test_the_next_look_goes_on_from_the_evidence_that_is_kept():
    world = World(pods("shop-canary", 1, -600.0, 0.05), pods("shop", 2, -HOUR, 0.0))
    first = world.sample(now=-300.0)
    assert first.evidence
    second = world.sample(kept={"errors": first.evidence})
    assert second.evidence
    assert second.evidence.until > first.evidence.until
    assert second.evidence.logs == pytest.approx(world.sample().evidence.logs)  # type: ignore[union-attr]


def test_an_outage_soon_after_the_canarys_first_requests_is_no_evidence(monkeypatch: pytest.MonkeyPatch):
    """Stable had requests when the canary had none yet, in the same block."""
    monkeypatch.setattr(generated, "SCRAPE", 1)

    def outage(at: float) -> float:
        return 1.0 if -602 <= at < -580 else 0.0

    canary = Pod("shop-canary-0", -605.0, outage, rate=67)
    world = World([canary], [Pod(f"shop-{number}", -HOUR, outage, rate=67) for number in range(2)])
    canary.started = -610.0
    assert world.sample().state is not State.FAILURE


def test_the_evidence_of_other_pods_is_not_gone_on_from():
    world = World(pods("shop-canary", 1, -600.0, 0.0), pods("shop", 2, -HOUR, 0.0))
    evidence = world.sample().evidence
    assert evidence
    other = replace(evidence, canary="shop-canary-older", blocks=9, logs=(9.0,) * 12, highest=9.0)
    assert world.sample(kept={"errors": other}).state is State.SUCCESS
    assert world.sample(kept={"errors": other}).evidence == evidence


def test_a_pod_that_is_scraped_twice_is_told():
    world = World(pods("shop-canary", 1, -600.0, 0.0), pods("shop", 2, -HOUR, 0.0))
    world.all += [type(each)({**each.labels, "job": "again"}, each.samples) for each in world.all]
    assert "is scraped by several jobs" in world.sample().reason


def test_requests_of_a_warming_pod_do_not_count():
    def cold(at: float) -> float:
        return 1.0 if at < -540 else 0.0

    world = World(pods("shop-canary", 1, -600.0, cold), pods("shop", 2, -HOUR, 0.0))
    assert world.sample().state is State.FAILURE
    assert world.sample({"errors": {**HTTP["errors"], "initialDelay": 90}}).state is State.SUCCESS


@pytest.mark.parametrize("track", ["shop-canary", "shop"])
def test_a_pod_that_warms_up_keeps_the_others_from_success(track: str):
    young = pods(f"{track}-young", 1, -60.0, 0.0, rate=50)
    canary, stable = pods("shop-canary", 1, -600.0, 0.0, rate=50), pods("shop", 2, -HOUR, 0.0, rate=50)
    world = World([*canary, *young], stable) if track == "shop-canary" else World(canary, [*stable, *young])
    assert world.sample().state is State.SUCCESS
    sample = world.sample({"errors": {**HTTP["errors"], "initialDelay": 90}})
    assert (sample.state, f"pod {young[0].name} warms up; " in sample.reason) == (State.INCONCLUSIVE, True), sample


@pytest.mark.parametrize(("share", "state"), [(0.0, State.SUCCESS), (0.1, State.FAILURE), (1.0, State.FAILURE)])
def test_good_requests_may_be_named_instead_of_bad_ones(share: float, state: State):
    world = World(pods("shop-canary", 1, -600.0, share), pods("shop", 2, -HOUR, 0.0))
    check = {"total": "http_requests_total", "good": 'http_requests_total{code="200"}'}
    assert world.sample({"slow": check}).state is state


@pytest.mark.parametrize(
    ("other", "anywhere", "state", "words"),
    [
        (
            {"bad": "http_errors_total"},
            None,
            State.INCONCLUSIVE,
            "shop-canary has no series http_errors_total: the gate",
        ),
        ({"bad": "http_errors_total"}, 3, State.SUCCESS, "not worse"),
        (
            {"good": 'http_bucket{le="0.25"}'},
            3,
            State.INCONCLUSIVE,
            'has no series http_bucket{le="0.25"}: the gate could',
        ),
    ],
)
def test_series_that_are_not_there_are_told_unless_there_are_such_elsewhere(
    other: dict[str, str], anywhere: float | None, state: State, words: str
):
    world = World(pods("shop-canary", 1, -600.0, 0.0), pods("shop", 2, -HOUR, 0.0), anywhere=anywhere)
    sample = world.sample({"errors": {"total": "http_requests_total", **other}})
    assert (sample.state, words in sample.reason) == (state, True), sample
