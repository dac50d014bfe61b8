"""A content is all that a track's pods run: every field of the pod template, and nothing outside it."""

from dataclasses import replace
from typing import Any

import pytest

from canary_release.model.tree import ABSENT, with_value
from canary_release.update.rules import Kind, broken_rules, kind

from .releases import BASE, ENV, parsed, release, with_deployment


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "strategy"), {"type": "Recreate"}),
        (("spec", "minReadySeconds"), 10),
        (("spec", "revisionHistoryLimit"), 3),
        (("spec", "progressDeadlineSeconds"), 300),
        (("metadata", "labels"), {"team": "web"}),
        (("metadata", "annotations"), {"owner": "web"}),
    ],
)
def test_a_deployment_may_change_outside_its_pods_in_any_update(path: tuple[str, ...], value: Any):
    for before, after in ((("v1*2",), ("v1*2",)), (("v1*2",), ("v1*2", "v2*1")), (("v1*2", "v2*1"), ("v2*2",))):
        old, new = release(*before), release(*after)
        changed = with_deployment(new, path, value)
        assert broken_rules(old, changed) == []
        assert kind(old, changed) is kind(old, new)


@pytest.mark.parametrize("path", [("spec", "template", *more) for more in (("metadata", "annotations"), ("spec", "x"))])
@pytest.mark.parametrize("tracks", [("v1*2",), ("v1*2", "v2*1")])
def test_no_field_of_the_pods_reaches_stable_unproven(path: tuple[str, ...], tracks: tuple[str, ...]):
    [broken] = broken_rules(release(*tracks), with_deployment(release(*tracks), path, {"a": "1"}))
    assert broken.path == ("manifest", *path)
    assert (broken.old, broken.new) == (ABSENT, {"a": "1"})


def test_a_sidecar_that_becomes_the_released_container_changes_nothing_by_itself():
    """Its version then stands in the stack file, and the other's in the manifest."""
    containers = ("spec", "template", "spec", "containers")
    both = [{"name": "web", "image": "example/shop:v1"}, {"name": "proxy", "image": "example/proxy"}]
    proxy = with_deployment(replace(BASE, container_name="proxy"), containers, both)
    web = with_deployment(
        BASE, containers, [{**both[0], "image": "example/shop"}, {**both[1], "image": "example/proxy:v1"}]
    )
    assert kind(web, proxy) is Kind.NO_CHANGE
    assert broken_rules(web, proxy) == []
    other = replace(proxy, stable=replace(proxy.stable, version="v2"))
    assert [broken.path[0] for broken in broken_rules(web, other)] == ["stable_version", "container_name", "manifest"]


def test_a_patch_of_the_canary_is_promoted_by_moving_it_to_the_patches_or_into_the_manifest():
    """Also where the manifest has the new item last, and the patch puts it first."""
    containers = ("spec", "template", "spec", "containers", 0)
    volume = {"kind": "Deployment", "spec": {"template": {"spec": {"volumes": [{"name": "x", "emptyDir": {}}]}}}}
    mounted = _patch(env=[{"name": "A", "value": "1"}], volumeMounts=[{"name": "x", "mountPath": "/x"}])
    base = parsed(patches=[volume, mounted])
    manifest = [with_value(base.stable.deployment, ("spec", "replicas"), 1), *base.services]
    tried = _patch(env=[{"name": "B", "value": "2"}], volumeMounts=[{"name": "x", "mountPath": "/y"}])
    old = parsed(manifest=manifest, canary_version="v1", canary_replicas=1, canary_patch=tried)
    assert broken_rules(old, parsed(manifest=manifest, patches=[tried])) == []
    moved: Any = manifest
    for name, item in (("env", {"name": "B", "value": "2"}), ("volumeMounts", {"name": "x", "mountPath": "/y"})):
        moved = with_value(moved, (0, *containers, name, 1), item)
    assert kind(old, parsed(manifest=moved)) is Kind.PROMOTE
    assert broken_rules(old, parsed(manifest=moved)) == []
    assert broken_rules(old, parsed(manifest=with_value(moved, (0, *containers, "env", 1, "value"), "3")))


def _patch(**fields: Any) -> dict[str, Any]:
    return {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"name": "web", **fields}]}}}}


@pytest.mark.parametrize(
    "env",
    [
        [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
        [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}],
    ],
)
def test_the_order_of_variables_counts_where_one_is_read_after_another(env: list[Any]):
    old, new = (with_deployment(BASE, ENV, each) for each in (env, env[::-1]))
    assert kind(old, new) is Kind.MIXED


def test_the_order_of_containers_counts():
    containers = [{"name": "web", "image": "example/shop"}, {"name": "proxy", "image": "example/proxy:v1"}]
    path = ("spec", "template", "spec", "containers")
    old, new = (with_deployment(BASE, path, each) for each in (containers, containers[::-1]))
    assert [broken.path for broken in broken_rules(old, new)] == [("manifest", *path)]
