"""Gates: what a canary's metrics decide, with a real Prometheus on real pods that answer real requests."""

import calendar
import http.server
import itertools
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
from project import ROOT, SEED, Stack, until
from prometheus import Prometheus
from test_interrupted_update import on_a_terminal, shown

DOCS = yaml.safe_load(re.findall(r"^```yaml\n(.*?)^```", (ROOT / "docs" / "gates.md").read_text(), re.S | re.M)[0])
COMPARED: dict[str, dict[str, Any]] = {name: DOCS["config"]["canary:gates"][name] for name in ("errors", "slow")}
ALIVE: dict[str, Any] = {
    "query": 'count(process_start_time_seconds{namespace="{{namespace}}",pod=~"{{pod}}"})',
    "success": ">= 1",
    "count": 3,
    "intervalSeconds": 1,
    "consecutiveErrorLimit": 0,
}
CHECKS = {**{name: {**check, "consecutiveErrorLimit": 0} for name, check in COMPARED.items()}, "alive": ALIVE}
ENOUGH = 1500
"""Requests of the canary after which the comparisons decide."""
TOKEN = "a-token-that-must-not-show"


def write_config(stack: Stack, prometheus_url: str, **checks: dict[str, Any]) -> None:
    """Writes gates into the stack file, and where documents of updates go."""
    text = yaml.safe_load(stack.file.read_text())
    text["config"] |= {
        "canary:gates": checks,
        "canary:prometheusUrl": prometheus_url,
        "canary:evidenceFolder": "evidence",
    }
    stack.file.write_text(yaml.safe_dump(text))


def untouched(stack: Stack) -> tuple[Any, ...]:
    """State and objects, but for the time at which the state was written, and the documents of updates."""
    state = stack.exported()
    state["manifest"].pop("time")
    objects = stack.kubectl("get", "deployments,replicasets,pods,services", "--output", "json", "--show-managed-fields")
    return state, objects, documents(stack)


def documents(stack: Stack) -> list[dict[str, Any]]:
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
    stack.up()
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
            fresh_stack.up()
            with traffic_on(fresh_stack.node_port):
                fresh_stack.configure(canaryVersion=version, canaryReplicas=1)
                fresh_stack.up()
                answered = f'sum(http_requests_total{{version="{version}"}})'
                until(lambda: server.number(answered) > ENOUGH, f"{ENOUGH} requests of {version} in Prometheus")
                yield fresh_stack, server

    return watched


def test_a_good_canary_is_promoted_and_each_update_leaves_its_document(watched: Callable):
    with watched("v0.2") as (stack, server):
        stack.configure(stableVersion="v0.2", canaryReplicas=0)
        promoted = stack.good("pulumi", "up", "--yes", GITHUB_ACTOR="kim", GITHUB_SHA="c0ffee")
        assert "gates of v0.2: success" in promoted.text
        [errors] = [each for each in documents(stack)[-1]["gates"]["samples"] if each["check"] == "errors"]
        sampled = calendar.timegm(time.strptime(errors["at"], "%Y-%m-%dT%H:%M:%SZ"))
        counted = {
            version: server.number(f'sum(http_requests_total{{version="{version}"}} @ {sampled})')
            for version in ("v0.1", "v0.2")
        }
    # The last scrapes before the look are left out.
    assert 0.9 * counted["v0.2"] < errors["canary"]["total"] <= counted["v0.2"]
    assert 0 < errors["stable"]["total"] <= counted["v0.1"]
    assert errors["evidence"]["blocks"] > 0
    assert stack.outputs()["stableVersion"] == "v0.2"
    stack.up()
    first, start, promotion = documents(stack)
    assert (first["kind"], first["before"], first["gates"], first["actor"]) == ("first_deploy", None, None, None)
    assert (start["kind"], start["gates"]) == ("start_canary", None)
    assert (promotion["kind"], promotion["actor"], promotion["commit"]) == ("promote", "kim", "c0ffee")
    assert promotion["before"]["canary"] == {"version": "v0.2", "replicas": 1}
    assert promotion["after"]["stable"] == {"version": "v0.2", "replicas": 2}
    assert promotion["gates"]["checks"] == dict.fromkeys(CHECKS, "success")
    assert [each["check"] for each in promotion["gates"]["samples"]].count("alive") == 3
    assert promotion["seconds"] > promotion["gateSeconds"] > 2


