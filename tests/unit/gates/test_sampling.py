"""When samples are taken, and what they make of a gate: without Pulumi and without a Prometheus."""

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from canary_release.gates.answers import AnswerError, Ask, LostError
from canary_release.gates.contract import State
from canary_release.gates.counts import Series
from canary_release.gates.pods import LivePods
from canary_release.gates.sampling import Verdict, judge

from ..model.shop import CANARY as TRACKS
from ..model.shop import release
from .generated import HTTP, NOW, World, gates
from .generated import pods as pods_that_run

RELEASE = release(**TRACKS, namespace="prod")
STABLE = LivePods("shop", "shop-1", {"shop-1-a": NOW - 900}, {}, [])
CANARY = LivePods("shop-canary", "shop-canary-1", {"shop-canary-1.x-b": NOW - 600}, {}, [])
SUCCESS, FAILURE, INCONCLUSIVE = State.SUCCESS, State.FAILURE, State.INCONCLUSIVE
LOST, NO_ANSWER = LostError("Prometheus did not answer"), AnswerError("Prometheus refuses the query")


def judged(
    checks: dict[str, Any], values: Iterable[Any], once: bool = False, canary: LivePods = CANARY, **others: Any
) -> tuple[Verdict, list[Any]]:
    """The verdict on numbers in turn, without waiting, and what was asked."""
    clock, given, asked = [NOW], iter(values), list[Any]()

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    def number(what: Any) -> float | None:
        asked.append(what)
        if isinstance(value := next(given), Exception):
            raise value
        return value

    def no_series(*_: Any) -> list[Series]:
        raise NO_ANSWER

    ask = Ask(lambda: NOW, no_series, {source: number for source in ("query", "command", "web")})
    progress: Callable[[str, bool], None] = others.pop("progress", lambda *_: None)
    found = judge(
        gates(checks).checks,
        RELEASE,
        lambda: (canary, STABLE),
        ask,
        {},
        progress,
        once=once,
        sleep=sleep,
        clock=lambda: clock[0],
    )
    return found, asked


def rate(**fields: Any) -> dict[str, Any]:
    return {"rate": {"query": "rate", "success": "< 5", "intervalSeconds": 10, **fields}}


@pytest.mark.parametrize(
    ("conditions", "value", "state"),
    [
        ({"success": "< 0.01"}, 0.009, SUCCESS),
        ({"success": "< 0.01"}, 0.01, FAILURE),
        ({"success": "<= 0.01"}, 0.01, SUCCESS),
        ({"success": ">=99.5"}, 99.4, FAILURE),
        ({"failure": "> 1e-2"}, 0.02, FAILURE),
        ({"failure": "> 1e-2"}, 0.01, SUCCESS),
        ({"success": "< 0.01", "failure": "> 0.05"}, 0.03, INCONCLUSIVE),
        ({"success": "< 0.05", "failure": "> 0.01"}, 0.03, FAILURE),
        ({"success": "> -1"}, 0, SUCCESS),
        ({"success": "< 1"}, None, INCONCLUSIVE),
        ({"success": "< 1", "noData": "success"}, None, SUCCESS),
        ({"success": "< 1", "noData": "failure"}, None, FAILURE),
        ({"success": "< 1", "noData": "success"}, NO_ANSWER, INCONCLUSIVE),
        ({"success": "< 1", "noData": "success"}, LOST, INCONCLUSIVE),
    ],
)
def test_what_a_sample_is(conditions: dict[str, str], value: Any, state: State):
    verdict, _ = judged({"rate": {"query": "rate", **conditions}}, [value], once=True)
    assert verdict.state is verdict.samples[0].state is state


