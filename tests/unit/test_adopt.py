"""A running Deployment and its Service, read as the config of the release that adopts them."""

import json
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given as each
from hypothesis import strategies as st

from adopt import arguments_of, differences, given, main, selecting, stack_file, told
from components import checks, objects
from components.release import Release

from .conftest import ROOT

DEPLOYMENT, SERVICE = yaml.safe_load_all((ROOT / "docs/kubectl-release.yaml").read_text())
for manifest in (DEPLOYMENT, SERVICE):
    manifest["metadata"]["namespace"] = "shops"
SERVICE["spec"]["ports"][0]["nodePort"] = 30880


def live(**pod: Any) -> dict[str, Any]:
    """The Deployment of the recipe with some of its pod's fields changed."""
    deployment = deepcopy(DEPLOYMENT)
    deployment["spec"]["template"]["spec"] |= pod
    return deployment


def container(**fields: Any) -> list[dict[str, Any]]:
    return [DEPLOYMENT["spec"]["template"]["spec"]["containers"][0] | fields]


def test_the_config_declares_the_live_objects_and_no_more_than_an_annotation():
    args = arguments_of(DEPLOYMENT, SERVICE)
    assert checks.problems(args) == []
    release = Release.of(args)  # pyright: ignore[reportArgumentType] # checked above
    assert differences(with_defaults(DEPLOYMENT), with_defaults(objects.stable_deployment(release))) == []
    [change] = differences(SERVICE_WITH_DEFAULTS, objects.service(release))
    assert change == 'metadata.annotations.pulumi.com/skipAwait not set => "true"'


SERVICE_WITH_DEFAULTS = deepcopy(SERVICE)
SERVICE_WITH_DEFAULTS["spec"]["ports"][0]["protocol"] = "TCP"
SERVICE_WITH_DEFAULTS["spec"] |= {
    "sessionAffinity": "None",
    "internalTrafficPolicy": "Cluster",
    "externalTrafficPolicy": "Cluster",
}


def with_defaults(deployment: dict[str, Any]) -> dict[str, Any]:
    """What of the API server's defaults the two manifests say differently."""
    deployment = deepcopy(deployment)
    deployment["spec"]["strategy"]["type"] = "RollingUpdate"
    deployment["spec"]["template"]["spec"].setdefault("securityContext", {})
    return deployment


def test_only_what_differs_from_a_default_is_set():
    assert arguments_of(DEPLOYMENT, SERVICE) == {
        "name": "shop",
        "namespace": "shops",
        "app": "shop",
        "image": "arisu1000/simple-container-app",
        "stable_version": "v0.1",
        "container_name": "web",
        "min_ready_seconds": 1,
        "ready_timeout_seconds": 60,
        "service_name": "shop",
        "service_port": 80,
        "node_port": 30880,
        "readiness_path": "/",
        "container": {
            "securityContext": None,
            "readinessProbe": {"periodSeconds": 1},
            "env": [{"name": "GREETING", "value": "hello"}],
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        },
        "pod": {
            "automountServiceAccountToken": None,
            "securityContext": None,
            "terminationGracePeriodSeconds": 20,
        },
    }


@pytest.mark.parametrize(
    ("image", "repository", "version"),
    [
        ("registry:5000/team/app:1.10", "registry:5000/team/app", "1.10"),
        ("app@sha256:" + "ab" * 32, "app", "sha256:" + "ab" * 32),
        ("registry:5000/app:1.10@sha256:" + "ab" * 32, "registry:5000/app", "sha256:" + "ab" * 32),
    ],
)
def test_the_image_is_parted_into_repository_and_version(image: str, repository: str, version: str):
    args = arguments_of(live(containers=container(image=image)), SERVICE)
    assert (args["image"], args["stable_version"]) == (repository, version)


@pytest.mark.parametrize("image", ["app", "registry:5000/app", "app:latest"])
def test_an_image_that_may_be_another_tomorrow_is_refused(image: str):
    with pytest.raises(ValueError, match="names no version that stays"):
        arguments_of(live(containers=container(image=image)), SERVICE)


