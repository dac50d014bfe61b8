"""What somebody changed by hand shows in a preview that refreshes, and goes with an update that refreshes."""

import pytest
from project import Stack

SCALE = ("scale", "deployment/k8s-testapp", "--replicas=3")
SET_IMAGE = ("set", "image", "deployment/k8s-testapp-canary", "testapp=arisu1000/simple-container-app:v0.3")


@pytest.fixture(scope="module")
def deployed(stack: Stack) -> Stack:
    stack.up()
    return stack


@pytest.mark.parametrize(
    ("by_hand", "resource", "name"),
    [(SCALE, "release-stable", "k8s-testapp"), (SET_IMAGE, "release-canary", "k8s-testapp-canary")],
    ids=["kubectl scale", "kubectl set image"],
)
def test_a_change_by_hand_shows_and_is_repaired(deployed: Stack, by_hand: tuple[str, ...], resource: str, name: str):
    declared = deployed.deployment(name)["spec"]
    deployed.kubectl(*by_hand)
    assert deployed.deployment(name)["spec"] != declared

    planned = deployed.preview("--refresh")
    operations = {step["urn"].rpartition("::")[2]: step["op"] for step in planned["steps"]}
    assert operations[resource] == "update", planned["changeSummary"]

    told = deployed.up("--refresh").text
    assert f"Deployment {name} in {deployed.namespace}: " in told
    assert "no rule is asked" in told
    assert deployed.deployment(name)["spec"] == declared
    assert set(deployed.planned("--refresh")) == {"same"}


def test_a_deleted_deployment_refuses_a_promotion_before_stable_is_touched_and_a_refresh_repairs_it(deployed: Stack):
    deployed.kubectl("delete", "deployment", "k8s-testapp-canary")
    stable = deployed.deployment("k8s-testapp")["spec"]
    deployed.configure(stableVersion="v0.2", canaryReplicas=0)
    refused = deployed.failing_up().text
    assert f"Deployment k8s-testapp-canary is not in {deployed.namespace} any more" in refused
    assert deployed.deployment("k8s-testapp")["spec"] == stable
    assert "PULUMI_OPTION_REFRESH=true pulumi up --stack dev" in refused
    deployed.good("pulumi", "up", "--yes", PULUMI_OPTION_REFRESH="true")
    assert deployed.deployment("k8s-testapp-canary")["spec"]["replicas"] == 0
