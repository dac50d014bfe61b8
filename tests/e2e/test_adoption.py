"""A Deployment and its Services that kubectl made become a release, and a release is left to kubectl again."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from project import IMAGE, ROOT, Stack, kill_tree, until

from canary_release.hooks.cluster import Cluster
from canary_release.model.application import API_VERSIONS
from canary_release.model.manifest import read_manifest
from canary_release.model.tree import with_value
from tools.adopt.adoption import LEAVING
from tools.adopt.defaults import manifest_of
from tools.adopt.namespace import Namespace

EXAMPLE = ROOT / "docs/kubectl-release.yaml"
WORKLOADS = sorted((ROOT / "tests/workloads").glob("*.yaml"))
SIDECAR = {"name": "proxy", "image": f"{IMAGE}:v0.1", "args": ["pause"], "restartPolicy": "Always"}
FRONT = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "front"},
    "spec": {"selector": {"tier": "web"}, "ports": [{"name": "web", "port": 80, "targetPort": "http"}]},
}
BUDGET = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": "web"},
    "spec": {"minAvailable": 1, "selector": {"matchLabels": {"tier": "web"}}},
}


@pytest.fixture
def shop(fresh_stack: Stack) -> Stack:
    """A stack of the same project for what kubectl will make."""
    fresh_stack.environment["PULUMI_STACK"] = "shop"
    return fresh_stack


def kubectl_makes(shop: Stack, change: Callable[[dict, dict], None] = lambda *_: None, *more: dict[str, Any]) -> None:
    """Runs the recipe's Deployment and Service, changed, as somebody would who has never heard of releases."""
    deployment, service = yaml.safe_load_all(EXAMPLE.read_text())
    service["spec"]["ports"][0]["nodePort"] = shop.node_port
    change(deployment, service)
    manifests = shop.folder / "by-kubectl.yaml"
    manifests.write_text(yaml.safe_dump_all([deployment, service, *more]))
    shop.kubectl("apply", "--filename", str(manifests))
    shop.kubectl("rollout", "status", "deployment/shop")
    until(lambda: len(found := shop.endpoints("shop")) and shop.node_endpoints("shop") == found, "the node's rules")


def adopt(shop: Stack, *options: str) -> str:
    """What `make adopt` tells."""
    return shop.good(*command(shop), *options).text


def command(shop: Stack) -> tuple[str, ...]:
    return ("make", "--no-print-directory", "adopt", "NAME=shop", f"NAMESPACE={shop.namespace}", "STACK=shop")


def identities(shop: Stack) -> dict[str, str]:
    """Uid of each Deployment, Service and pod."""
    found = shop.get("deployments,services,pods")["items"]
    return {f"{each['kind']} {each['metadata']['name']}": each["metadata"]["uid"] for each in found}


@contextmanager
def endpoints_at_every_moment(shop: Stack, *services: str) -> Iterator[list[int]]:
    """Asks all the time how many endpoints each Service has, during the block."""
    counts: list[int] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            counts.extend(len(shop.endpoints(service)) for service in services)
            time.sleep(0.1)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield counts
    finally:
        ended.set()
        thread.join()
    assert len(counts) > 10
    assert min(counts) >= 2, f"a Service had {min(counts)} endpoints"


def is_a_release(shop: Stack) -> None:
    """Only the release's pods are there, and nothing of the adoption; the state is the cluster's."""
    pods = shop.get("pods")["items"]
    assert [pod["metadata"]["labels"].get("track") for pod in pods] == ["stable"] * 2
    assert all(pod["metadata"]["labels"]["tier"] == "web" for pod in pods)
    [replica_set] = shop.get("replicasets")["items"]
    assert LEAVING not in replica_set["metadata"]["labels"]
    shop.good("pulumi", "preview", "--refresh", "--expect-no-changes")