def test_the_next_update_goes_on_from_the_evidence_of_the_one_before(watched: Callable):
    with watched("v0.2") as (stack, _):
        stack.configure(canaryReplicas=2)
        stack.up()
        before = kept(stack)
        stack.configure(stableReplicas=3)
        stack.up()
        stack.configure(canaryReplicas=3)
        until(lambda: stack.run("pulumi", "up", "--yes", "--skip-preview").code == 0, "enough requests", 180)
        after = kept(stack)
    assert after["canary"] == before["canary"]
    assert after["until"] > before["until"]
    assert after["blocks"] - before["blocks"] == pytest.approx((after["until"] - before["until"]) / 15, abs=0.01)


def kept(stack: Stack) -> dict[str, Any]:
    """The evidence of the errors in the newest document."""
    samples = documents(stack)[-1]["gates"]["samples"]
    return [each for each in samples if each["check"] == "errors"][-1]["evidence"]


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
        assert "worse than stable, evidence " in preview
        assert f"{check}: failure" in refused
        assert "worse than stable, evidence " in refused
        assert "to stop it:\n      1. pulumi config set --stack dev canaryReplicas 0" in refused
        stack.configure(canaryReplicas=0)
        stack.up()


def test_a_bad_canary_is_refused_also_where_stables_pods_are_a_minute_old(watched: Callable):
    """As after the upgrade of a node: what stable counted before is gone with its pods."""
    with watched("v0.4-errors") as (stack, server):
        old = set(stack.pods())
        stack.kubectl("delete", "pods", "--selector", "version=stable", "--wait=false")
        until(lambda: len(stack.endpoints()) == 3 and len(set(stack.pods()) - old) == 2, "new pods of stable")
        of_new = "|".join(set(stack.pods()) - old)
        until(lambda: server.number(f'sum(http_requests_total{{pod=~"{of_new}"}})') > ENOUGH, "requests of new pods")
        stack.configure(canaryReplicas=2)
        refused = until(lambda: "worse than stable, evidence " in stack.failing_up().text, "evidence of a new block")
    assert refused


def test_an_outage_that_both_tracks_share_is_no_evidence_against_the_canary(
    fresh_stack: Stack, tmp_path: Path, traffic_on: Callable
):
    """Their sums differ: stable was well for longer before it."""
    stack, outage = fresh_stack, tmp_path / "outage"
    outage.mkdir()
    outage.chmod(0o755)  # The application's user is not root.
    container = {
        "name": "testapp",
        "env": [{"name": "ERROR_WHILE", "value": "/outage/on"}],
        "volumeMounts": [{"name": "outage", "mountPath": "/outage"}],
    }
    volumes = [{"name": "outage", "hostPath": {"path": str(outage)}}]
    stack.patch("Deployment", {"template": {"spec": {"containers": [container], "volumes": volumes}}})
    with Prometheus(tmp_path / "prometheus", stack.namespace) as server:

        def answered(version: str, code: int) -> float:
            return server.number(f'sum(http_requests_total{{version="{version}",code="{code}"}})')

        write_config(stack, server.url, errors=CHECKS["errors"])
        stack.configure(canaryReplicas=0)
        stack.up()
        with traffic_on(stack.node_port):
            until(lambda: answered("v0.1", 200) > ENOUGH, "good answers of stable alone")
            stack.configure(canaryReplicas=1)
            stack.up()
            until(lambda: answered("v0.2", 200) > 0, "a canary that answers well")
            (outage / "on").touch()
            until(lambda: answered("v0.2", 500) > ENOUGH, "an outage longer than a block")
            (outage / "on").unlink()
            well = answered("v0.2", 200)
            until(lambda: answered("v0.2", 200) > well + ENOUGH, "a good block after it")
            bad = {version: answered(version, 500) / answered(version, 200) for version in ("v0.1", "v0.2")}
            stack.configure(canaryReplicas=2)
            refused = stack.failing_up().text
    assert bad["v0.2"] > 1.2 * bad["v0.1"], bad
    assert "errors: inconclusive" in refused, refused
    assert "worse than stable, evidence" not in refused, refused


def test_a_canary_that_crashes_is_refused(idle: Stack, prometheus: Prometheus):
    idle.configure(canaryVersion="v0.4-crashes", canaryReplicas=1)
    idle.up()

    def restarts() -> int:
        pods = idle.get("pods")["items"]
        return sum(each["restartCount"] for pod in pods for each in pod["status"].get("containerStatuses", []))

    until(lambda: restarts() > 0, "a crash", 120)
    write_config(idle, prometheus.url, **CHECKS)
    idle.configure(canaryReplicas=2)
    refused = idle.failing_up().text
    assert "alive: failure" in refused
    assert re.search(r"pod k8s-testapp-canary-\S+ (has restarted|is not ready)", refused), refused


