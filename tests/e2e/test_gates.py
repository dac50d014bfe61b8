"""Gates: what a canary's metrics decide, with a real Prometheus on real pods that answer real requests."""

import calendar
import http.server
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus import Prometheus
from stack import ROOT, SEED, Stack, until
from test_interrupted_update import on_a_terminal, shown

DOCS = yaml.safe_load(re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "gates.md").read_text(), re.S | re.M)[0])
CHECKS: dict[str, dict[str, Any]] = DOCS["config"]["canary:gates"]
CHECKS["restarts"] |= {"count": 3, "intervalSeconds": 1}
ENOUGH = 500
"""Requests of the canary after which the comparisons decide."""
TOKEN = "a-token-that-must-not-show"


def write_config(stack: Stack, prometheus_url: str, **checks: dict[str, Any]) -> None:
    """Writes checks into the stack's file, and where evidence goes."""
    text = yaml.safe_load(stack.file.read_text())
    text["config"] |= {
        "canary:gates": checks,
        "canary:prometheusUrl": prometheus_url,
        "canary:evidenceFolder": "evidence",
    }
    stack.file.write_text(yaml.safe_dump(text))


def untouched(stack: Stack) -> tuple[Any, ...]:
    """State and objects, but for the time at which the state was written, and the evidence."""
    state = stack.exported()
    state["manifest"].pop("time")
    objects = stack.kubectl("get", "deployments,replicasets,pods,services", "--output", "json", "--show-managed-fields")
    return state, objects, evidence(stack)


def evidence(stack: Stack) -> list[dict[str, Any]]:
    """The documents, in the order of their names."""
    return [json.loads(path.read_text()) for path in sorted((stack.folder / "evidence").glob("*"))]


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with Prometheus(tmp_path_factory.mktemp("prometheus"), stack.namespace) as server:
        yield server


@pytest.fixture
def idle(stack: Stack, prometheus: Prometheus) -> Stack:
    """A stack with a canary of which Prometheus knows, and which nobody asks; its config widens it."""
    write_config(stack, prometheus.url)
    stack.configure(**SEED, skipTransitionChecks="false")
    stack.up("--skip-preview")
    until(lambda: len(stack.endpoints()) == len(stack.get("pods")["items"]) == 3, "three pods and no other")
    alive = 'count(process_start_time_seconds{pod=~".*-canary-.*"})'
    until(lambda: prometheus.number(alive) == 1, "a canary in Prometheus")
    stack.configure(canaryReplicas=2)
    return stack


@pytest.fixture
def watched(
    fresh_stack: Stack, tmp_path: Path, traffic_on: Callable
) -> Callable[[str], AbstractContextManager[tuple[Stack, Prometheus]]]:
    """A stack whose canary of some version, younger than stable, has answered enough requests, and answers more."""

    @contextmanager
    def watched(version: str) -> Iterator[tuple[Stack, Prometheus]]:
        with Prometheus(tmp_path / "prometheus", fresh_stack.namespace) as server:
            write_config(fresh_stack, server.url, **CHECKS)
            fresh_stack.configure(canaryReplicas=0)
            fresh_stack.up("--skip-preview")
            with traffic_on(fresh_stack.node_port):
                fresh_stack.configure(canaryVersion=version, canaryReplicas=1)
                fresh_stack.up("--skip-preview")
                answered = f'sum(http_requests_total{{version="{version}"}})'
                until(lambda: server.number(answered) > ENOUGH, f"{ENOUGH} requests of {version} in Prometheus")
                yield fresh_stack, server

    return watched


def test_a_good_canary_is_promoted_and_each_update_leaves_its_evidence(watched: Callable):
    with watched("v0.2") as (stack, server):
        stack.configure(stableVersion="v0.2", canaryReplicas=0)
        promoted = stack.good("pulumi", "up", "--yes", GITHUB_ACTOR="kim", GITHUB_SHA="c0ffee")
        assert "gates of v0.2: success" in promoted.text
        [errors] = [each for each in evidence(stack)[-1]["gates"]["samples"] if each["check"] == "errors"]
        sampled = calendar.timegm(time.strptime(errors["at"], "%Y-%m-%dT%H:%M:%SZ"))
        of_stable = server.number(f'sum(http_requests_total{{version="v0.1"}} @ {sampled})')
    assert errors["canary"]["total"] > ENOUGH
    assert 0 < errors["stable"]["total"] < of_stable, "stable as it was when it was as old as the canary"
    assert stack.outputs()["stableVersion"] == "v0.2"
    stack.up()
    first, start, promotion = evidence(stack)
    assert (first["kind"], first["before"], first["gates"], first["actor"]) == ("first_deploy", None, None, None)
    assert (start["kind"], start["gates"]) == ("start_canary", None)
    assert (promotion["kind"], promotion["actor"], promotion["commit"]) == ("promote", "kim", "c0ffee")
    assert promotion["before"]["canary"] == {"version": "v0.2", "replicas": 1}
    assert promotion["after"]["stable"] == {"version": "v0.2", "replicas": 2}
    assert promotion["gates"]["checks"] == dict.fromkeys(CHECKS, "success")
    assert [each["check"] for each in promotion["gates"]["samples"]].count("restarts") == 3
    assert promotion["seconds"] > promotion["gateSeconds"] > 2


@pytest.mark.parametrize(("version", "check"), [("v0.4-errors", "errors"), ("v0.4-slow", "slow")])
def test_a_canary_that_is_worse_than_stable_is_refused_with_nothing_touched(
    watched: Callable, version: str, check: str
):
    with watched(version) as (stack, _):
        stack.configure(canaryReplicas=2)
        before = untouched(stack)
        preview = stack.good("pulumi", "preview").text
        refused = stack.failing_up().text
        assert untouched(stack) == before
        assert "gates as they are now; `pulumi up --stack dev` decides" in preview
        assert "worse than stable, p = " in preview
        assert f"{check}: failure" in refused
        assert "worse than stable, p = " in refused
        assert "to stop it:\n      1. pulumi config set --stack dev canaryReplicas 0" in refused
        stack.configure(canaryReplicas=0)
        stack.up()


