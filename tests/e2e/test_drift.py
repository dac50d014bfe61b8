"""What somebody changed by hand shows in a preview that refreshes, and goes with an update that refreshes."""

import pytest
from stack import Stack

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
    assert "the config is unchanged and no rule is asked" in told
    assert deployed.deployment(name)["spec"] == declared
    assert set(deployed.planned("--refresh")) == {"same"}
