"""What gates ask and what the answers come to, without Pulumi and without a Prometheus."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from components.gates import parsed, problems
from components.gates.comparison import Counts, State
from components.gates.sampling import AnswerError, Series, Verdict, judge
from components.problems import config_keys, report
from components.release import Release

from .conftest import ROOT

RELEASE = Release.of(
    {
        "app": "shop",
        "name": "shop",
        "namespace": "prod",
        "image": "example/shop",
        "stable_version": "v1",
        "canary_version": "v2",
        "canary_replicas": 1,
    }
)
NOW = 1_000_000.0
CANARY, STABLE = "shop-canary-7f9c4d-bbbbb", "shop-5d8f7b-ccccc"
COMPARED: dict[str, Any] = {"bad": 'bad{pod=~"{{pod}}"}', "total": 'total{pod=~"{{pod}}"}'}


class Asked:
    """Prometheus, with pods of some age, counts by query and values in turn; remembers what it was asked."""

    def __init__(
        self, values: Any = (), counts: Mapping[str, Any] | None = None, ages: tuple[float, float] = (60, 900)
    ) -> None:
        self.values, self.counts, self.ages = iter(values), counts or {}, ages
        self.queries: list[tuple[str, float | None]] = []

    def __call__(self, promql: str, at: float | None) -> list[Series]:
        self.queries.append((promql, at))
        if promql.startswith("process_start_time_seconds"):
            pod, age = (CANARY, self.ages[0]) if "shop-canary-" in promql else (STABLE, self.ages[1])
            return [Series({"pod": pod}, NOW, NOW - age)]
        if promql in self.counts:
            value = self.counts[promql]
            value = value(at) if callable(value) else value
        else:
            value = next(self.values)
        if isinstance(value, Exception):
            raise value
        return [] if value is None else [Series({}, NOW, value)]


def judged(checks: dict[str, Any], ask: Callable[..., list[Series]], once: bool = False) -> Verdict:
    """The verdict, without waiting."""
    clock = [NOW]

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    return judge(parsed(checks), RELEASE, ask, lambda *_: None, once=once, sleep=sleep, clock=lambda: clock[0])


def states(verdict: Verdict) -> list[str]:
    return [sample.state.value for sample in verdict.samples]


SUCCESS, FAILURE, INCONCLUSIVE = "success", "failure", "inconclusive"
NO_ANSWER = AnswerError("Prometheus did not answer")


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
        ({"success": "< 1"}, float("nan"), INCONCLUSIVE),
        ({"success": "< 1"}, None, INCONCLUSIVE),
        ({"success": "< 1", "noData": "success"}, None, SUCCESS),
        ({"success": "< 1", "noData": "failure"}, float("nan"), FAILURE),
        ({"success": "< 1", "noData": "success"}, NO_ANSWER, INCONCLUSIVE),
    ],
)
def test_what_a_sample_is(conditions: dict[str, str], value: Any, state: str):
    assert states(judged({"rate": {"query": "rate", **conditions}}, Asked([value]))) == [state]


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
    ],
)
def test_what_samples_make_of_a_check_which_ends_when_it_is_lost(limit: int, values: list, taken: int, state: str):
    check = {"query": "rate", "success": "< 5", "count": 3, "intervalSeconds": 10, "failureLimit": limit}
    verdict = judged({"rate": check}, Asked(values))
    assert (len(verdict.samples), verdict.state.value) == (taken, state)


def test_checks_are_sampled_side_by_side_each_at_its_interval():
    check = {"query": "rate", "success": "< 5", "count": 3}
    verdict = judged(
        {"slow": {**check, "intervalSeconds": 20}, "quick": {**check, "intervalSeconds": 5}}, Asked([1] * 6)
    )
    assert [(sample.check, sample.at[-6:-1]) for sample in verdict.samples] == [
        ("slow", "46:40"),
        ("quick", "46:40"),
        ("quick", "46:45"),
        ("quick", "46:50"),
        ("slow", "47:00"),
        ("slow", "47:20"),
    ]


def test_a_lost_check_ends_the_wait_and_leaves_the_others_undecided():
    many = {"count": 3, "intervalSeconds": 10}
    check = {"query": "rate", "success": "< 5", **many}
    verdict = judged({"a": check, "b": check, "c": {**COMPARED, **many}}, Asked([1, 1, 9], counts((0, 500), (0, 1000))))
    assert verdict.checks == {"a": State.FAILURE, "b": State.INCONCLUSIVE, "c": State.INCONCLUSIVE}
    assert verdict.state is State.FAILURE


def test_a_preview_takes_one_sample_of_each_check():
    check = {"query": "rate", "success": "< 5", "count": 9}
    assert len(judged({"a": check, "b": check}, Asked([9, 1]), once=True).samples) == 2


def test_every_sample_is_told_and_at_most_ten_of_them_for_good():
    told: list[tuple[str, bool]] = []
    checks: Any = {"rate": {"query": "rate", "success": "< 5", "count": 100, "intervalSeconds": 1}}
    judge(parsed(checks), RELEASE, Asked([1] * 100), lambda *line: told.append(line), sleep=lambda _: None)
    assert len(told) == 100
    assert [line for line, ephemeral in told if not ephemeral][-1] == "gate rate, sample 100 of 100: 1, success"
    assert sum(not ephemeral for _, ephemeral in told) == 10


def test_placeholders_are_the_canarys():
    query = 'rate{namespace="{{namespace}}",version="{{version}}",pod=~"{{pod}}"}'
    ask = Asked([1])
    judged({"rate": {"query": query, "success": "< 5"}}, ask)
    assert ask.queries[-1] == (f'rate{{namespace="prod",version="v2",pod=~"{CANARY}"}}', None)


def test_pods_of_an_earlier_replica_set_are_not_asked_for():
    def ask(promql: str, _: float | None) -> list[Series]:
        started = {"shop-canary-7f9c4d-bbbbb": 50, "shop-canary-7f9c4d-ccccc": 70, "shop-canary-66d5cc-ddddd": 20}
        if promql.startswith("process_start_time_seconds"):
            return [Series({"pod": pod}, NOW, NOW - 100 + start) for pod, start in started.items()]
        asked.append(promql)
        return [Series({}, NOW, 1)]

    asked: list[str] = []
    judged({"rate": {"query": "{{pod}}", "success": "< 5"}}, ask)
    assert asked == ["shop-canary-7f9c4d-bbbbb|shop-canary-7f9c4d-ccccc"]


def counts(canary: tuple[Any, Any], stable: tuple[Any, Any]) -> dict[str, Any]:
    """Answers to the queries of the comparison for both tracks."""
    return {
        f'{name}{{pod=~"{pod}"}}': value
        for pod, values in ((CANARY, canary), (STABLE, stable))
        for name, value in zip(("bad", "total"), values, strict=True)
    }


@pytest.mark.parametrize(("ages", "canary_at", "stable_at"), [((60, 900), NOW, NOW - 840), ((900, 60), NOW - 840, NOW)])
def test_tracks_are_compared_at_the_age_of_the_younger_one(
    ages: tuple[float, float], canary_at: float, stable_at: float
):
    ask = Asked(counts=counts((1, 500), (2, 1000)), ages=ages)
    [sample] = judged({"errors": COMPARED}, ask).samples
    assert (sample.state, sample.canary, sample.stable) == (State.SUCCESS, Counts(1, 500), Counts(2, 1000))
    asked = {promql: at for promql, at in ask.queries if at is not None}
    assert {at for promql, at in asked.items() if CANARY in promql} == {canary_at}
    assert {at for promql, at in asked.items() if STABLE in promql} == {stable_at}


@pytest.mark.parametrize(("bad", "state"), [(0, SUCCESS), (50, INCONCLUSIVE)])
def test_without_data_of_stables_youth_its_present_serves_and_never_for_a_failure(bad: int, state: str):
    def only_now(value: float) -> Callable[[float], float | None]:
        return lambda at: value if at == NOW else None

    ask = Asked(counts=counts((bad, 500), (only_now(0), only_now(1000))))
    [sample] = judged({"errors": COMPARED}, ask).samples
    assert sample.state.value == state
    assert sample.reason.endswith(", against stable of now: no data of when it was 60 s old")


@pytest.mark.parametrize(
    ("canary", "stable", "words"),
    [
        ((None, None), (0, 9), "no data of the canary"),
        ((0, 9), (None, 9), "no data of stable"),
        ((9, 8), (0, 9), "of shop-canary 9 of 8 requests are bad, which cannot be"),
        ((0, 9), (-1, 9), "of shop -1 of 9 requests are bad, which cannot be"),
        ((NO_ANSWER, 9), (0, 9), "Prometheus did not answer"),
    ],
)
def test_counts_that_say_nothing_are_inconclusive(canary: tuple, stable: tuple, words: str):
    [sample] = judged({"errors": COMPARED}, Asked(counts=counts(canary, stable))).samples
    assert (sample.state.value, sample.reason) == (INCONCLUSIVE, words)


def test_of_a_comparison_the_last_sample_decides():
    bad = iter([50, 50, 0])
    found = counts((lambda _: next(bad), 500), (0, 1000))
    verdict = judged({"errors": {**COMPARED, "count": 3}}, Asked(counts=found))
    assert states(verdict) == [FAILURE, FAILURE, SUCCESS]
    assert verdict.state is State.SUCCESS


def test_pods_that_are_not_scraped_are_inconclusive():
    [sample] = judged({"errors": COMPARED}, lambda *_: []).samples
    assert sample.reason == "no process_start_time_seconds of a pod of shop-canary: is it scraped?"


def test_a_query_of_many_numbers_is_inconclusive():
    [sample] = judged({"a": {"query": "up", "success": "> 0"}}, lambda *_: [Series({}, NOW, 1)] * 3).samples
    assert sample.reason == "the query gives 3 numbers: make it one, for example with sum()"


def test_the_table_has_every_sample():
    check = {"query": "rate", "success": "< 5", "count": 2, "failureLimit": 1}
    verdict = judged({"rate": check, "errors": COMPARED}, Asked([9, 1], counts((1, 500), (2, 1000))))
    assert verdict.table() == (
        "check   sample  at, UTC   state    measured\n"
        "rate    1       13:46:40  failure  9\n"
        "errors  1       13:46:40  success  canary 1 of 500, stable 2 of 1000  "
        "not worse than stable by 0.05, p = 1.8e-10\n"
        "rate    2       13:47:40  success  1"
    )


GOOD = {"query": "up", "success": "> 0"}


@pytest.mark.parametrize(
    ("checks", "told"),
    [
        (
            {"a": {**GOOD, "sucess": "> 0"}},
            ['gates.a.sucess: "> 0"', "is not a field of a check; did you mean success?"],
        ),
        ({"a": {"query": "up"}}, ["gates.a.success: missing", "is required unless failure is set"]),
        ({"a": {"success": "> 0"}}, ["gates.a.query: missing", "a check has either query, or bad and total"]),
        ({"a": {"bad": "x"}}, ["gates.a.total: missing", "a check has either query, or bad and total"]),
        ({"a": {**GOOD, "bad": "x", "total": "y"}}, ['gates.a.bad: "x"', "must not stand beside query"]),
        ({"a": {**COMPARED, "success": "> 0"}}, ['gates.a.success: "> 0"', "must not stand beside bad and total"]),
        ({"a": {**GOOD, "worseBy": 0.1}}, ["gates.a.worseBy: 0.1", "must not stand beside query"]),
        ({"a": {**GOOD, "success": "0 <"}}, ['gates.a.success: "0 <"', "must be one of <= >= < > and a number"]),
        ({"a": {**GOOD, "failure": 3}}, ["gates.a.failure: 3", "must be one of <= >= < > and a number"]),
        ({"a": {**GOOD, "query": " "}}, ['gates.a.query: " "', "must be text in PromQL"]),
        (
            {"a": {**GOOD, "query": 1}},
            ["gates.a.query: 1", "config set --path --type string", "gates.a.query '<PromQL>'"],
        ),
        ({"a": {**GOOD, "noData": "pass"}}, ['gates.a.noData: "pass"', "must be inconclusive, success or failure"]),
        ({"a": {**GOOD, "count": 0}}, ["gates.a.count: 0", "must be a whole number from 1 to 100", "gates.a.count 1"]),
        ({"a": {**GOOD, "count": True}}, ["gates.a.count: true", "must be a whole number"]),
        ({"a": {**GOOD, "count": "3"}}, ['gates.a.count: "3"', "must be a whole number", "gates.a.count 3"]),
        ({"a": {**GOOD, "count": 2.5}}, ["gates.a.count: 2.5", "must be a whole number"]),
        ({"a": {**COMPARED, "worseBy": 5}}, ["gates.a.worseBy: 5", "must be a number from 0.001 to 0.999"]),
        ({"a": {**COMPARED, "falseAlarms": 0}}, ["gates.a.falseAlarms: 0", "must be a number from 0.0001 to 0.1"]),
        ({"a": {**GOOD, "failureLimit": 1}}, ["gates.a.failureLimit: 1", "must be smaller than count, which is 1"]),
        (
            {"a": {**GOOD, "count": 100, "intervalSeconds": 60}},
            ["gates.a.intervalSeconds: 60", "makes 5940 s with a count of 100; a check takes 3600 s at most", "36"],
        ),
        (
            {"a": {**GOOD, "query": 'up{pod=~"{{pods}}"}'}},
            [
                "gates.a.query",
                "may hold {{namespace}}, {{version}} and {{pod}}, and no other placeholder; did you mean pod",
            ],
        ),
        ({"a": {**GOOD, "query": "{{ pod }}"}}, ["and no other placeholder; did you mean pod"]),
        ({"a": {**GOOD, "query": "{{pods}} {{versions}}"}}, ["gates.a.query '{{pod}} {{version}}'"]),
        ({"a": 3}, ["gates.a: 3", "must be an object"]),
        (
            {"a.b": GOOD},
            ['gates["a.b"]: {', "named with 1 to 40 letters", "rm --path 'gates[\"a.b\"]'", "gates.a-b: {"],
        ),
        ({"a.b": GOOD, "a-b": GOOD}, ["rm --path 'gates[\"a.b\"]' --stack dev$"]),
        ({'"': GOOD}, ['rm --path \'gates["\\""]\' --stack dev$']),
        (["up"], ['gates: ["up"]', "must be an object of checks by name"]),
        ("up", ['gates: "up"', "must be an object of checks by name"]),
    ],
)
def test_what_is_wrong_with_checks_is_told(checks: Any, told: list[str]):
    text = report("", [*problems(checks, "http://127.0.0.1:9090", None)], config_keys("dev"))
    assert [words for words in told if words not in f"{text}$"] == [], text


def test_what_is_to_be_written_into_a_file_is_told_in_full():
    [problem] = problems({"a.b": {**GOOD, "query": "up" * 99}}, "http://127.0.0.1:9090", None)
    [_, fix] = config_keys("dev").lines(problem.fix)
    assert fix == f'edit Pulumi.dev.yaml: gates.a-b: {{"query": "{"up" * 99}", "success": "> 0"}}'


def test_the_checks_of_the_docs_have_no_problem():
    [text] = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "gates.md").read_text(), re.DOTALL | re.MULTILINE)
    config = yaml.safe_load(text)["config"]
    assert len(config["canary:gates"]) == 3
    assert list(problems(config["canary:gates"], config["canary:prometheusUrl"], None)) == []


def test_all_that_is_wrong_is_told_at_once():
    checks = {"a": {**GOOD, "count": 0, "noData": "x"}, "b": {"query": "up"}}
    found = {problem.path for problem in problems(checks, "", None)}
    assert found == {"prometheusUrl", "gates.a.count", "gates.a.noData", "gates.b.success"}


def test_good_checks_have_no_problem():
    checks: Any = {
        "a": {**GOOD, "count": 3.0, "intervalSeconds": 5, "failureLimit": 1},
        "b": {**COMPARED, "worseBy": 0.1},
    }
    assert list(problems(checks, "https://prometheus.example.com/path", "token")) == []
    assert list(problems({}, "", None)) == []


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://host", "http://", "http://a b", 3])
def test_a_bad_url_is_told(url: Any):
    assert [problem.path for problem in problems({"a": GOOD}, url, None)] == ["prometheusUrl"]


def test_what_could_be_a_secret_is_not_shown():
    found = [*problems({}, "http://user:hunter2@host", "hunter2\n"), *problems({}, "http://host?token=hunter2", None)]
    assert len(found) == 3
    assert "hunter2" not in report("", found, config_keys("dev"))