def test_a_label_that_the_application_does_not_have_is_told_and_refused(watched: Callable):
    with watched("v0.4-errors") as (stack, server):
        bad = 'http_requests_total{status=~"5.."}'
        write_config(stack, server.url, errors={"total": "http_requests_total", "bad": bad})
        stack.configure(canaryReplicas=2)
        refused = stack.failing_up().text
        assert "errors: inconclusive" in refused
        assert "has the label status; they have code, version: the gate could not fail" in refused


def test_a_canary_that_nobody_asks_is_inconclusive_and_refused(idle: Stack, prometheus: Prometheus):
    write_config(idle, prometheus.url, **CHECKS)
    before = untouched(idle)
    refused = idle.failing_up().text
    assert untouched(idle) == before
    assert "errors: inconclusive" in refused
    assert "has had no request" in refused


def test_a_prometheus_that_is_down_is_inconclusive(idle: Stack):
    write_config(idle, "http://127.0.0.1:1", **CHECKS)
    before = untouched(idle)
    assert "Prometheus could not be asked: Connection refused" in idle.good("pulumi", "preview").text
    refused = idle.failing_up().text
    assert untouched(idle) == before
    assert "errors: inconclusive" in refused
    assert "Prometheus could not be asked: Connection refused" in refused


def test_a_prometheus_that_is_gone_for_some_looks_costs_no_verdict(idle: Stack):
    def good(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b'{"status": "success", "data": {"resultType": "scalar", "result": [0, "1"]}}')

    # Each look asks twice.
    with answering(good, away=6) as url:
        write_config(idle, url, alive={**ALIVE, "query": "vector(1)", "consecutiveErrorLimit": 4})
        widened = idle.up().text
    assert "gates of v0.2: success" in widened
    assert "Prometheus is not there: status 503, twice" in widened


def test_other_providers_are_asked_by_a_program_or_an_address(idle: Stack):
    def score(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"0.5")

    with answering(score) as url:
        checks: dict[str, Any] = {
            "program": {"command": ["sh", "-c", "echo '{{pod}}' | grep -c canary"], "success": ">= 1"},
            "address": {"web": f"{url}/score?version={{{{version}}}}", "success": ">= 0.5"},
        }
        write_config(idle, "", **checks)
        widened = idle.up().text
    assert "gates of v0.2: success" in widened


@contextmanager
def answering(answer: Callable[[http.server.BaseHTTPRequestHandler], None], away: int = 0) -> Iterator[str]:
    """The address of a server in the place of Prometheus that answers as no Prometheus would.

    The first requests are answered by a proxy whose server is away.
    """
    asked = itertools.count()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(503 if (is_away := next(asked) < away) else 200)
            self.end_headers()
            if not is_away:
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
        write_config(idle, url, alive=ALIVE)
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
        write_config(idle, url, alive=ALIVE)
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
    assert "the gates of CanaryRelease 'release' were interrupted; nothing of this release was changed" in text, text
    assert "rpc error" not in text, text
    assert "Traceback" not in text, text
    assert idle.locks() == []
    assert untouched(idle) == before


def test_skipping_the_checks_skips_the_gates_and_says_so(idle: Stack):
    write_config(idle, "http://127.0.0.1:1", **CHECKS)
    idle.configure(skipTransitionChecks="true")
    widened = idle.up().text
    assert "skipTransitionChecks is set: no rule and no gate guards the updates of CanaryRelease 'release'" in widened
    assert documents(idle)[-1]["kind"] == "widen"
    assert documents(idle)[-1]["checksSkipped"] is True


def test_an_update_that_gives_the_canary_nothing_more_asks_no_gate(idle: Stack):
    write_config(idle, "http://127.0.0.1:1", **CHECKS)
    for config in ({"canaryReplicas": 1, "canaryVersion": "v0.3"}, {"stableReplicas": 3}, {"canaryReplicas": 0}):
        idle.configure(**config)
        idle.up()
    assert [each["kind"] for each in documents(idle)[-3:]] == ["change_canary", "scale_stable", "stop_canary"]
    assert [each["gates"] for each in documents(idle)[-3:]] == [None, None, None]


def test_a_document_that_cannot_be_written_refuses_the_update(idle: Stack):
    (idle.folder / "file").touch()
    idle.configure(evidenceFolder="file", canaryReplicas=0)
    before = untouched(idle)
    assert (
        "the document of this update cannot be written, and nothing of this release was changed"
        in idle.failing_up().text
    )
    assert untouched(idle) == before
