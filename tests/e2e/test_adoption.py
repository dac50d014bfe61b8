"""A Deployment and a Service that kubectl made become a release, and a release is left to kubectl again."""

from collections.abc import Callable

import pytest
import yaml
from stack import ROOT, Stack, until

ADOPTING = {"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"}
EXAMPLE = ROOT / "docs/kubectl-release.yaml"


@pytest.fixture
def shop(fresh_stack: Stack) -> Stack:
    """A stack of the same project for what kubectl will make."""
    fresh_stack.environment["PULUMI_STACK"] = "shop"
    return fresh_stack


def kubectl_makes(shop: Stack, change: Callable[[dict, dict], None] = lambda *_: None) -> None:
    """Runs the recipe's Deployment and Service, changed, as somebody would who has never heard of releases."""
    deployment, service = yaml.safe_load_all(EXAMPLE.read_text())
    service["spec"]["ports"][0]["nodePort"] = shop.node_port
    change(deployment, service)
    manifests = shop.folder / "manifests.yaml"
    manifests.write_text(yaml.safe_dump_all([deployment, service]))
    shop.kubectl("apply", "--filename", str(manifests))
    shop.kubectl("rollout", "status", "deployment/shop")


def adopt(shop: Stack, *options: str) -> str:
    """What `make adopt` tells, once the stack that it wrote the file of is made."""
    told = shop.good("make", "adopt", "NAME=shop", f"NAMESPACE={shop.namespace}", "STACK=shop", *options).text
    shop.good("pulumi", "stack", "init", "shop", "--no-select")
    return told


def identities(shop: Stack) -> dict[str, tuple[str, int | None]]:
    """Uid and generation of each Deployment, Service and pod."""
    found = [item for kind in ("deployments", "services", "pods") for item in shop.get(kind)["items"]]
    return {each["metadata"]["name"]: (each["metadata"]["uid"], each["metadata"].get("generation")) for each in found}


def test_what_a_careful_user_runs_is_adopted_as_it_is_under_traffic_and_released(shop: Stack, traffic_on: Callable):
    kubectl_makes(shop)
    before = identities(shop)
    with traffic_on(shop.node_port) as traffic:
        told = adopt(shop)
        assert "adopting changes this:\n  Service shop: metadata.annotations.pulumi.com/skipAwait not set" in told
        assert told.count("=>") == 1
        assert "no pod is replaced" in told
        shop.good("pulumi", "up", "--yes", **ADOPTING)
        shop.good("pulumi", "preview", "--refresh", "--expect-no-changes")
        assert identities(shop) == before

        shop.configure(canaryVersion="v0.2", canaryReplicas=1)
        shop.up()
        until(lambda: set(traffic.next(50)) == {"v0.1", "v0.2"}, "answers of both tracks")
        assert before.items() <= identities(shop).items()
        shop.configure(stableReplicas=3)
        shop.up()
        assert {name: before[name][0] for name in before} == {name: identities(shop)[name][0] for name in before}
        shop.configure(stableVersion="v0.2", canaryReplicas=0)
        shop.up()
        until(lambda: set(traffic.next(50)) == {"v0.2"}, "answers of v0.2 alone")
        canary = shop.deployment("shop-canary")["spec"]["template"]["spec"]
        assert canary == shop.deployment("shop")["spec"]["template"]["spec"]
    assert traffic.failures == []