def test_what_most_people_run_is_adopted_without_a_lost_request(shop: Stack, traffic_on: Callable):
    def with_sidecar(deployment: dict, _: dict) -> None:
        deployment["spec"]["template"]["spec"]["initContainers"] = [SIDECAR]

    kubectl_makes(shop, with_sidecar, FRONT, BUDGET)
    before = identities(shop)
    told = adopt(shop)
    assert identities(shop) == before
    assert 'Deployment shop: spec.selector.matchLabels.track not set => "stable"' in told
    assert "spec.template.spec.containers[0].lifecycle not set" in told
    assert 'Service front: metadata.annotations["pulumi.com/skipAwait"] not set' in told
    assert "every pod is replaced" in told
    manifest = {each["metadata"]["name"]: each for each in yaml.safe_load_all((shop.folder / "shop.yaml").read_text())}
    assert manifest["shop"]["spec"]["ports"][0]["targetPort"] == "http"

    with traffic_on(shop.node_port) as traffic, endpoints_at_every_moment(shop, "shop", "front"):
        adopt(shop, "GO=yes")
        traffic.next(200)
    assert traffic.failures == []
    is_a_release(shop)
    services = {name: uid for name, uid in before.items() if name.startswith("Service")}
    assert services.items() <= identities(shop).items()
    [sidecar] = shop.deployment("shop")["spec"]["template"]["spec"]["initContainers"]
    assert sidecar["restartPolicy"] == "Always"

    with traffic_on(shop.node_port) as traffic:
        shop.configure(canaryVersion="v0.2", canaryReplicas=1)
        shop.up()
        until(lambda: set(traffic.next(50)) == {"v0.1", "v0.2"}, "answers of both tracks")
        shop.configure(stableVersion="v0.2", canaryReplicas=0)
        shop.up()
        until(lambda: set(traffic.next(50)) == {"v0.2"}, "answers of v0.2 alone")
    assert traffic.failures == []


def test_an_adoption_killed_in_every_step_is_finished_by_the_same_command(shop: Stack, traffic_on: Callable):
    kubectl_makes(shop)
    adopt(shop)
    with traffic_on(shop.node_port) as traffic, endpoints_at_every_moment(shop, "shop"):
        for step in range(1, 7):
            process = shop.start(*command(shop), "GO=yes")
            assert process.stdout
            assert any(line.startswith(f"{step}/") for line in process.stdout), f"step {step} begins"
            time.sleep(1.5 if step == 2 else 0.3)
            kill_tree(process)
        traffic.next(50)
        adopt(shop, "GO=yes")
        traffic.next(100)
    assert traffic.failures == []
    is_a_release(shop)


