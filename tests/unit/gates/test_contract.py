"""What a gate may say, and what is told of everything else."""

import re
from typing import Any

import pytest
import yaml

from canary_release.gates import Gates, parse_gates
from canary_release.gates.contract import PRESETS, Comparison, State, Threshold
from canary_release.gates.selector import Selector
from canary_release.model.problem import Problem
from canary_release.text.report import report
from canary_release.text.spelling import config_keys

from ..conftest import ROOT

COMPARED: dict[str, Any] = {"bad": 'requests{code=~"5.."}', "total": "requests"}


def problems(checks: Any, url: Any, token: Any) -> list[Problem]:
    found = parse_gates(checks, url, token)
    return found if isinstance(found, list) else []


GOOD = {"query": "up", "success": "> 0"}


@pytest.mark.parametrize(
    ("checks", "told"),
    [
        (
            {"a": {**GOOD, "sucess": "> 0"}},
            ['gates.a.sucess: "> 0"', "is not a field of a gate; did you mean success?"],
        ),
        ({"a": {"query": "up"}}, ["gates.a.success: missing", "is required unless failure is set"]),
        ({"a": {"success": "> 0"}}, ["gates.a.preset: missing", "a gate has preset, or total and bad or good, or"]),
        ({"a": {"bad": "x"}}, ["gates.a.total: missing", "a gate has preset, or total and bad or good, or one of"]),
        ({"a": {"total": "x"}}, ["gates.a.bad: missing", "a gate has preset, or total and bad or good, or one of"]),
        ({"a": {**COMPARED, "good": "z"}}, ['gates.a.good: "z"', "must not stand beside bad"]),
        ({"a": {"preset": "htttp"}}, ['gates.a.preset: "htttp"', "must be one of http, istio, nginx", "preset http"]),
        ({"a": {"preset": "http", "total": "x"}}, ['gates.a.total: "x"', "must not stand beside preset"]),
        ({"a": {"bad": "x", "total": "x"}}, ['gates.a.bad: "x"', "must not be the series of total", "could not fail"]),
        ({"a": {**COMPARED, "total": "sum(x)"}}, ['gates.a.total: "sum(x)"', "must be the name of series"]),
        ({"a": {**COMPARED, "bad": 'x{code="500"} or vector(0)'}}, ["gates.a.bad", "no function, no placeholder"]),
        ({"a": {**COMPARED, "bad": 'x{pod=~"{{pod}}"}'}}, ["gates.a.bad", "the gate adds namespace and pod"]),
        ({"a": {**GOOD, "web": "http://x"}}, ['gates.a.web: "http://x"', "must not stand beside query"]),
        ({"a": {"web": "x", "success": "> 0"}}, ['gates.a.web: "x"', "must be http:// or https:// and a host"]),
        ({"a": {"web": "http://u:p@x", "success": "> 0"}}, ["gates.a.web", "without user or password"]),
        ({"a": {"command": "a b", "success": "> 0"}}, ['gates.a.command: "a b"', "must be a list", '["a", "b"]']),
        ({"a": {"command": ["a", 1], "success": "> 0"}}, ["gates.a.command", "must be a list of texts"]),
        ({"a": {"command": ["a", "{{pods}}"], "success": "> 0"}}, ["gates.a.command", "no other placeholder"]),
        ({"a": {**GOOD, "dryRun": "true"}}, ['gates.a.dryRun: "true"', "must be true or false"]),
        ({"a": {**COMPARED, "tolerance": 0.9}}, ["gates.a.tolerance: 0.9", "must be a number from 1 to 10"]),
        ({"a": {**GOOD, "bad": "x", "total": "y"}}, ['gates.a.bad: "x"', "must not stand beside query"]),
        ({"a": {**COMPARED, "success": "> 0"}}, ['gates.a.success: "> 0"', "must not stand beside total"]),
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
            ["gates.a.intervalSeconds: 60", "makes 5940 s with a count of 100; a gate takes 3600 s at most", "36"],
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
        ({1: 3}, ["gates.1: 3", "must be an object"]),
        ({"a": {"preset": []}}, ["gates.a.preset: []", "must be one of http, istio, nginx"]),
        (
            {"a.b": GOOD},
            ['gates["a.b"]: {', "named with 1 to 40 letters", "rm --path 'gates[\"a.b\"]'", "gates.a-b: {"],
        ),
        ({"a.b": GOOD, "a-b": GOOD}, ["rm --path 'gates[\"a.b\"]' --stack dev$"]),
        ({'"': GOOD}, ['rm --path \'gates["\\""]\' --stack dev$']),
        (["up"], ['gates: ["up"]', "must be an object of gates by name"]),
        ("up", ['gates: "up"', "must be an object of gates by name"]),
    ],
)
def test_what_is_wrong_with_checks_is_told(checks: Any, told: list[str]):
    text = report("", problems(checks, "http://127.0.0.1:9090", None), config_keys("dev"))
    assert [words for words in told if words not in f"{text}$"] == [], text


def test_what_is_to_be_written_into_a_file_is_told_in_full():
    [problem] = problems({"a.b": {**GOOD, "query": "up" * 99}}, "http://127.0.0.1:9090", None)
    [_, fix] = config_keys("dev").lines(problem.fix)
    assert fix == f'edit Pulumi.dev.yaml: gates.a-b: {{"query": "{"up" * 99}", "success": "> 0"}}'