def test_a_selector_that_would_count_canary_pods_is_refused_with_the_way_and_allowed_beside():
    deployment = live()
    deployment["spec"]["selector"] = {"matchLabels": {"app": "shop"}}
    with pytest.raises(ValueError, match=r'its selector is {"matchLabels": {"app": "shop"}}.*BESIDE=<name>'):
        arguments_of(deployment, SERVICE)
    assert arguments_of(deployment, SERVICE, "shop2") == arguments_of(DEPLOYMENT, SERVICE) | {"name": "shop2"}


def test_pods_without_the_label_app_are_refused_with_the_command():
    deployment = live()
    deployment["spec"]["template"]["metadata"]["labels"] = {"run": "shop"}
    with pytest.raises(ValueError, match="kubectl patch deployment shop --namespace shops --patch"):
        arguments_of(deployment, SERVICE, "web")


def test_several_containers_are_refused():
    with pytest.raises(ValueError, match="several containers"):
        arguments_of(live(containers=[*container(), *container(name="proxy")]), SERVICE)


def test_a_deployment_without_a_probe_gets_the_releases():
    bare = {"name": "web", "image": "app:v1", "ports": [{"containerPort": 80}]}
    args = arguments_of(live(containers=[bare]), SERVICE)
    assert args["container"] == {"securityContext": None, "lifecycle": None}
    assert checks.problems(args) == []


def test_a_probe_on_a_named_port_is_put_on_its_number():
    probe = {"tcpSocket": {"port": "http"}, "periodSeconds": 2}
    fields = container(readinessProbe=probe, ports=[{"name": "http", "containerPort": 8080}])
    assert "readinessProbe" not in arguments_of(live(containers=fields), SERVICE)["container"]


@pytest.mark.parametrize("kind", ["LoadBalancer", "ExternalName", None])
def test_a_service_that_a_release_cannot_declare_stays_its_owners(kind: str | None):
    service = SERVICE | {"spec": SERVICE["spec"] | {"type": kind}} if kind else None
    args = arguments_of(DEPLOYMENT, service)
    assert args["service_type"] == "none"
    assert not args.keys() & {"service_name", "service_port", "node_port"}
    release = Release.of(args)  # pyright: ignore[reportArgumentType] # checked elsewhere
    assert "one that selects app=shop alone serves both tracks" in told(release, {}, "dev", "")


def test_services_are_found_by_the_pods_labels():
    services = [{"spec": {"selector": selector}} for selector in ({"app": "shop"}, {"app": "other"}, {}, None)]
    assert list(selecting(services, DEPLOYMENT)) == services[:1]


def test_what_replaces_pods_and_what_a_later_update_drops_is_told_apart():
    release = Release.of(arguments_of(DEPLOYMENT, SERVICE))  # pyright: ignore[reportArgumentType]
    drops = 'spec.template.metadata.annotations.team "web" => not set'
    text = told(release, {"Deployment shop": ["spec.revisionHistoryLimit 10 => 3", drops]}, "dev", "")
    assert text.startswith("adopting changes this:\n  Deployment shop: spec.revisionHistoryLimit 10 => 3\nno key")
    assert f"drops it:\n  Deployment shop: {drops}\npods are replaced" in text
    assert "adopting changes nothing\nno pod is replaced" in told(release, {"Deployment shop": []}, "dev", "")


def test_a_version_that_looks_like_a_number_is_quoted_in_the_stack_file():
    text = stack_file(
        "here", "canary", {"stable_version": "1.10", "pod": {"hostname": "1.10", "securityContext": None}}
    )
    assert 'canary:stableVersion: "1.10"' in text
    assert yaml.safe_load(text)["config"]["canary:pod"] == {"hostname": "1.10", "securityContext": None}


