"""Programs of other teams: several releases, clusters, and components around a release."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi_kubernetes import Provider

from canary_release import CanaryRelease

from ..conftest import Recorder
from ..model.shop import shop
from .test_component_options import RecordingMonitor

CHILDREN = ("stable", "canary", "shop")


def registrations(program: Callable[[], Any]) -> dict[str, Any]:
    """What the engine gets of each resource of a program, by its name."""
    mocks = Recorder()
    monitor = RecordingMonitor(mocks)
    pulumi.runtime.set_mocks(mocks, project="canary", stack="dev", monitor=monitor)
    pulumi.runtime.test(program)()
    return monitor.requests


def release(name: str, opts: pulumi.ResourceOptions | None = None, **args: Any) -> CanaryRelease:
    """A release with a canary."""
    complete: Any = {"manifest": shop(), "stable_version": "v1", "canary_version": "v2", "canary_replicas": 1, **args}
    return CanaryRelease(name, complete, opts)


class Platform(pulumi.ComponentResource):
    """Another team's component with a release inside."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("example:index:Platform", name, None, opts)
        self.release = release(f"{name}-shop", pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


def providers(found: dict[str, Any], name: str) -> set[str]:
    """The Kubernetes providers of a release's objects."""
    urns = {found[f"{name}-{child}"].provider.rpartition("::")[0] for child in CHILDREN}
    return {urn.rpartition("::")[2] for urn in urns}


def test_each_of_three_releases_goes_to_the_cluster_and_the_namespace_that_it_names():
    def program() -> None:
        first, second = Provider("first", context="first"), Provider("second", context="second")
        release("red", pulumi.ResourceOptions(provider=first), namespace="here")
        release("blue", pulumi.ResourceOptions(providers={"kubernetes": first}), namespace="there")
        release("green", pulumi.ResourceOptions(providers=[second]), namespace="here")

    found = registrations(program)
    assert {name: providers(found, name) for name in ("red", "blue", "green")} == {
        "red": {"first"},
        "blue": {"first"},
        "green": {"second"},
    }
    namespaces = {name: found[f"{name}-stable"].object["metadata"]["namespace"] for name in ("red", "blue", "green")}
    assert namespaces == {"red": "here", "blue": "there", "green": "here"}


def test_two_releases_of_one_name_in_one_cluster_and_namespace_are_refused():
    def program() -> None:
        first = Provider("first", context="first")
        for name in ("red", "blue"):
            release(name, pulumi.ResourceOptions(provider=first))

    with pytest.raises(pulumi.RunError, match="'blue' collides with another one"):
        registrations(program)


def test_a_release_inside_another_component_is_its_child_and_takes_its_provider():
    def program() -> None:
        Platform("team", pulumi.ResourceOptions(providers=[Provider("second", context="second")]))

    found = registrations(program)
    parents = [found[name].parent.rpartition("::")[2] for name in ("team-shop", "team-shop-stable")]
    assert parents == ["team", "team-shop"]
    assert providers(found, "team-shop") == {"second"}


def test_two_components_with_one_release_each_collide_as_two_releases_do():
    def program() -> None:
        Platform("team")
        Platform("other")

    with pytest.raises(pulumi.RunError, match="'other-shop' collides with another one"):
        registrations(program)