def test_a_canary_that_nobody_asks_is_inconclusive_and_refused(idle: Stack, prometheus: Prometheus):
    write_config(idle, prometheus.url, **CHECKS)
    before = untouched(idle)
    refused = idle.failing_up().text
    assert untouched(idle) == before
    assert "errors: inconclusive" in refused
    assert "no data of the canary" in refused
    assert "slow: inconclusive" in refused


def test_a_prometheus_that_is_down_is_inconclusive(idle: Stack):
    write_config(idle, "http://127.0.0.1:1", **CHECKS)
    before = untouched(idle)
    assert "Prometheus could not be asked: Connection refused" in idle.good("pulumi", "preview").text
    refused = idle.failing_up().text
    assert untouched(idle) == before
    assert "errors: inconclusive" in refused
    assert "Prometheus could not be asked: Connection refused" in refused


@contextmanager
def answering(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """The address of a server in the place of Prometheus that answers as no Prometheus would."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Quiet(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Says nothing of clients that give up."""

    with Quiet(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def drip(handler: http.server.BaseHTTPRequestHandler) -> None:
    """A byte now and then: no single read ever takes too long."""
    for _ in range(60):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.5)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (drip, "Prometheus did not answer within 10 s"),
        (lambda handler: handler.wfile.write(b"<html>Sign in</html>"), "what answers is no Prometheus: status 200"),
    ],
    ids=["slow", "nonsense"],
)
def test_slow_and_nonsensical_answers_are_inconclusive(idle: Stack, answer: Callable, words: str):
    with answering(answer) as url:
        write_config(idle, url, restarts=CHECKS["restarts"])
        before = untouched(idle)
        refused = idle.run("pulumi", "up", "--yes", "--skip-preview")
        assert refused.code != 0, refused
        assert words in refused.text, refused
        assert "Traceback" not in refused.text, refused
        assert untouched(idle) == before


def test_the_token_is_sent_and_shows_nowhere(idle: Stack):
    sent: list[str] = []

    def echo(handler: http.server.BaseHTTPRequestHandler) -> None:
        sent.append(handler.headers["Authorization"])
        handler.wfile.write(json.dumps({"status": "error", "error": f"who is {sent[-1]}?"}).encode())

    with answering(echo) as url:
        write_config(idle, url, restarts=CHECKS["restarts"])
        idle.good("pulumi", "config", "set", "--secret", "prometheusToken", TOKEN)
        shown = idle.good("pulumi", "preview", "--show-secrets").text + idle.failing_up().text
        idle.unset("prometheusToken")
    assert set(sent) == {f"Bearer {TOKEN}"}
    assert "Prometheus refuses the query: who is Bearer [secret]?" in shown
    assert TOKEN not in shown
    own = [path for path in idle.folder.rglob("*") if path.is_file() and ".venv" not in path.parts]
    assert any(path.is_relative_to(idle.state) for path in own)
    for path in own:
        assert TOKEN.encode() not in path.read_bytes(), path


def test_ctrl_c_ends_the_wait_says_so_and_leaves_everything_untouched(idle: Stack):
    asked = threading.Event()

    def good(handler: http.server.BaseHTTPRequestHandler) -> None:
        asked.set()
        handler.wfile.write(b'{"status": "success", "data": {"resultType": "scalar", "result": [0, "1"]}}')

    with answering(good) as url:
        write_config(idle, url, up={"query": "vector(1)", "success": "> 0", "count": 60, "intervalSeconds": 60})
        before = untouched(idle)
        process, operator = on_a_terminal(idle, "pulumi", "up", "--yes", "--skip-preview")
        assert asked.wait(60)
        os.write(operator, b"\x03")
        text = shown(operator)
        assert process.wait(60) != 0, text
    assert "the gates of CanaryRelease 'release' were interrupted; nothing was changed" in text, text
    assert "rpc error" not in text, text
    assert "Traceback" not in text, text
    assert idle.locks() == []
    assert untouched(idle) == before


def test_skipping_the_checks_skips_the_gates_and_says_so(idle: Stack):
    write_config(idle, "http://127.0.0.1:1", **CHECKS)
    idle.configure(skipTransitionChecks="true")
    widened = idle.up().text
    assert "skipTransitionChecks is set: no rule and no gate guards the updates of CanaryRelease 'release'" in widened
    assert evidence(idle)[-1]["kind"] == "widen"
    assert evidence(idle)[-1]["checksSkipped"] is True


def test_an_update_that_gives_the_canary_nothing_more_asks_no_gate(idle: Stack):
    write_config(idle, "http://127.0.0.1:1", **CHECKS)
    for config in ({"canaryReplicas": 1, "canaryVersion": "v0.3"}, {"stableReplicas": 3}, {"canaryReplicas": 0}):
        idle.configure(**config)
        idle.up("--skip-preview")
    assert [each["kind"] for each in evidence(idle)[-3:]] == ["change_canary", "scale_stable", "stop_canary"]
    assert [each["gates"] for each in evidence(idle)[-3:]] == [None, None, None]


def test_evidence_that_cannot_be_written_refuses_the_update(idle: Stack):
    (idle.folder / "file").touch()
    idle.configure(evidenceFolder="file", canaryReplicas=0)
    before = untouched(idle)
    assert "evidence cannot be written, and nothing was changed" in idle.failing_up().text
    assert untouched(idle) == before
