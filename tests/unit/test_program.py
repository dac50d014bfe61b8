"""What the program declares for the stack files of this repository."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime.mocks import MockMonitor

from canary_release.model.objects import OWNERSHIP, WITHOUT_AWAIT

from ..own_share import own_share
from .conftest import ROOT, Recorder, whole, write_kubeconfig

RunStack = Callable[[Path], Recorder]

STACK_FILES = sorted(ROOT.glob("Pulumi.*.yaml"))
SEED = Path(__file__).parent / "model" / "seed.yaml"
"""The stable Deployment and the Service of the text that the project was made from."""
POD = ("spec", "template", "spec")
ADDED = {
    "metadata": {"namespace": "default", "annotations": OWNERSHIP},
    "spec": {
        "progressDeadlineSeconds": 120,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}},
        "template": {
            "spec": {
                "automountServiceAccountToken": False,
                "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            }
        },
    },
}
"""What the release and app.yaml add to the seed's Deployments, beside what they add to the container."""
ADDED_TO_CONTAINER = {
    "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
    "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 2},
    "securityContext": {"allowPrivilegeEscalation": False},
}


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Both objects together; lists and scalars must not be in both."""
    both = one.keys() & other.keys()
    return {**one, **other, **{name: merged(one[name], other[name]) for name in both}}


def seed() -> dict[str, Any]:
    """The three objects of the seed with what is added to them, by their names in the program."""
    stable, service = yaml.safe_load_all(SEED.read_text())
    canary = json.loads(json.dumps(stable).replace('"stable"', '"canary"').replace(":v0.1", ":v0.2"))
    canary["metadata"]["name"] = "k8s-testapp-canary"
    canary["spec"]["replicas"] = 1
    for deployment in (stable, canary):
        deployment["spec"]["template"]["spec"]["containers"][0] |= ADDED_TO_CONTAINER
    return {
        "release-stable": merged(stable, ADDED),
        "release-canary": merged(canary, ADDED),
        "release-myapp-svc": merged(service, {"metadata": {"annotations": {**OWNERSHIP, **WITHOUT_AWAIT}}}),
    }


@pytest.fixture
def stack_file(tmp_path: Path) -> Path:
    """A copy of dev's stack file, which tests may change."""
    return Path(shutil.copy(ROOT / "Pulumi.dev.yaml", tmp_path))


def changed(stack_file: Path, **config: Any) -> Path:
    """The stack file with these keys set."""
    file = yaml.safe_load(stack_file.read_text())
    file["config"] |= {f"canary:{key}": value for key, value in config.items()}
    stack_file.write_text(yaml.safe_dump(file))
    return stack_file


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The outputs of the stack whose program runs."""
    found: dict[str, Any] = {}

    def export(name: str, value: pulumi.Input[Any]) -> None:
        pulumi.Output.from_input(value).apply(lambda known: found.update({name: known}))

    monkeypatch.setattr(pulumi, "export", export)
    return found


@pytest.mark.parametrize("file", STACK_FILES, ids=lambda path: path.name)
def test_every_committed_stack_file_declares_a_release(
    file: Path, run_stack: RunStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    context = yaml.safe_load(file.read_text())["config"]["kubernetes:context"]
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path, context)))
    assert {"release", "release-stable", "release-myapp-svc"} <= run_stack(file).resources.keys()


def test_the_dev_stack_declares_the_three_objects_of_the_seed_and_what_is_added_to_them(run_stack: RunStack):
    resources = run_stack(ROOT / "Pulumi.dev.yaml").resources
    assert {name: each for name, each in resources.items() if "kind" in each} == seed()


def test_the_outputs_of_the_stack_say_what_runs_and_where(run_stack: RunStack, outputs: dict[str, Any]):
    run_stack(ROOT / "Pulumi.dev.yaml")
    assert whole(outputs) == {
        "stableVersion": "v0.1",
        "stableReplicas": 2,
        "canaryVersion": "v0.2",
        "canaryReplicas": 1,
        "canaryShare": "33.3 %",
        "totalPods": 3,
        "namespace": "default",
        "serviceNames": ["myapp-svc"],
        "nodePort": 30880,
        "selector": {"app": "myapp"},
    }


def test_a_promotion_changes_one_image_and_the_canarys_replicas_and_nothing_else(run_stack: RunStack, stack_file: Path):
    before, after = run_stack(stack_file), run_stack(changed(stack_file, stableVersion="v0.2", canaryReplicas="0"))
    expected = copy.deepcopy(before.resources)
    expected["release-stable"]["spec"]["template"]["spec"]["containers"][0]["image"] = (
        "arisu1000/simple-container-app:v0.2"
    )
    expected["release-canary"]["spec"]["replicas"] = 0
    expected["release"] |= {"stableVersion": "v0.2", "canaryReplicas": 0}
    assert after.resources == expected


def test_how_updates_are_judged_and_recorded_is_no_input_of_the_release(
    run_stack: RunStack, stack_file: Path, monkeypatch: pytest.MonkeyPatch
):
    without = run_stack(stack_file).resources
    monkeypatch.setattr("pulumi.runtime.is_config_secret", lambda key: key == "canary:prometheusToken")
    with_gates = changed(
        stack_file,
        gates={"up": {"query": "up", "success": "> 0"}},
        prometheusUrl="http://127.0.0.1:9090",
        prometheusToken="hunter2",
        evidenceFolder="evidence",
        provenIn="staging",
    )
    assert run_stack(with_gates).resources == without


def test_what_a_protected_stack_has_is_protected_but_for_its_canary(
    run_stack: RunStack, stack_file: Path, monkeypatch: pytest.MonkeyPatch
):
    protected: set[str] = set()
    register = MockMonitor.RegisterResource

    def recording(monitor: MockMonitor, request: Any) -> Any:
        if request.protect:
            protected.add(request.name)
        return register(monitor, request)

    monkeypatch.setattr(MockMonitor, "RegisterResource", recording)
    run_stack(changed(stack_file, protect=True))
    assert protected == {"release", "release-stable", "release-myapp-svc"}


@pytest.mark.parametrize(
    ("key", "accepted"),
    [
        (
            "namespace",
            "must not be secret: it would stand in the state and the Deployment in plain text; keep it in a Kubernetes "
            "Secret and name that in the manifest, in env[].valueFrom.secretKeyRef",
        ),
        ("provenIn", "must not be secret, as only prometheusToken may be: messages show it in plain text"),
        ("prometheusTokn", "must not be secret, as only prometheusToken may be: messages show it in plain text"),
    ],
)
def test_config_that_is_secret_is_refused_without_showing_it(
    key: str, accepted: str, run_stack: RunStack, stack_file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pulumi.runtime.is_config_secret", lambda name: name == f"canary:{key}")
    with pytest.raises(pulumi.RunError) as refusal:
        run_stack(changed(stack_file, **{key: "hunter2"}))
    assert str(refusal.value).splitlines() == [
        "the config of stack dev has a problem; nothing was changed",
        "",
        f"  Pulumi.dev.yaml:4: canary:{key}: [secret]",
        f"    {accepted}",
        f"    fix: pulumi config rm canary:{key} --stack dev",
    ]


def test_the_benchmark_measures_the_objects_that_the_program_declares(
    run_stack: RunStack, stack_file: Path, tmp_path: Path
):
    declared = run_stack(stack_file).resources
    measured = own_share(stack_file.parent, tmp_path / "kubeconfig")["items"]
    assert [each["spec"] for each in measured] == [
        declared[f"release-{child}"]["spec"] for child in ("stable", "canary", "myapp-svc")
    ]