def test_what_adopting_will_change_is_told_before_and_is_what_it_changes(shop: Stack):
    def as_most_write_it(deployment: dict, _: dict) -> None:
        spec = deployment["spec"]
        del spec["strategy"], spec["revisionHistoryLimit"]
        spec["template"]["metadata"]["annotations"] = {"team": "shops"}
        spec["template"]["spec"]["containers"][0]["ports"][0]["name"] = "http"
        spec["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["port"] = "http"

    kubectl_makes(shop, as_most_write_it)
    before = identities(shop)
    told = adopt(shop)
    assert identities(shop) == before
    assert "Deployment shop: spec.revisionHistoryLimit 10 => 3" in told
    assert 'Deployment shop: spec.strategy.rollingUpdate.maxUnavailable "25%" => 0' in told
    assert 'containers[0].readinessProbe.httpGet.port "http" => 8080' in told
    dropped = told.partition("no key of a release holds this")[2]
    assert 'spec.template.metadata.annotations {"team": "shops"} => not set' in dropped
    assert 'containers[0].ports[0].name "http" => not set' in dropped
    assert "pods are replaced, one after the other" in told
    shop.good("pulumi", "up", "--yes", **ADOPTING)
    spec = shop.deployment("shop")["spec"]
    assert (spec["revisionHistoryLimit"], spec["strategy"]["rollingUpdate"]["maxUnavailable"]) == (3, 0)
    assert not before.items() & {name: one for name, one in identities(shop).items() if name in shop.pods()}.items()
    shop.good("pulumi", "preview", "--refresh", "--expect-no-changes")
    template = shop.deployment("shop")["spec"]["template"]
    assert template["metadata"]["annotations"] == {"team": "shops"}
    shop.configure(stableReplicas=3)
    shop.up()
    template = shop.deployment("shop")["spec"]["template"]
    assert "annotations" not in template["metadata"]
    assert template["spec"]["containers"][0]["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]


def test_another_selector_is_refused_and_the_release_takes_over_from_beside(shop: Stack, traffic_on: Callable):
    def selected_by_app_alone(deployment: dict, _: dict) -> None:
        deployment["spec"]["selector"] = {"matchLabels": {"app": "shop"}}
        deployment["spec"]["template"]["metadata"]["labels"] = {"app": "shop"}

    kubectl_makes(shop, selected_by_app_alone)
    refused = shop.run("make", "adopt", "NAME=shop", f"NAMESPACE={shop.namespace}", "STACK=shop")
    assert refused.code != 0
    assert 'its selector is {"matchLabels": {"app": "shop"}}, which never changes on a Deployment' in refused.text
    assert "BESIDE=<name>" in refused.text
    assert not (shop.folder / "Pulumi.shop.yaml").exists()
    with traffic_on(shop.node_port) as traffic:
        assert "creates Deployment shop-release; shop stays until you delete it" in adopt(shop, "BESIDE=shop-release")
        shop.good("pulumi", "up", "--yes", **ADOPTING)
        assert len(shop.pods()) == 4
        shop.kubectl("delete", "deployment", "shop", "--wait")
        traffic.next(100)
    assert traffic.failures == []
    assert {name.rsplit("-", 2)[0] for name in shop.pods()} == {"shop-release"}
    shop.good("pulumi", "preview", "--refresh", "--expect-no-changes")


def test_a_deployment_with_an_autoscaler_is_refused_until_that_is_gone(shop: Stack):
    kubectl_makes(shop)
    shop.kubectl("autoscale", "deployment", "shop", "--max", "5")
    refused = shop.run("make", "adopt", "NAME=shop", f"NAMESPACE={shop.namespace}", "STACK=shop")
    assert refused.code != 0
    assert not (shop.folder / "Pulumi.shop.yaml").exists()
    remedy = f"kubectl delete horizontalpodautoscaler shop --namespace {shop.namespace}"
    assert remedy in refused.text
    shop.good(*remedy.split())
    assert "no pod is replaced" in adopt(shop)


def test_a_stack_that_is_left_leaves_its_objects_serving(fresh_stack: Stack, traffic_on: Callable):
    fresh_stack.up()
    with traffic_on(fresh_stack.node_port) as traffic:
        before = identities(fresh_stack)
        fresh_stack.good("pulumi", "stack", "rm", "dev", "--force", "--preserve-config", "--yes")
        assert identities(fresh_stack) == before
        fresh_stack.kubectl("scale", "deployment/k8s-testapp-canary", "--replicas=0")
        fresh_stack.kubectl("set", "image", "deployment/k8s-testapp", "testapp=arisu1000/simple-container-app:v0.2")
        fresh_stack.kubectl("rollout", "status", "deployment/k8s-testapp")
        traffic.next(100)
    assert traffic.failures == []


def test_a_missing_deployment_and_a_stack_that_is_there_are_told_in_words(shop: Stack):
    missing = shop.run("make", "adopt", "NAME=shop", f"NAMESPACE={shop.namespace}", "STACK=shop")
    assert 'deployments.apps "shop" not found' in missing.text
    taken = shop.run("make", "adopt", "NAME=shop")
    assert "Pulumi.dev.yaml is there already: name another stack, STACK=<name>" in taken.text
    unnamed = shop.run("make", "adopt", "STACK=shop")
    assert "which Deployment? NAME=<name>" in unnamed.text
    for refused in (missing, taken, unnamed):
        assert refused.code != 0
        assert "Traceback" not in refused.text
