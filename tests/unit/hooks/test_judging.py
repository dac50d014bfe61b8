"""Gates under Pulumi: with the pods that kubectl tells, in previews and updates."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pulumi
import pytest

from canary_release.gates import Gates, parse_gates
from canary_release.gates.contract import State
from canary_release.gates.sampling import Verdict
from canary_release.hooks.cluster import Cluster
from canary_release.hooks.judging import pass_gates
from canary_release.pulumi_host import Refusal
from canary_release.text.spelling import config_keys
from canary_release.update.update import Update

from ..conftest import Recorder
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


def judged(check: dict[str, Any], cluster: Cluster | None = DEFAULT, preview: bool = False) -> Verdict:
    gates = parse_gates({"check": check}, "http://127.0.0.1:1", None)
    assert isinstance(gates, Gates)

    async def run() -> Verdict:
        return await pass_gates("shop", gates, UPDATE, cluster, {}, config_keys("dev"))

    pulumi.runtime.set_mocks(Recorder(), "canary", "dev", preview=preview)
    return asyncio.run(run())


def test_an_update_passes_gates_that_succeed(kubectl: Path):
    assert judged(CHECK).state is State.SUCCESS
    asked = (kubectl / "asked").read_text()
    assert asked == (
        "get pods,replicasets.apps --selector=app=shop --namespace default --ignore-not-found --output=json\n"
    )


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({**CHECK, "success": "< 3"}, "(check: failure); nothing was changed"),
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
