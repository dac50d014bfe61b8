"""What the program declares for the stack files of this repository."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components import CanaryRelease, CanaryReleaseArgs
from components.args import BOUNDS, DEFAULTS
from components.checks import TYPES
from components.release import camel
from settings import STACK_KEYS

from .conftest import ROOT, Recorder, engine_config, whole, write_kubeconfig

STACK_FILES = sorted(ROOT.glob("Pulumi.*.yaml"))
SEED_CONTAINER = {"name": "testapp", "ports": [{"containerPort": 8080}]}


def labels(version: str) -> dict[str, str]:
    return {"app": "myapp", "version": version}


@pytest.fixture
def dev(run_stack: Callable[[Path], Recorder]) -> Recorder:
    return run_stack(ROOT / "Pulumi.dev.yaml")


@pytest.mark.parametrize("stack_file", STACK_FILES, ids=lambda path: path.name)
def test_every_committed_stack_file_declares_a_release(
    stack_file: Path, run_stack: Callable[[Path], Recorder], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    context = yaml.safe_load(stack_file.read_text())["config"]["kubernetes:context"]
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path, context)))
    recorder = run_stack(stack_file)
    assert {"release", "release-stable", "release-service"} <= recorder.resources.keys()


@pytest.mark.parametrize(
    ("child", "name", "version", "replicas", "image"),
    [
        ("release-stable", "k8s-testapp", "stable", 2, "arisu1000/simple-container-app:v0.1"),
        ("release-canary", "k8s-testapp-canary", "canary", 1, "arisu1000/simple-container-app:v0.2"),
    ],
)
def test_the_dev_stack_declares_the_deployments_of_the_seed(
    dev: Recorder, child: str, name: str, version: str, replicas: int, image: str
):
    manifest = dev.resources[child]
    assert dev.types[child] == "kubernetes:apps/v1:Deployment"
    assert manifest["metadata"] == {"name": name, "namespace": "default", "labels": labels(version)}
    assert manifest["spec"]["replicas"] == replicas
    assert manifest["spec"]["selector"] == {"matchLabels": labels(version)}
    template = manifest["spec"]["template"]
    assert template["metadata"]["labels"] == labels(version)
    [container] = template["spec"]["containers"]
    assert container.items() >= {**SEED_CONTAINER, "image": image}.items()


def test_the_dev_stack_declares_the_service_of_the_seed(dev: Recorder):
    manifest = dev.resources["release-service"]
    assert manifest["metadata"]["name"] == "myapp-svc"
    assert manifest["metadata"]["namespace"] == "default"
    assert manifest["metadata"]["labels"] == {"app": "myapp"}
    assert manifest["spec"] == {
        "type": "NodePort",
        "selector": {"app": "myapp"},
        "ports": [{"port": 8080, "protocol": "TCP", "targetPort": 8080, "nodePort": 30880}],
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "externalTrafficPolicy": "Cluster",
    }


def test_the_tracks_differ_in_name_label_image_and_replicas_alone(dev: Recorder):
    def common(child: str) -> str:
        manifest = json.loads(json.dumps(dev.resources[child]))
        manifest["metadata"].pop("name")
        manifest["spec"].pop("replicas")
        manifest["spec"]["template"]["spec"]["containers"][0].pop("image")
        return json.dumps(manifest, sort_keys=True).replace('"canary"', '"stable"')

    assert common("release-stable") == common("release-canary")


def test_the_service_selects_both_tracks_and_each_deployment_its_own(dev: Recorder):
    service = dev.resources["release-service"]["spec"]["selector"].items()
    stable, canary = (
        dev.resources[child]["spec"]["selector"]["matchLabels"].items()
        for child in ("release-stable", "release-canary")
    )
    assert service <= stable
    assert service <= canary
    assert not stable <= canary
    assert not canary <= stable


def test_a_promotion_changes_one_image_and_the_canarys_replicas_and_nothing_else(run: Callable[..., Recorder]):
    before = declare(run, stable_version="v1", stable_replicas=4, canary_version="v2", canary_replicas=2)
    after = declare(run, stable_version="v2", stable_replicas=4, canary_version="v2", canary_replicas=0)
    assert differences(before.resources, after.resources) == {
        "release-stable.spec.template.spec.containers.0.image",
        "release-canary.spec.replicas",
    }


def test_without_a_canary_version_there_is_no_canary_deployment(run: Callable[..., Recorder]):
    assert "release-canary" not in declare(run, stable_version="v1").resources


def test_no_canary_replicas_keep_the_deployment_at_zero(run: Callable[..., Recorder]):
    recorder = declare(run, stable_version="v1", canary_version="v2", canary_replicas=0)
    assert recorder.resources["release-canary"]["spec"]["replicas"] == 0


def test_two_releases_share_no_object_and_no_selector(run: Callable[..., Recorder]):
    def program():
        CanaryRelease("shop", {"app": "shop", "name": "shop", "image": "example/shop", "stable_version": "v1"})
        CanaryRelease("blog", {"app": "blog", "name": "blog", "image": "example/blog", "stable_version": "v1"})

    resources = run(program).resources
    names = [r["metadata"]["name"] for r in resources.values() if "metadata" in r]
    assert sorted(names) == ["blog", "blog-svc", "shop", "shop-svc"]
    assert resources["shop-service"]["spec"]["selector"] == {"app": "shop"}
    assert resources["blog-service"]["spec"]["selector"] == {"app": "blog"}


def test_whole_numbers_may_arrive_as_floats(run: Callable[..., Recorder]):
    """Through a plugin they always do."""
    floats = declare(run, stable_version="v1", stable_replicas=3.0, container={"livenessProbe": {"periodSeconds": 7.0}})
    whole = declare(run, stable_version="v1", stable_replicas=3, container={"livenessProbe": {"periodSeconds": 7}})
    assert floats.manifests() == whole.manifests()


def test_a_worker_declares_two_deployments_and_no_service(run: Callable[..., Recorder]):
    recorder = declare(run, stable_version="v1", canary_version="v2", canary_replicas=1, service_type="none")
    assert recorder.types.keys() - {"release"} == {"release-stable", "release-canary"}


def test_config_that_is_secret_is_refused_without_showing_it(
    run_stack: Callable[[Path], Recorder], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    stack_file = tmp_path / "Pulumi.dev.yaml"
    stack_file.write_text(
        (ROOT / "Pulumi.dev.yaml").read_text().replace("config:", "config:\n  canary:container: {env: hunter2}")
    )
    monkeypatch.setattr("pulumi.runtime.is_config_secret", lambda key: key == "canary:container")
    with pytest.raises(pulumi.RunError, match=r"canary:container: \[secret\]\n    must not be secret") as refusal:
        run_stack(stack_file)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("key", ["prometheusUrl", "provenIn", "prometheusTokn"])
def test_a_secret_that_is_no_argument_is_refused_for_where_it_would_show(
    key: str, run_stack: Callable[[Path], Recorder], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    stack_file = tmp_path / "Pulumi.dev.yaml"
    stack_file.write_text(
        (ROOT / "Pulumi.dev.yaml").read_text().replace("config:", f"config:\n  canary:{key}: hunter2")
    )
    monkeypatch.setattr("pulumi.runtime.is_config_secret", lambda name: name == f"canary:{key}")
    with pytest.raises(pulumi.RunError) as refusal:
        run_stack(stack_file)
    assert str(refusal.value).splitlines()[2:] == [
        f"  canary:{key}: [secret]",
        "    must not be secret, as only prometheusToken may be: messages show it in plain text",
        f"    fix: pulumi config rm canary:{key} --stack dev",
    ]


def test_how_updates_are_judged_and_recorded_is_no_input_of_the_release(
    run_stack: Callable[[Path], Recorder], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    stack_file = tmp_path / "Pulumi.dev.yaml"
    text = (ROOT / "Pulumi.dev.yaml").read_text()
    stack_file.write_text(text)
    without = run_stack(stack_file).resources
    gates = """config:
  canary:gates: {up: {query: up, success: "> 0"}}
  canary:prometheusUrl: http://127.0.0.1:9090
  canary:prometheusToken: hunter2
  canary:evidenceFolder: evidence"""
    stack_file.write_text(text.replace("config:", gates))
    monkeypatch.setattr("pulumi.runtime.is_config_secret", lambda key: key == "canary:prometheusToken")
    assert run_stack(stack_file).resources == without


@pytest.mark.parametrize("name", sorted(CanaryReleaseArgs.__annotations__.keys() - CanaryReleaseArgs.__required_keys__))
def test_an_argument_that_is_none_is_as_good_as_absent(run: Callable[..., Recorder], name: str):
    without = declare(run, stable_version="v1")
    assert declare(run, stable_version="v1", **{name: None}).manifests() == without.manifests()


releases = st.fixed_dictionaries(
    {
        "stable_version": st.sampled_from(["v1", "v2"]),
        "stable_replicas": st.integers(2, 6),
        "canary_version": st.sampled_from(["v3", "v4"]),
        "canary_replicas": st.integers(0, 2),
        "min_ready_seconds": st.integers(0, 3),
    }
)


@given(history=st.lists(releases, min_size=2, max_size=5))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_going_back_to_an_earlier_config_gives_identical_manifests(run: Callable[..., Recorder], history: list[dict]):
    first = [declare(run, **release).manifests() for release in history]
    again = [declare(run, **release).manifests() for release in reversed(history)]
    assert first == again[::-1]


def test_pulumi_yaml_describes_every_argument_with_its_type_and_default():
    schema = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert schema.keys() == {camel(name) for name in CanaryReleaseArgs.__annotations__} | set(STACK_KEYS)
    for name in CanaryReleaseArgs.__annotations__:
        entry = schema[camel(name)]
        kind = {int: "integer", str: "string", bool: "boolean", dict: "object"}[TYPES[name]]
        unset = {"integer": 0, "object": {}, "string": "", "boolean": False}[kind]
        assert entry["type"] == kind
        assert entry["default"] == DEFAULTS.get(name, unset)
        assert entry["description"].startswith("Required") == (name in CanaryReleaseArgs.__required_keys__)
        if name in BOUNDS:
            low, high = BOUNDS[name]
            assert f"{low} to {high}" in entry["description"]


def declare(run: Callable[..., Recorder], **args: object) -> Recorder:
    """The resources of one release."""
    complete = {"app": "shop", "image": "example/shop", **args}
    return run(lambda: CanaryRelease("release", complete))  # pyright: ignore[reportArgumentType] # floats on purpose


def differences(before: object, after: object, path: str = "") -> set[str]:
    """Paths at which two declarations differ, below the children; the component's own inputs are not looked at."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = (before.keys() | after.keys()) - ({"release"} if not path else set())
        return set().union(*(differences(before.get(key), after.get(key), f"{path}.{key}") for key in keys))
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return set().union(*(differences(old, new, f"{path}.{index}") for index, (old, new) in pairs))
    return set() if before == after else {path.removeprefix(".")}


def test_the_benchmark_measures_the_objects_that_the_program_declares(dev: Recorder):
    config = json.dumps(engine_config(ROOT / "Pulumi.dev.yaml"))
    program = [sys.executable, "tests/own_share.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PULUMI_CONFIG": config}
    done = subprocess.run(program, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    measured = [item["spec"] for item in json.loads(done.stdout)["items"]]
    declared = [whole(dev.resources[f"release-{child}"])["spec"] for child in ("stable", "canary", "service")]
    assert measured == declared