@pytest.mark.parametrize(
    ("limit", "values", "taken", "state"),
    [
        (0, [1, 1, 1], 3, SUCCESS),
        (0, [1, 9, 1], 2, FAILURE),
        (1, [9, 1, 1], 3, SUCCESS),
        (1, [9, 1, 9], 3, FAILURE),
        (1, [9, 9, 1], 2, FAILURE),
        (0, [1, None, 1], 2, INCONCLUSIVE),
        (1, [1, NO_ANSWER, 1], 3, SUCCESS),
        (1, [9, NO_ANSWER, 1], 2, INCONCLUSIVE),
        (0, [1, LOST, LOST, 1, LOST, 1], 6, SUCCESS),
        (0, [1, LOST, LOST, LOST, 1], 4, INCONCLUSIVE),
    ],
)
def test_what_samples_make_of_a_check_which_ends_when_it_is_lost(limit: int, values: list, taken: int, state: State):
    verdict, _ = judged(rate(count=3, failureLimit=limit, consecutiveErrorLimit=2), values)
    assert (len(verdict.samples), verdict.state) == (taken, state)


def test_checks_are_sampled_side_by_side_each_at_its_interval():
    check = {"query": "rate", "success": "< 5", "count": 3}
    checks = {"slow": {**check, "intervalSeconds": 20}, "quick": {**check, "intervalSeconds": 5}}
    verdict, _ = judged(checks, itertools.repeat(1))
    began = verdict.samples[0].at
    assert [sample.check for sample in verdict.samples] == ["slow", "quick", "quick", "quick", "slow", "slow"]
    assert [sample.at == began for sample in verdict.samples] == [True, True, False, False, False, False]


def test_a_lost_check_ends_the_wait_and_leaves_the_others_undecided():
    verdict, _ = judged({**rate(count=3), "b": rate(count=3)["rate"]}, [1, 1, 9])
    assert verdict.checks == {"rate": FAILURE, "b": INCONCLUSIVE}
    assert verdict.state is FAILURE


def test_a_check_that_is_only_told_refuses_nothing_and_ends_no_wait():
    verdict, _ = judged({"told": {**rate()["rate"], "dryRun": True}, **rate(count=2)}, [9, 1, 1])
    assert verdict.checks == {"told": FAILURE, "rate": SUCCESS}
    assert verdict.state is SUCCESS
    assert "failure (dry run)" in verdict.table()


def test_a_preview_takes_one_sample_of_each_check():
    verdict, _ = judged({"a": rate(count=9)["rate"], "b": rate(count=9)["rate"]}, [9, 1], once=True)
    assert len(verdict.samples) == 2


def test_every_sample_is_told_and_at_most_ten_of_them_for_good():
    told: list[tuple[str, bool]] = []
    judged(rate(count=100, intervalSeconds=1), itertools.repeat(1), progress=lambda *line: told.append(line))
    assert len(told) == 100
    assert [line for line, ephemeral in told if not ephemeral][-1] == "gate rate, sample 100 of 100: 1, success"
    assert sum(not ephemeral for _, ephemeral in told) == 10


@pytest.mark.parametrize(
    ("asked", "filled"),
    [
        (
            {"query": 'rate{namespace="{{namespace}}",version="{{version}}",pod=~"{{pod}}"}'},
            'rate{namespace="prod",version="v2",pod=~"shop-canary-1[.]x-b"}',
        ),
        ({"command": ["check", "--pods={{pod}}"]}, ["check", "--pods=shop-canary-1[.]x-b"]),
        ({"web": "http://x/{{namespace}}?v={{version}}"}, "http://x/prod?v=v2"),
    ],
)
def test_placeholders_are_the_canarys(asked: dict[str, Any], filled: Any):
    _, found = judged({"rate": {**asked, "success": "< 5"}}, [1])
    assert found == [filled]


@pytest.mark.parametrize(
    ("canary", "words"),
    [
        (LivePods("shop-canary", "s", {}, {}, ["shop-canary has 0 of 1 pods"]), "shop-canary has 0 of 1 pods"),
        (LivePods("shop-canary", "s", {"a": NOW - 60}, {"a": NOW - 20}, []), "pod a has restarted"),
    ],
)
def test_a_canary_whose_pods_are_not_well_fails_every_check(canary: LivePods, words: str):
    verdict, _ = judged({**rate(), "errors": HTTP["errors"]}, [1], canary=canary, once=True)
    assert [(sample.state, sample.reason) for sample in verdict.samples] == [(FAILURE, words)] * 2


