"""What the component hands on to the engine beside the manifests: order, timeouts, and the options it inherits."""

from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor

from components import CanaryRelease, CanaryReleaseArgs

from .conftest import Recorder

ARGS: CanaryReleaseArgs = {
    "app": "shop",
    "image": "example/shop",
    "stable_version": "v1",
    "stable_replicas": 8,
    "canary_version": "v2",
    "canary_replicas": 1,
    "ready_timeout_seconds": 30,
}


class RecordingMonitor(MockMonitor):
    """Keeps every registration as the engine gets it."""

    def __init__(self, mocks: pulumi.runtime.Mocks) -> None:
        super().__init__(mocks)
        self.requests: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 # the name of the remote call
        self.requests[request.name] = request
        return super().RegisterResource(request)


@pytest.fixture
def registered() -> dict[str, Any]:
    """The registrations of a protected release."""
    mocks = Recorder()
    monitor = RecordingMonitor(mocks)
    pulumi.runtime.set_mocks(mocks, project="canary", stack="dev", monitor=monitor)

    @pulumi.runtime.test
    def program() -> None:
        CanaryRelease("new", ARGS, pulumi.ResourceOptions(protect=True))

    program()
    return monitor.requests


@pytest.mark.parametrize("child", ["new", "new-stable", "new-service"])
def test_protection_holds_for_what_stays(registered: dict[str, Any], child: str):
    assert registered[child].protect


def test_the_canary_is_never_protected_since_it_goes_with_its_release(registered: dict[str, Any]):
    assert not registered["new-canary"].protect


def test_without_an_old_release_to_compare_the_canary_goes_first_and_the_service_waits_for_none(
    registered: dict[str, Any],
):
    assert [urn.rpartition("::")[2] for urn in registered["new-stable"].dependencies] == ["new-canary"]
    assert list(registered["new-canary"].dependencies) == []
    assert list(registered["new-service"].dependencies) == []


@pytest.mark.parametrize(("child", "timeout"), [("new-stable", "125s"), ("new-canary", "35s")])
def test_the_timeout_follows_from_the_waves_of_the_rollout(registered: dict[str, Any], child: str, timeout: str):
    timeouts = registered[child].customTimeouts
    assert (timeouts.create, timeouts.update) == (timeout, timeout)


def test_a_service_that_must_be_replaced_gives_its_node_port_back_first(registered: dict[str, Any]):
    assert registered["new-service"].deleteBeforeReplace


def test_the_component_registers_the_release_in_the_keys_of_the_config(registered: dict[str, Any]):
    inputs = dict(registered["new"].object)
    assert inputs["stableVersion"] == "v1"
    assert inputs["canaryReplicas"] == 1
    assert inputs["serviceName"] == "shop-svc"
