"""The objects that a release declares."""

from typing import Any

import pytest

from canary_release.model.deployment import LABELLED
from canary_release.model.objects import FIELD_MANAGER, manifests
from canary_release.model.tree import get

from .shop import CANARY, CONTAINER, release


def deployment(*changes: tuple[str, Any], name: str = "shop", **args: Any) -> dict[str, Any]:
    """A Deployment as it is declared."""
    return manifests(release(*changes, **args))["Deployment", name]


@pytest.mark.parametrize(
    ("version", "image"),
    [
        ("v1", "example.com/shop:v1"),
        (f"sha256:{'ab' * 32}", f"example.com/shop@sha256:{'ab' * 32}"),
        (f"v1@sha256:{'ab' * 32}", f"example.com/shop:v1@sha256:{'ab' * 32}"),
    ],
)
def test_a_tag_follows_a_colon_and_a_digest_an_at_sign(version: str, image: str):
    assert get(deployment(stable_version=version), (*CONTAINER, "image")) == image


def test_only_the_released_container_takes_the_version():
    side = ("0/spec/template/spec/containers/1", {"name": "log", "image": "example.com/log:5"})
    images = [
        each["image"] for each in deployment(side, container_name="web")["spec"]["template"]["spec"]["containers"]
    ]
    assert images == ["example.com/shop:v1", "example.com/log:5"]


def test_the_canary_has_its_name_its_label_its_version_and_its_replicas():
    canary, stable = deployment(name="shop-canary", **CANARY), deployment(**CANARY)
    assert [get(canary, (*path, "track")) for path in LABELLED] == ["canary"] * 3
    assert [get(stable, (*path, "track")) for path in LABELLED] == ["stable"] * 3
    assert (canary["metadata"]["name"], canary["spec"]["replicas"]) == ("shop-canary", 1)
    assert get(canary, (*CONTAINER, "image")) == "example.com/shop:v2"


def test_without_a_canary_there_is_one_deployment():
    assert list(manifests(release())) == [("Deployment", "shop"), ("Service", "shop")]


@pytest.mark.parametrize("key", ["version", "app.kubernetes.io/track"])
def test_a_label_of_the_selector_that_is_stable_tells_the_tracks_apart(key: str):
    path = key.replace("/", "|")
    labels = ((f"0/spec/selector/matchLabels/{path}", "stable"), (f"0/spec/template/metadata/labels/{path}", "stable"))
    made = release(*labels, **CANARY)
    assert (made.track_label, made.selector) == (key, {"app": "shop"})
    canary = manifests(made)["Deployment", "shop-canary"]
    assert get(canary, ("spec", "selector", "matchLabels")) == {"app": "shop", key: "canary"}


def test_the_label_track_goes_before_others_that_are_stable():
    changes = [(f"0/spec/{where}/{key}", "stable") for key in ("a", "track") for where in ("selector/matchLabels",)]
    template = [(f"0/spec/template/metadata/labels/{key}", "stable") for key in ("a", "track")]
    assert release(*changes, *template).track_label == "track"


def test_expressions_of_the_selector_stay():
    expression = {"key": "app", "operator": "In", "values": ["shop", "store"]}
    selector = deployment(("0/spec/selector", {"matchExpressions": [expression]}))["spec"]["selector"]
    assert selector == {"matchExpressions": [expression], "matchLabels": {"track": "stable"}}


def test_the_release_owns_its_fields_whoever_set_them():
    for each in manifests(release(**CANARY)).values():
        annotations = each["metadata"]["annotations"]
        assert annotations["pulumi.com/patchForce"] == "true"
        assert annotations["pulumi.com/patchFieldManager"] == FIELD_MANAGER
        assert ("pulumi.com/skipAwait" in annotations) is (each["kind"] == "Service")


def test_an_annotation_of_the_manifest_stays():
    own = ("1/metadata/annotations", {"pulumi.com/skipAwait": "false", "a": "b"})
    annotations = manifests(release(own))["Service", "shop"]["metadata"]["annotations"]
    assert (annotations["pulumi.com/skipAwait"], annotations["a"]) == ("false", "b")


def test_what_the_api_server_reports_is_dropped():
    assert "status" not in deployment(("0/status", {"replicas": 1}))


def test_a_null_is_dropped():
    assert "affinity" not in deployment(("0/spec/template/spec", _pod(affinity=None)))["spec"]["template"]["spec"]


def _pod(**fields: Any) -> dict[str, Any]:
    ports = [{"name": "http", "containerPort": 8080}]
    return {"containers": [{"name": "web", "image": "example.com/shop", "ports": ports}], **fields}