def test_a_restart_while_a_pod_warms_up_is_none():
    canary = LivePods("shop-canary", "s", {"a": NOW - 60}, {"a": NOW - 50}, [])
    assert judged(rate(initialDelay=15), [1], canary=canary)[0].state is SUCCESS
    assert judged(rate(initialDelay=5), [1], canary=canary)[0].state is FAILURE


def looks(world: World, check: dict[str, Any], lost: Iterable[bool] = ()) -> Verdict:
    """The verdict of a comparison, with looks that go on as the world does; some may be lost."""
    clock, is_lost = [NOW - 300], iter(lost)

    def now() -> float:
        if next(is_lost, False):
            raise LOST
        return clock[0]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    shop = release(canary_version="v2", canary_replicas=1)
    ask = Ask(now, world.series, {})
    checks = gates({"errors": {**HTTP["errors"], "intervalSeconds": 30, **check}}).checks
    return judge(checks, shop, world.pods, ask, {}, lambda *_: None, sleep=sleep, clock=lambda: clock[0])


def test_a_comparison_is_looked_at_again_until_one_look_decides():
    world = World(pods_that_run("shop-canary", 1, -330.0, 0.0), pods_that_run("shop", 2, -3600.0, 0.0))
    verdict = looks(world, {"count": 10})
    assert [sample.state for sample in verdict.samples] == [INCONCLUSIVE] * 3 + [SUCCESS]
    assert verdict.state is SUCCESS


def test_a_comparison_that_fails_later_fails():
    world = World(
        pods_that_run("shop-canary", 1, -330.0, lambda at: 0.3 if at > -280 else 0.0),
        pods_that_run("shop", 2, -3600.0, 0.0),
    )
    verdict = looks(world, {"count": 10, "worseBy": 0.001})
    assert verdict.samples[0].state is INCONCLUSIVE
    assert verdict.samples[-1].state is verdict.state is FAILURE


def test_a_prometheus_that_is_gone_for_a_minute_costs_looks_and_no_verdict():
    world = World(pods_that_run("shop-canary", 1, -900.0, 0.0), pods_that_run("shop", 2, -3600.0, 0.0))
    verdict = looks(world, {}, lost=[True, True])
    assert [sample.reason for sample in verdict.samples[:2]] == ["Prometheus did not answer"] * 2
    assert verdict.state is SUCCESS
    assert looks(world, {"consecutiveErrorLimit": 1}, lost=[True, True]).state is INCONCLUSIVE


def test_the_table_has_every_sample():
    verdict, _ = judged({**rate(count=2, failureLimit=1), "b": rate()["rate"]}, [9, 1, 2])
    lines = verdict.table().splitlines()
    assert [line.split() for line in (lines[0], lines[1][:4] + lines[1][23:])] == [
        ["gate", "sample", "at,", "UTC", "state", "measured"],
        ["rate", "failure", "9"],
    ]
    assert len(lines) == 4


def test_a_clock_that_is_set_back_makes_no_check_wait_longer(monkeypatch: pytest.MonkeyPatch):
    wall, monotonic, slept = [NOW], [70.0], list[float]()
    monkeypatch.setattr("time.time", lambda: wall[0])
    monkeypatch.setattr("time.monotonic", lambda: monotonic[0])

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        monotonic[0] += seconds
        wall[0] -= 3600

    ask = Ask(lambda: NOW, lambda *_: [], {"query": lambda _: 1.0})
    checks = gates(rate(count=3)).checks
    found = judge(checks, RELEASE, lambda: (CANARY, STABLE), ask, {}, lambda *_: None, sleep=sleep)
    assert found.state is SUCCESS
    assert slept == [0, 10, 10]
