"""Gates under Pulumi: with the pods that kubectl tells, in previews and updates."""

import asyncio
import json
import stat
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from canary_release.gates import Gates, parse_gates
from canary_release.gates.contract import State
from canary_release.gates.sampling import Verdict
from canary_release.hooks.cluster import Cluster
from canary_release.hooks.gating import Gating
from canary_release.hooks.judging import pass_gates
from canary_release.pulumi_host import Refusal, program
from canary_release.text.spelling import config_keys
from canary_release.update.content import fingerprint, tracks
from canary_release.update.update import Update

from ..conftest import Recorder, run_async
from ..gates.test_pods import GOOD
from ..model.shop import release

UPDATE = Update(release(canary_version="v2", canary_replicas=1), release(canary_version="v2", canary_replicas=2))
DEFAULT = Cluster(None, None)
CHECK: Any = {"command": ["echo", "3"], "success": "< 5"}


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kubectl that prints the pods of both tracks, and notes what it was asked."""
    (tmp_path / "objects").write_text(json.dumps({"items": GOOD}))
    program = tmp_path / "kubectl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\ncat {tmp_path}/objects\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def gates_of(check: dict[str, Any]) -> Gates:
    gates = parse_gates({"check": check}, "http://127.0.0.1:1", None)
    assert isinstance(gates, Gates)
    return gates


def judged(
    check: dict[str, Any], cluster: Cluster | None = DEFAULT, preview: bool = False, token: Any = None
) -> Verdict:
    async def run() -> Verdict:
        gates = replace(gates_of(check), prometheus_token=token() if callable(token) else token)
        return await pass_gates("shop", gates, UPDATE, cluster, {}, config_keys("dev"))

    pulumi.runtime.set_mocks(Recorder(), "canary", "dev", preview=preview)
    return run_async(run())


def test_an_update_passes_gates_that_succeed(kubectl: Path):
    assert judged(CHECK).state is State.SUCCESS
    asked = (kubectl / "asked").read_text()
    assert asked == (
        "get pods,replicasets.apps --selector=app=shop --namespace default --ignore-not-found --output=json\n"
    )


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({**CHECK, "success": "< 3"}, "(check: failure), and nothing of this release was changed"),
        ({**CHECK, "command": ["echo", "many"]}, "echo prints what is no number"),
        ({"preset": "http", "consecutiveErrorLimit": 0}, "Prometheus could not be asked: Connection refused"),
    ],
)
@pytest.mark.usefixtures("kubectl")
def test_an_update_that_does_not_pass_is_refused_and_a_preview_informs(check: dict[str, Any], words: str):
    with pytest.raises(Refusal) as refusal:
        judged(check)
    assert words in str(refusal.value)
    assert judged(check, preview=True).state is not State.SUCCESS


def test_pods_that_are_not_known_refuse_the_update(kubectl: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(Refusal, match="the kubeconfig of the release's provider is not"):
        judged(CHECK, cluster=None)
    (kubectl / "kubectl").write_text("#!/bin/sh\necho Unable to connect >&2\nexit 1\n")
    with pytest.raises(Refusal, match="the API server does not tell the pods: Unable to connect"):
        judged({**CHECK, "consecutiveErrorLimit": 0})
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Refusal, match="there is no kubectl on PATH"):
        judged(CHECK)


SECONDS = 30
"""How long a test waits for what comes at once, if it comes."""


def test_an_interrupt_ends_the_wait_for_one_long_answer_at_once(monkeypatch: pytest.MonkeyPatch):
    running, done = threading.Event(), threading.Event()

    def judge(*_: Any, **__: Any) -> Verdict:
        running.set()
        done.wait()
        return Verdict({}, [])

    async def interrupted() -> None:
        judging = asyncio.create_task(pass_gates("shop", gates_of(CHECK), UPDATE, DEFAULT, {}, config_keys("dev")))
        while not running.is_set():
            await asyncio.sleep(0)
        for waiting in program.waiting:
            waiting.put(None)
        await asyncio.wait_for(judging, SECONDS)

    monkeypatch.setattr("canary_release.hooks.judging.judge", judge)
    pulumi.runtime.set_mocks(Recorder(), "canary", "dev", preview=False)
    try:
        with pytest.raises(
            Refusal, match=r"^the gates of CanaryRelease 'shop' were interrupted; nothing of this release was changed$"
        ):
            run_async(interrupted())
    finally:
        done.set()


def secret(token: str) -> Any:
    return lambda: pulumi.Output.secret(token)  # An output needs the event loop of its program.


@pytest.mark.parametrize(
    ("token", "sent"),
    [(secret("hunter2"), "hunter2"), ("hunter2", "hunter2"), (None, None)],
    ids=["output", "text", "none"],
)
@pytest.mark.usefixtures("kubectl")
def test_a_token_is_sent_also_one_that_is_an_output(token: Any, sent: str | None, monkeypatch: pytest.MonkeyPatch):
    given: list[str | None] = []

    def fetch(_who: str, _url: str, _form: Any, token: str | None) -> Any:
        given.append(token)
        return 200, b'{"status": "success", "data": {"resultType": "scalar", "result": [0, "3"]}}'

    monkeypatch.setattr("canary_release.gates.prometheus.fetch", fetch)
    assert judged({"query": "up", "success": "< 5"}, token=token).state is State.SUCCESS
    assert set(given) == {sent}


@pytest.mark.usefixtures("kubectl")
@pytest.mark.parametrize("token", ["hunter2\n", "hunter2 \N{SNOWMAN}"])
def test_an_output_that_can_be_no_token_is_refused_without_showing_it(token: str):
    with pytest.raises(Refusal) as refusal:
        judged({"query": "up", "success": "< 5"}, token=secret(token))
    assert "prometheusToken: [secret]\n    must be one line of printable characters" in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


PROMOTED = release(stable_version="v2", canary_version="v1", canary_replicas=1)
BACK = release(stable_version="v1", canary_version="v2", canary_replicas=0)
FORMER = fingerprint(tracks(BACK).stable.content)


@pytest.mark.parametrize(("former", "asks"), [(FORMER, False), ("", True), (None, True)])
def test_gates_do_not_stand_before_a_rollback_also_where_the_former_version_has_pods(former: str | None, asks: bool):
    gating = Gating("shop", gates_of(CHECK), None, config_keys("dev"), lambda: 0.0)
    assert gating.asks(Update(PROMOTED, BACK, former_stable=former)) is asks