def test_what_tells_the_track_already_keeps_its_pods(shop: Stack, traffic_on: Callable):
    def careful(deployment: dict, _: dict) -> None:
        spec = deployment["spec"]
        spec["selector"]["matchLabels"]["track"] = spec["template"]["metadata"]["labels"]["track"] = "stable"
        deployment["metadata"]["labels"]["track"] = "stable"
        spec |= {"progressDeadlineSeconds": 60, "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}
        spec["template"]["spec"]["containers"][0]["lifecycle"] = {"preStop": {"sleep": {"seconds": 2}}}

    kubectl_makes(shop, careful)
    before = identities(shop)
    with traffic_on(shop.node_port) as traffic:
        told = adopt(shop)
        assert "no pod is replaced" in told
        assert all("metadata.annotations" in line for line in told.splitlines() if "=>" in line)
        adopt(shop, "GO=yes")
        assert identities(shop) == before
        traffic.next(50)
    assert traffic.failures == []
    is_a_release(shop)


def test_what_leaves_the_manifest_leaves_the_service_that_kubectl_made(shop: Stack):
    def with_ports(_: dict, service: dict) -> None:
        service["spec"]["ports"].append({"name": "metrics", "port": 9090, "targetPort": "metrics"})
        service["metadata"]["labels"]["team"] = "shops"

    kubectl_makes(shop, with_ports)
    adopt(shop, "GO=yes")
    path = shop.folder / "shop.yaml"
    deployment, service = yaml.safe_load_all(path.read_text())
    del service["spec"]["ports"][1], service["metadata"]["labels"]["team"]
    path.write_text(yaml.safe_dump_all([deployment, service]))
    shop.up()
    live = shop.get("service", "shop")
    assert [port["name"] for port in live["spec"]["ports"]] == ["web"]
    assert live["metadata"]["labels"] == {"app": "shop"}


def test_a_deployment_with_an_autoscaler_is_refused_until_that_is_gone(shop: Stack):
    kubectl_makes(shop)
    shop.kubectl("autoscale", "deployment", "shop", "--max", "5")
    refused = shop.run(*command(shop))
    assert refused.code != 0
    assert not (shop.folder / "Pulumi.shop.yaml").exists()
    remedy = f"kubectl delete horizontalpodautoscaler shop --namespace {shop.namespace}"
    assert remedy in refused.text
    shop.good(*remedy.split())
    assert "every pod is replaced" in adopt(shop)


def test_a_file_that_is_there_is_taken_as_it_is(shop: Stack):
    kubectl_makes(shop)
    adopt(shop)
    file = shop.folder / "Pulumi.shop.yaml"
    file.write_text(file.read_text().replace("stableReplicas: 2", "stableReplicas: 3"))
    told = adopt(shop)
    assert "Pulumi.shop.yaml is there and is taken as it is" in told
    assert "Deployment shop: spec.replicas 2 => 3" in told
    elsewhere = [*command(shop), "NAMESPACE=default"]
    refused = shop.run(*elsewhere)
    assert refused.code
    assert f"declares it in namespace {shop.namespace}, and not in default" in refused.text


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda path: path.stem)
def test_a_live_object_is_read_without_a_default_that_nobody_gave(
    workload: Path, namespace: Callable, cluster: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KUBECONFIG", str(ROOT / ".sandbox/kubeconfig"))
    with namespace() as name:
        there = Namespace(Cluster(None, "canary-sandbox"), name)
        for given in read_manifest(workload)[0]:
            if API_VERSIONS.get(given["kind"]) == given["apiVersion"]:
                made = with_value(given, ("metadata", "namespace"), name)
                if given["kind"] == "Deployment":
                    made = with_value(made, ("spec", "replicas"), 0)
                (tmp_path / "made.json").write_text(json.dumps(made))
                cluster("create", "--filename", str(tmp_path / "made.json"))
                live = there.get(given["kind"], given["metadata"]["name"])
                assert live
                read = manifest_of(live, there.replaced)
                assert fields(read["spec"]) <= fields(made["spec"]), "a field that nobody gave"
                assert read["metadata"].items() <= given["metadata"].items()


def test_a_release_that_is_left_keeps_serving_and_kubectl_goes_on(fresh_stack: Stack, traffic_on: Callable):
    fresh_stack.up()
    before = identities(fresh_stack)
    leave = ("make", "--no-print-directory", "leave", "STACK=dev")
    with traffic_on(fresh_stack.node_port) as traffic:
        process = fresh_stack.start(*leave)
        assert process.stdout
        for line in process.stdout:
            if "stays in namespace" in line:
                break
        kill_tree(process)
        told = fresh_stack.good(*leave).text
        path = next(word for word in told.split() if word.endswith("-dev.yaml"))
        assert not [each for each in fresh_stack.exported().get("resources", []) if "kubernetes:" in each["type"]]
        for kind in ("deployments", "services"):
            metadata = json.dumps([each["metadata"] for each in fresh_stack.get(kind)["items"]])
            assert "pulumi.com/" not in metadata
            assert '"manager": "canary-release"' not in metadata
        fresh_stack.good("kubectl", "apply", "--server-side", "--filename", path)
        assert identities(fresh_stack) == before
        declared = list(yaml.safe_load_all((fresh_stack.folder / path).read_text()))
        canary = next(each for each in declared if each["metadata"]["name"].endswith("-canary"))
        canary["spec"]["replicas"] = 0
        (fresh_stack.folder / path).write_text(yaml.safe_dump_all(declared))
        fresh_stack.good("kubectl", "apply", "--server-side", "--filename", path)
        until(lambda: set(traffic.next(50)) == {"v0.1"}, "answers of v0.1 alone")
        assert "has no release" in fresh_stack.good(*leave).text
    assert traffic.failures == []


def fields(value: Any, path: tuple[Any, ...] = ()) -> set[tuple[Any, ...]]:
    """The path of every member of an object, at any depth."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {at for key, item in members for at in ((*path, key), *fields(item, (*path, key)))}
