"""What other people and rules of the cluster do during a promotion: it fails with a message and no traceback, no
request is lost, and one command finishes it.

All of it happens to one stack, one promotion after the other.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from project import Stack, until
from promotions import CANARY, deploy, disturb, prepare_promotion, stable_rolls

POLICY = """apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: NAMESPACE}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]
  validations: [{expression: "!object.metadata.name.endsWith('-canary')", message: no canaries today}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: NAMESPACE}
spec:
  policyName: NAMESPACE
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}}
"""
"""Refuses every change of a canary's Deployment in the namespace, as a webhook may."""
DISK = "4m"


@pytest.fixture(scope="module")
def deployed(stack: Stack) -> Stack:
    return deploy(stack, 20)


@pytest.fixture
def promotion(deployed: Stack) -> Stack:
    return prepare_promotion(deployed)


def test_a_quota_that_comes_while_stable_rolls_is_named(promotion: Stack, traffic_on: Callable):
    told = disturb(
        promotion,
        traffic_on,
        stable_rolls,
        lambda: promotion.kubectl("create", "quota", "full", "--hard=pods=1"),
        lambda: promotion.kubectl("delete", "quota", "full", "--ignore-not-found"),
    )
    assert "a quota forbids its pods (FailedCreate): exceeded quota: full" in told


def test_a_policy_that_refuses_the_second_deployment_is_named(promotion: Stack, traffic_on: Callable):
    file = promotion.folder / "policy.yaml"
    file.write_text(POLICY.replace("NAMESPACE", promotion.namespace))
    touch = ("kubectl", "--namespace", promotion.namespace, "annotate", "deployment", CANARY, "a=b", "--dry-run=server")

    def fault() -> None:
        promotion.kubectl("apply", "--filename", str(file))
        until(lambda: promotion.run(*touch).code, "a policy that refuses")

    def repair() -> None:
        promotion.kubectl("delete", "--ignore-not-found", "--filename", str(file))
        until(lambda: promotion.run(*touch).code == 0, "no policy that refuses")

    told = disturb(promotion, traffic_on, stable_rolls, fault, repair)
    assert "denied request: no canaries today" in told


def test_a_deployment_that_somebody_deletes_is_named_with_the_command_that_makes_it_again(
    promotion: Stack, traffic_on: Callable
):
    def fault() -> None:
        promotion.kubectl("delete", "deployment", CANARY)

    told = disturb(promotion, traffic_on, stable_rolls, fault, lambda: None, "--refresh")
    assert f"Deployment {CANARY} in {promotion.namespace}: somebody deleted it; fix: pulumi up --refresh" in told


@pytest.fixture
def small_disk(promotion: Stack) -> Iterator[Stack]:
    """The state lies on a disk of its own."""
    state, kept = promotion.state, promotion.folder / "kept"
    shutil.copytree(state, kept)
    subprocess.run(["mount", "--types", "tmpfs", "--options", f"size={DISK}", "tmpfs", str(state)], check=True)
    try:
        shutil.copytree(kept, state, dirs_exist_ok=True)
        yield promotion
        shutil.copytree(state, kept, dirs_exist_ok=True)
    finally:
        subprocess.run(["umount", str(state)], check=True)
        shutil.copytree(kept, state, dirs_exist_ok=True)


def fill(file: Path) -> None:
    with suppress(OSError), file.open("ab", buffering=0) as rest:
        while True:
            rest.write(bytes(512))


def test_a_full_disk_of_the_state_is_named_and_with_room_one_command_finishes(small_disk: Stack, traffic_on: Callable):
    stack, rest = small_disk, small_disk.state / "rest"

    def fault() -> None:
        fill(rest)

    def repair() -> None:
        # The disk gets no room for a lock; an empty one stays.
        fill(rest)
        assert "no space left on device" in stack.failing_up().text
        rest.unlink()
        stack.recover()

    assert "no space left on device" in disturb(stack, traffic_on, stable_rolls, fault, repair)


def test_a_state_that_a_full_disk_cut_off_is_put_back_and_the_promotion_goes_on(promotion: Stack):
    [state] = (promotion.state / ".pulumi/stacks").glob("*/dev.json")
    state.write_bytes(state.read_bytes()[:100])
    assert "unexpected end of JSON input" in promotion.failing_up().text
    assert f"the state of dev is cut off: going on from {state.name}.bak" in promotion.recover().text
    assert promotion.planned("--refresh") == {"same": 5}