def test_the_checks_of_the_docs_have_no_problem():
    texts = re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "gates.md").read_text(), re.DOTALL | re.MULTILINE)
    checks = {name: check for text in texts for name, check in yaml.safe_load(text)["config"]["canary:gates"].items()}
    assert len(checks) == 3
    assert problems(checks, "http://127.0.0.1:9090", None) == []


def test_all_that_is_wrong_is_told_at_once():
    checks = {"a": {**GOOD, "count": 0, "noData": "x"}, "b": {"query": "up"}}
    found = {problem.path for problem in problems(checks, "", None)}
    assert found == {("prometheus_url",), ("gates", "a", "count"), ("gates", "a", "noData"), ("gates", "b", "success")}


def test_good_checks_have_no_problem():
    checks: Any = {
        "a": {**GOOD, "count": 3.0, "intervalSeconds": 5, "failureLimit": 1},
        "b": {**COMPARED, "worseBy": 0.1},
    }
    assert problems(checks, "https://prometheus.example.com/path", "token") == []
    assert problems({}, "", None) == problems(None, None, None) == []


@pytest.mark.parametrize("url", ["prometheus:9090", "ftp://host", "http://", "http://a b", 3])
def test_a_bad_url_is_told(url: Any):
    assert [problem.path for problem in problems({"a": GOOD}, url, None)] == [("prometheus_url",)]


def test_what_could_be_a_secret_is_not_shown():
    found = [*problems({}, "http://user:hunter2@host", "hunter2\n"), *problems({}, "http://host?token=hunter2", None)]
    assert len(found) == 3
    assert "hunter2" not in report("", found, config_keys("dev"))


def test_only_what_asks_prometheus_needs_its_address():
    others = {"a": {"command": ["true"], "success": "> 0"}, "b": {"web": "http://x/?q=1", "failure": "> 0"}}
    assert problems(others, None, None) == []
    assert [problem.path for problem in problems({**others, "c": {"preset": "http"}}, None, None)] == [
        ("prometheus_url",)
    ]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_series(preset: str):
    gates = parse_gates({"a": {"preset": preset}}, "http://p", None)
    assert isinstance(gates, Gates)
    [check] = gates.checks
    assert isinstance(check, Comparison)
    assert (str(check.total), str(check.other)) == (PRESETS[preset]["total"], PRESETS[preset]["bad"])


def test_a_check_is_complete_once_it_is_parsed():
    checks = {"a": {"total": "x", "good": 'y{le="0.25"}'}, "b": {"command": ["c"], "success": "< 1", "count": 3}}
    gates = parse_gates(checks, "http://p", "secret")
    assert isinstance(gates, Gates)
    assert "secret" not in repr(gates)
    compared, threshold = gates.checks
    assert isinstance(compared, Comparison)
    assert isinstance(threshold, Threshold)
    assert (compared.other_is_good, compared.worse_by, compared.tolerance, compared.false_alarms) == (
        True,
        0.01,
        1.2,
        0.01,
    )
    assert (threshold.source, threshold.asked, threshold.count, threshold.no_data) == (
        "command",
        ["c"],
        3,
        State.INCONCLUSIVE,
    )


def test_comparisons_share_the_probability_of_a_false_alarm():
    checks = {
        "a": {"preset": "http"},
        "b": {"preset": "istio", "falseAlarms": 0.05},
        "told": {"preset": "nginx", "dryRun": True},
        "number": GOOD,
    }
    gates = parse_gates(checks, "http://p", None)
    assert isinstance(gates, Gates)
    alarms = [check.false_alarms for check in gates.checks if isinstance(check, Comparison)]
    assert alarms == [0.005, 0.025, 0.005]


@pytest.mark.parametrize(
    ("text", "promql"),
    [
        ("up", 'up{namespace="prod",pod=~"a[.]1-x|b"}'),
        (' a:b_total { code =~ "5..", x!="}" , }', 'a:b_total{namespace="prod",pod=~"a[.]1-x|b",code=~"5..",x!="}"}'),
        ('x{a="\\"",b!~"c"}', 'x{namespace="prod",pod=~"a[.]1-x|b",a="\\"",b!~"c"}'),
        ("x{}", 'x{namespace="prod",pod=~"a[.]1-x|b"}'),
    ],
)
def test_series_are_asked_of_the_pods_alone(text: str, promql: str):
    selector = Selector.of(text)
    assert selector
    assert selector.of_pods("prod", ["b", "a.1-x"]) == promql


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sum(x)",
        "x[5m]",
        "x or y",
        "x offset 1m",
        '{a="b"}',
        "x{a=b}",
        'x{a="b}',
        'x{pod="a"}',
        'x{namespace="a"}',
        "1",
    ],
)
def test_what_is_no_series_is_none(text: str):
    assert Selector.of(text) is None


def test_a_selector_of_labels_alone_matches_any_value():
    selector = Selector.of('x{a="b",c!~"d"}')
    assert selector
    assert selector.anywhere() == 'x{a!="",c!=""}'