def one_way(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields, with one way to probe at most: Kubernetes takes no more."""
    return {field: value for field, value in fields.items() if field != "tcpSocket" or "httpGet" not in fields}


FIELDS = st.recursive(
    st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=2),
    lambda below: st.dictionaries(st.sampled_from(["a", "b", "httpGet", "tcpSocket"]), below).map(one_way),
)
MANIFESTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), FIELDS, max_size=3)


@each(MANIFESTS, MANIFESTS)
def test_what_is_given_over_the_defaults_makes_what_runs(defaults: dict[str, Any], wanted: dict[str, Any]):
    assert objects.merged(defaults, given(defaults, wanted)) == wanted


@pytest.fixture
def refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """Why the recipe's Deployment is not adopted, with these options and answers of kubectl; no file is written."""
    monkeypatch.chdir(tmp_path)
    Path("Pulumi.yaml").write_text("name: canary")

    def refusal(*options: str, **listed: list[dict[str, Any]]) -> str:
        lists = {"horizontalpodautoscalers": [], "services": [SERVICE], "deployments": [DEPLOYMENT]} | listed
        answers = {kind: json.dumps({"items": items}) for kind, items in lists.items()}
        answers |= {"deployment": json.dumps(DEPLOYMENT), "current-context": "here\n"}

        def kubectl(_: str, kind: str, *__: str) -> str:
            return answers[kind]

        monkeypatch.setattr("adopt.kubectl", kubectl)
        monkeypatch.setattr(sys, "argv", ["adopt.py", "shop", "--stack", "unwritten", *options])
        with pytest.raises(SystemExit) as refusal:
            main()
        assert not Path("Pulumi.unwritten.yaml").exists()
        return str(refusal.value)

    return refusal


def test_a_deployment_that_an_autoscaler_scales_is_refused_with_the_command(refusal: Callable[..., str]):
    targets = {"peak": ("Deployment", "shop"), "other": ("Deployment", "web"), "queue": ("StatefulSet", "shop")}
    autoscalers = [
        {"metadata": {"name": name}, "spec": {"scaleTargetRef": {"kind": kind, "name": target}}}
        for name, (kind, target) in targets.items()
    ]
    text = refusal(horizontalpodautoscalers=autoscalers)
    assert "HorizontalPodAutoscaler peak sets its replicas" in text
    assert text.endswith("becomes the config's: kubectl delete horizontalpodautoscaler peak --namespace shops")


def test_a_stack_file_that_is_there_is_refused_with_both_ways_out(refusal: Callable[..., str]):
    Path("Pulumi.left.yaml").touch()
    text = refusal("--stack", "left")
    assert "Pulumi.left.yaml is there already: name another stack, STACK=<name>, or delete it, if its" in text


@pytest.mark.parametrize("taken", ["shop", "shop2", "shop2-canary"])
def test_a_name_beside_that_a_deployment_has_is_refused(refusal: Callable[..., str], taken: str):
    text = refusal("--beside", taken.removesuffix("-canary"), deployments=[{"metadata": {"name": taken}}])
    assert f"Deployment {taken} is there already" in text


@pytest.mark.parametrize(
    ("options", "same"), [([], "name and app"), (["--beside", "shop2"], "app")], ids=["itself", "beside"]
)
def test_what_another_stack_declares_is_refused_with_its_file(
    refusal: Callable[..., str], options: list[str], same: str
):
    config = {"kubernetes:context": "here", "canary:namespace": "shops", "canary:name": "shop", "canary:app": "shop"}
    Path("Pulumi.owner.yaml").write_text(yaml.safe_dump({"config": config}))
    assert refusal(*options) == (
        f"error: Deployment shop is not adopted: Pulumi.owner.yaml has the same {same} in namespace shops: "
        "use its stack, or delete that file, if the stack is gone"
    )


def test_without_kubectl_nothing_is_adopted_and_one_line_says_why():
    command = [sys.executable, "adopt.py", "shop", "--stack", "unwritten"]
    done = subprocess.run(command, cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: Deployment shop is not adopted: there is no kubectl on PATH\n"
