"""The stand-in for the Kubernetes provider, against the real API server."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stack import ROOT, Stack, until

PLUGIN = ROOT / ".sandbox/pulumi-home/plugins/resource-kubernetes-v4.34.2/pulumi-resource-kubernetes"
PROVIDER = ROOT / "sandbox/provider.py"
CONTAINER = "simple-container-app"
"""The name that `kubectl create deployment` gives."""
PROGRAM = """
import json
import os
import pathlib
import signal

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import Service

# Python shows its traceback when the engine interrupts it.
signal.signal(signal.SIGINT, lambda *_: os._exit(32))
kinds = {"Deployment": Deployment, "Service": Service}
for manifest in json.loads(pathlib.Path("manifests.json").read_text()):
    timeout = manifest.pop("timeout", "60s")
    timeouts = pulumi.CustomTimeouts(create=timeout, update=timeout)
    name, kind = manifest["metadata"]["name"], kinds[manifest.pop("kind")]
    made = kind(name, **manifest, opts=pulumi.ResourceOptions(custom_timeouts=timeouts))
    if kind is Service:
        pulumi.export("port", made.spec.apply(lambda spec: spec.ports[0].node_port))
"""

pytestmark = pytest.mark.skipif(
    PLUGIN.is_file() and b"provider.py" not in PLUGIN.read_bytes()[:4096],
    reason="the official Kubernetes provider is in use, the stand-in is not",
)


@pytest.fixture
def stack(namespace: Callable, tmp_path: Path):
    with namespace() as name:
        (tmp_path / "Pulumi.yaml").write_text("name: provider\nruntime: python\n")
        (tmp_path / "__main__.py").write_text(PROGRAM)
        stack = Stack(tmp_path, name, 0)
        stack.configure(**{"kubernetes:context": "canary-sandbox", "kubernetes:namespace": name})
        yield stack


def declare(stack: Stack, *manifests: dict[str, Any]) -> None:
    (stack.folder / "manifests.json").write_text(json.dumps(manifests))


def failing(*arguments: Any, **container: Any) -> dict[str, Any]:
    return deployment(*arguments, **container) | {"timeout": "8s"}


def deployment(name: str = "web", image: str = "v0.1", replicas: int = 1, **container: Any) -> dict[str, Any]:
    labels = {"app": name}
    image = f"arisu1000/simple-container-app:{image}"
    pod = {"containers": [{"name": CONTAINER, "image": image, **container}], "terminationGracePeriodSeconds": 1}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"kind": "Deployment", "metadata": {"name": name, "labels": labels}, "spec": spec}


def service() -> dict[str, Any]:
    metadata = {"name": "web", "annotations": {"pulumi.com/skipAwait": "true"}}
    return {"kind": "Service", "metadata": metadata, "spec": {"type": "NodePort", "ports": [{"port": 8080}]}}


def operations(stack: Stack, *options: str) -> dict[str, str]:
    steps = stack.preview(*options)["steps"]
    return {step["urn"].rpartition("::")[2]: step["op"] for step in steps if "kubernetes:" in step["urn"]}


def test_a_preview_makes_nothing_and_promises_no_node_port(stack: Stack):
    declare(stack, deployment(), service())
    # An example port of the dry run would pass for the one that the update is given.
    assert "port: [unknown]" in stack.good("pulumi", "preview").text
    assert stack.objects() == set()
    stack.up()
    assert stack.outputs()["port"] == stack.get("service", "web")["spec"]["ports"][0]["nodePort"]
    assert set(stack.planned()) == {"same"}


def test_a_refused_dry_run_fails_the_preview_in_the_words_of_the_api_server(stack: Stack):
    declare(stack, deployment(imagePullPolicy="Sometimes"))
    refused = stack.run("pulumi", "preview")
    assert refused.code != 0
    assert 'imagePullPolicy: Unsupported value: "Sometimes"' in refused.text


@pytest.mark.parametrize("upsert", ["false", "true"])
def test_a_namespace_that_does_not_exist_is_one_error_in_the_words_of_the_api_server(stack: Stack, upsert: str):
    missing = deployment()
    missing["metadata"]["namespace"] = "my-namespace"
    declare(stack, missing)
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        refused = stack.run("pulumi", *command, PULUMI_K8S_UPSERT_EXISTING_OBJECTS=upsert)
        assert refused.code != 0
        assert 'namespaces "my-namespace" not found' in refused.text
        assert "HTTP response" not in refused.text


def test_an_object_that_exists_is_not_adopted_silently(stack: Stack):
    stack.kubectl("create", "deployment", "web", "--image=arisu1000/simple-container-app:v0.1")
    declare(stack, deployment(image="v0.2"))
    assert operations(stack)["web"] == "create"
    failed = stack.failing_up()
    assert "already exists" in failed.text
    assert "PULUMI_K8S_UPSERT_EXISTING_OBJECTS=true" in failed.text
    assert list(stack.pods().values()) == ["arisu1000/simple-container-app:v0.1"]

    stack.good("pulumi", "up", "--yes", PULUMI_K8S_UPSERT_EXISTING_OBJECTS="true")
    assert list(stack.pods().values()) == ["arisu1000/simple-container-app:v0.2"]


def test_what_kubectl_wrote_goes_with_the_first_update_after_an_adoption(stack: Stack):
    stack.kubectl("create", "deployment", "web", "--image=arisu1000/simple-container-app:v0.1")
    stack.kubectl("annotate", "deployment/web", "team=shops")
    stack.kubectl("annotate", "deployment/web", "owner=another", "--field-manager=another")

    def annotations() -> set[str]:
        return {"team", "owner"} & stack.deployment("web")["metadata"]["annotations"].keys()

    declare(stack, deployment())
    stack.good("pulumi", "up", "--yes", PULUMI_K8S_UPSERT_EXISTING_OBJECTS="true")
    assert annotations() == {"team", "owner"}
    declare(stack, deployment(image="v0.2"))
    stack.up()
    assert annotations() == {"owner"}
    assert set(stack.planned("--refresh")) == {"same"}


def test_a_rollout_that_never_gets_ready_fails_within_its_timeout_and_names_the_reason(stack: Stack):
    probe = {"httpGet": {"port": 9999}, "periodSeconds": 1}
    declare(
        stack,
        failing("absent", image="v9.9"),
        failing("unready", readinessProbe=probe),
        failing("huge", resources={"requests": {"cpu": "1000"}}),
        failing("broken", command=["/nothing"]),
    )
    failed = stack.failing_up()
    for name, reason in [
        ("absent", "ImagePull"),
        ("unready", "Readiness probe failed"),
        ("huge", "Unschedulable"),
        ("broken", "the container's last exit code was 128"),
    ]:
        assert f"Deployment {stack.namespace}/{name} is not ready after 8 s" in failed.text
        assert any(f"pod {name}-" in line and reason in line for line in failed.text.splitlines()), failed

    # Nothing differs, but the rollouts are not finished.
    assert "is not ready after 8 s" in stack.failing_up().text
    declare(stack, deployment("absent"))
    stack.up()
    assert len(stack.pods()) == 1
    assert set(stack.planned("--refresh")) == {"same"}


def test_a_quota_that_forbids_the_pods_is_named(stack: Stack):
    stack.kubectl("create", "quota", "none", "--hard=pods=0")
    declare(stack, failing())
    assert "exceeded quota: none" in stack.failing_up().text


def test_drift_made_by_kubectl_shows_after_a_refresh_and_is_repaired(stack: Stack):
    # "0.05" is written back as "50m", and the annotation is another's: neither is drift.
    declare(stack, deployment(resources={"requests": {"cpu": "0.05"}}))
    stack.up()
    stack.kubectl("annotate", "deployment/web", "owner=another", "--field-manager=another")
    assert set(stack.planned("--refresh")) == {"same"}

    stack.kubectl("scale", "deployment/web", "--replicas=2")
    stack.kubectl("set", "image", "deployment/web", f"{CONTAINER}=arisu1000/simple-container-app:v0.2")
    assert set(stack.planned()) == {"same"}
    assert operations(stack, "--refresh")["web"] == "update"
    stack.up("--refresh")
    assert list(stack.pods().values()) == ["arisu1000/simple-container-app:v0.1"]
    assert stack.deployment("web")["metadata"]["annotations"]["owner"] == "another"
    assert set(stack.planned("--refresh")) == {"same"}


def test_an_object_that_was_deleted_by_hand_is_made_again_after_a_refresh(stack: Stack):
    declare(stack, deployment())
    stack.up()
    stack.kubectl("delete", "deployment", "web")
    assert operations(stack, "--refresh")["web"] == "create"
    stack.up("--refresh")
    assert len(stack.pods()) == 1


def test_a_field_that_leaves_the_program_leaves_the_object(stack: Stack):
    declare(stack, deployment(env=[{"name": "COLOUR", "value": "blue"}]))
    stack.up()
    declare(stack, deployment())
    stack.up()
    assert "env" not in stack.deployment("web")["spec"]["template"]["spec"]["containers"][0]


def test_a_promotion_shows_as_one_line_of_the_diff(stack: Stack):
    declare(stack, deployment(image="v0.1"))
    stack.up()
    declare(stack, deployment(image="v0.2"))
    (step,) = [step for step in stack.preview()["steps"] if step["op"] == "update"]
    assert list(step["detailedDiff"]) == ["spec.template.spec.containers[0].image"]


def test_a_scale_to_zero_ends_when_no_pod_is_left_and_back_when_all_are_ready(stack: Stack):
    for image, replicas in [("v0.1", 2), ("v0.2", 0), ("v0.2", 3)]:
        declare(stack, deployment(image=image, replicas=replicas))
        stack.up()
        status = stack.deployment("web")["status"]
        assert status.get("readyReplicas", 0) == status.get("replicas", 0) == replicas


def test_a_selector_change_replaces_the_deployment(stack: Stack):
    declare(stack, deployment())
    stack.up()
    before = stack.deployment("web")["metadata"]["uid"]
    changed = deployment()
    for labels in (changed["spec"]["selector"]["matchLabels"], changed["spec"]["template"]["metadata"]["labels"]):
        labels["track"] = "stable"
    declare(stack, changed)
    ended = stack.up()
    assert "replaced" in ended.text
    assert stack.deployment("web")["metadata"]["uid"] != before
    assert len(stack.pods()) == 1


def test_an_import_brings_the_live_object(stack: Stack):
    stack.kubectl("create", "deployment", "web", "--image=arisu1000/simple-container-app:v0.1")
    until(lambda: stack.deployment("web")["status"].get("availableReplicas"), "the Deployment is ready")
    declare(stack)
    kind = "kubernetes:apps/v1:Deployment"
    stack.good("pulumi", "import", kind, "web", f"{stack.namespace}/web", "--yes", "--generate-code=false")
    resources = stack.exported()["resources"]
    (imported,) = [resource for resource in resources if resource["type"] == kind]
    assert imported["inputs"]["spec"]["replicas"] == 1
    assert "status" not in imported["inputs"]
    assert "deployment.kubernetes.io/revision" not in str(imported["inputs"])


def test_a_destroy_ends_when_the_pods_are_gone(stack: Stack):
    declare(stack, deployment(replicas=2), service())
    stack.up()
    stack.good("pulumi", "destroy", "--yes")
    assert stack.objects() == set()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("context", "production", "only serves 'canary-sandbox'"),
        ("server", "https://192.0.2.1:6443", "only serves the sandbox on 127.0.0.1"),
        ("server", "https://127.0.0.1:1", "the API server at https://127.0.0.1:1 cannot be reached"),
    ],
    ids=["another context", "another address", "an API server that does not answer"],
)
def test_a_cluster_that_is_not_the_running_sandbox_is_refused_in_one_sentence(
    stack: Stack, key: str, value: str, said: str
):
    declare(stack, deployment())
    if key == "context":
        stack.configure(**{"kubernetes:context": value})
    else:
        file = stack.folder / "kubeconfig"
        file.write_text(stack.good("kubectl", "config", "view", "--raw", "--flatten").stdout)
        names = stack.good("kubectl", "config", "get-clusters").stdout.split()
        stack.good("kubectl", f"--kubeconfig={file}", "config", "set-cluster", names[1], f"--server={value}")
        stack.configure(**{"kubernetes:kubeconfig": str(file)})
    refused = stack.run("pulumi", "preview")
    assert refused.code != 0
    assert said in refused.text, refused
    assert "Traceback" not in refused.text, refused


def test_an_interrupt_ends_the_provider_quietly():
    command = [sys.executable, PROVIDER, "127.0.0.1:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as provider:
        assert provider.stdout
        assert int(provider.stdout.readline()) > 0
        provider.send_signal(signal.SIGINT)
        assert provider.wait(10) == 0
        assert provider.stdout.read() == ""


def test_the_provider_ends_when_its_engine_is_killed():
    engine = f"import subprocess, time; subprocess.Popen([{sys.executable!r}, {str(PROVIDER)!r}, 'x']); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", engine], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        process.kill()
        # The provider holds the pipe open for as long as it lives.
        process.communicate(timeout=30)
