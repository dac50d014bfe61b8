"""What the component hands on to the engine beside the manifests: order, timeouts, and the options it inherits."""

import re
from functools import partial
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor

from canary_release import CanaryRelease, CanaryReleaseArgs
from canary_release.hooks.rollout_check import Due

from ..conftest import Recorder
from ..model.shop import shop

ARGS: CanaryReleaseArgs = {
    "manifest": shop(("0/spec/progressDeadlineSeconds", 30)),
    "stable_version": "v1",
    "stable_replicas": 8,
    "canary_version": "v2",
    "canary_replicas": 1,
}


class RecordingMonitor(MockMonitor):
    """Keeps every registration as the engine gets it."""

    def __init__(self, mocks: pulumi.runtime.Mocks) -> None:
        super().__init__(mocks)
        self.requests: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 # the name of the remote call
        self.requests[request.name] = request
        return super().RegisterResource(request)


Waits = list[tuple[list[str], set[str]]]


async def _note(waits: Waits, requests: dict[str, Any], _name: str, due: list[Due], _cluster: Any) -> None:
    waits.append(([each.name for each in due], set(requests)))


@pytest.fixture
def waits() -> Waits:
    """For each wait for pods the Deployments that it waits for, and what was registered before."""
    return []


@pytest.fixture
def outputs() -> dict[str, Any]:
    """What the last update left: nothing, since it did not finish."""
    return {}


@pytest.fixture
def registered(outputs: dict[str, Any], waits: Waits, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The registrations of a protected release."""

    async def last_outputs(_: pulumi.ComponentResource) -> dict[str, Any]:
        return outputs

    mocks = Recorder()
    monitor = RecordingMonitor(mocks)
    pulumi.runtime.set_mocks(mocks, project="canary", stack="dev", monitor=monitor)
    monkeypatch.setattr("canary_release.component.last_outputs", last_outputs)
    monkeypatch.setattr("canary_release.hooks.guard.check_rollouts", partial(_note, waits, monitor.requests))

    @pulumi.runtime.test
    def program() -> None:
        CanaryRelease("new", ARGS, pulumi.ResourceOptions(protect=True))

    program()
    return monitor.requests


@pytest.mark.parametrize("child", ["new", "new-stable", "new-shop"])
def test_protection_holds_for_what_stays(registered: dict[str, Any], child: str):
    assert registered[child].protect


def test_the_canary_is_never_protected_since_it_comes_and_goes(registered: dict[str, Any]):
    assert not registered["new-canary"].protect


def test_without_an_old_release_to_compare_the_canary_goes_first_and_the_service_waits_for_none(
    registered: dict[str, Any],
):
    assert [urn.rpartition("::")[2] for urn in registered["new-stable"].dependencies] == ["new-canary"]
    assert list(registered["new-canary"].dependencies) == []
    assert list(registered["new-shop"].dependencies) == []


def test_the_second_deployment_changes_once_the_first_was_seen_to_run(registered: dict[str, Any], waits: Waits):
    """Also in a retry that leaves the first one alone: here no hook runs, and nothing finished before."""
    (first, before), (rest, _) = waits
    assert (first, rest) == (["shop-canary"], ["shop"])
    assert {"new-stable"} == {name for name in registered if name not in before} - {"new-shop"}


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("outputs", [{"stableVersion": "v1"}])
def test_after_a_finished_update_a_release_that_changes_nothing_waits_for_nothing(waits: Waits):
    assert [names for names, _ in waits] == [[], []]


@pytest.mark.parametrize(("child", "timeout"), [("new-stable", "125s"), ("new-canary", "35s")])
def test_the_timeout_follows_from_the_waves_of_the_rollout(registered: dict[str, Any], child: str, timeout: str):
    timeouts = registered[child].customTimeouts
    assert (timeouts.create, timeouts.update) == (timeout, timeout)


def test_a_service_that_must_be_replaced_gives_its_node_port_back_first(registered: dict[str, Any]):
    assert registered["new-shop"].deleteBeforeReplace


def test_the_component_registers_the_release_in_the_keys_of_the_config(registered: dict[str, Any]):
    inputs = dict(registered["new"].object)
    assert inputs["stableVersion"] == "v1"
    assert inputs["canaryReplicas"] == 1
    assert inputs["deployment"]["metadata"]["name"] == "shop"


def test_a_component_that_the_engine_passes_over_keeps_the_outputs_of_before(monkeypatch: pytest.MonkeyPatch):
    """As by --target. Outputs that are None are absent in the state."""
    before: dict[str, Any] = {"stableVersion": "v0", "stableReplicas": 9.0, "canaryReplicas": 0.0, "totalPods": 9.0}
    before |= {"canaryShare": 0.0, "namespace": "web", "serviceNames": ["front"], "selector": {"app": "old"}}
    before |= {"formerStable": "1234"}
    found: dict[str, Any] = {}

    async def last_outputs(_: pulumi.ComponentResource) -> dict[str, Any]:
        return before

    monkeypatch.setattr("canary_release.component.last_outputs", last_outputs)
    pulumi.runtime.set_mocks(Recorder(), project="canary", stack="dev")

    @pulumi.runtime.test
    def program() -> None:
        release = CanaryRelease("new", ARGS)
        for name in (*before, "canaryVersion", "canarySince"):
            output = re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
            getattr(release, output).apply(lambda value, name=name: found.update({name: value}))

    program()
    assert found == {**before, "canaryVersion": None, "canarySince": None}
