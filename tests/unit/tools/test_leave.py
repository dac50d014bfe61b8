"""A release that ends leaves its objects as plain manifests."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from canary_release.hooks.cluster import Cluster
from canary_release.model.objects import OWNERSHIP, WITHOUT_AWAIT
from canary_release.model.tree import Object, get
from tools import leave as command
from tools.adopt.namespace import Namespace
from tools.leave import declared, free, plain, written

SERVICE: Object = {
    "kind": "Service",
    "metadata": {"name": "shop", "annotations": {**OWNERSHIP, **WITHOUT_AWAIT, "team": "shops"}},
    "spec": {},
}
COMPONENT = "urn:pulumi:dev::canary::canary-release:index:CanaryRelease::release"


def test_the_objects_of_a_release_are_those_of_its_component_in_the_state():
    child = {"type": "kubernetes:core/v1:Service", "parent": COMPONENT, "inputs": SERVICE}
    stack = {"urn": "stack", "type": "pulumi:pulumi:Stack"}
    others = [stack, {"urn": COMPONENT, "type": "canary-release:index:CanaryRelease"}]
    beside = {**child, "parent": "stack"}
    assert declared([*others, beside, child, {**child, "delete": True}]) == {COMPONENT: [SERVICE]}
    assert declared([*others, beside]) == {}


def test_a_manifest_has_none_of_the_releases_own_annotations():
    assert plain(SERVICE)["metadata"] == {"name": "shop", "annotations": {"team": "shops"}}
    assert "annotations" not in plain({"metadata": {"annotations": dict(OWNERSHIP)}})["metadata"]


@dataclass(frozen=True)
class Recording(Namespace):
    """Remembers patches, and has one Service."""

    live: Object = field(default_factory=dict[str, Any])
    patches: list[Object] = field(default_factory=list[Object])

    def get(self, kind: str, name: str) -> Object | None:
        return self.live if (kind, name) == ("Service", "shop") else None

    def patch(self, object_: Object, patch: Object) -> None:  # noqa: ARG002
        self.patches.append(patch)


def test_an_object_is_freed_once():
    manager = {"manager": "canary-release", "operation": "Apply", "fieldsV1": {}}
    metadata = {**SERVICE["metadata"], "resourceVersion": "7", "managedFields": [manager]}
    namespace = Recording(Cluster(None, "context"), "shops", {**SERVICE, "metadata": metadata})
    free(namespace, "Service", "shop")
    [patch] = namespace.patches
    assert get(patch, ("metadata", "annotations")) == dict.fromkeys([*OWNERSHIP, *WITHOUT_AWAIT])
    assert get(patch, ("metadata", "managedFields", 0, "manager")) == "kubectl"
    assert get(patch, ("metadata", "resourceVersion")) == "7"
    metadata |= {"annotations": {"team": "shops"}, "managedFields": [{**manager, "manager": "kubectl"}]}
    free(namespace, "Service", "shop")
    free(namespace, "Deployment", "gone")
    assert len(namespace.patches) == 1


def test_leaving_again_keeps_the_file_of_the_last_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    files = [written("shop-dev", text).name for text in ("a: 1\n", "a: 1\n", "a: 2\n", "a: 2\n", "a: 1\n")]
    assert files == ["shop-dev.yaml", "shop-dev.yaml", "shop-dev-2.yaml", "shop-dev-2.yaml", "shop-dev.yaml"]
    assert Path("shop-dev.yaml").read_text() == "a: 1\n"


def test_a_stack_without_a_file_is_not_left_and_leaves_no_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["leave", "--stack", "nope"])
    with pytest.raises(SystemExit, match=r"stack nope is not left: there is no Pulumi\.nope\.yaml"):
        command.main()
    assert not list(tmp_path.glob(".release-*"))


def test_ctrl_c_ends_it_in_words(monkeypatch: pytest.MonkeyPatch):
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["leave", "--stack", "dev"])
    monkeypatch.setattr(command, "leave", interrupted)
    with pytest.raises(SystemExit, match="interrupted: run the same command again"):
        command.main()
