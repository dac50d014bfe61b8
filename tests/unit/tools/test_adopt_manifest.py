"""The manifest and the stack file of what runs."""

import json
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from canary_release.hooks.cluster import Cluster
from canary_release.model.manifest import read_manifest
from canary_release.model.tree import ABSENT, Object, get, with_value
from tools.adopt.defaults import LAST_APPLIED, manifest_of
from tools.adopt.files import manifest_text, stack_text, write
from tools.adopt.live import Application, released_container
from tools.adopt.namespace import AdoptionError, Namespace

POD = ("spec", "template", "spec")
DEFAULTS = {
    ("spec", "replicas"): 1,
    ("spec", "strategy"): {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
    ("spec", "strategy", "rollingUpdate", "maxUnavailable"): "25%",
    (*POD, "restartPolicy"): "Always",
    (*POD, "containers", 0, "terminationMessagePolicy"): "File",
    (*POD, "containers", 0, "ports", 0, "protocol"): "TCP",
}
GIVEN: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop", "labels": {"app": "shop"}},
    "spec": {
        "replicas": 2,
        "strategy": {"rollingUpdate": {"maxSurge": 1}},
        "selector": {"matchLabels": {"app": "shop"}},
        "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {
                "serviceAccountName": "shop",
                "initContainers": [{"name": "proxy", "image": "proxy:1", "restartPolicy": "Always"}],
                "containers": [
                    {
                        "name": "web",
                        "image": "shop:v1",
                        "ports": [{"containerPort": 9090, "name": "metrics"}, {"containerPort": 8080, "name": "http"}],
                    }
                ],
            },
        },
    },
}


def filled_in(object_: Object) -> Object | None:
    """What a small API server makes of a Deployment; None where it refuses."""
    if (
        get(object_, (*POD, "containers", 0, "image")) is ABSENT
        or get(object_, (*POD, "containers", 0, "name")) is ABSENT
    ):
        return None
    filled = deepcopy(object_)
    for path, value in DEFAULTS.items():
        if get(filled, path[:-1]) is not ABSENT and get(filled, path) is ABSENT:
            filled = with_value(filled, path, value)
    pod = get(filled, POD)
    account = pod.get("serviceAccountName") or pod.get("serviceAccount")
    if account:
        pod["serviceAccountName"] = pod["serviceAccount"] = account
    return filled


def ask(object_: Object, *others: Object) -> tuple[Object, Sequence[Object | None]]:
    whole = filled_in(object_)
    assert whole, "the API server refuses what runs"
    return whole, [filled_in(each) for each in others]


def live(given: Object = GIVEN, applied: Object | None = None) -> Object:
    made = filled_in(given)
    assert made
    annotations = {"deployment.kubernetes.io/revision": "3"}
    if applied:
        annotations[LAST_APPLIED] = json.dumps(applied)
    made["metadata"] |= {"annotations": annotations, "uid": "1", "resourceVersion": "7", "namespace": "shops"}
    return {**made, "status": {"replicas": 2}}


def test_what_the_api_server_fills_in_is_left_out_and_all_that_was_given_stays():
    assert manifest_of(live(), ask) == GIVEN


def test_a_default_that_kubectl_applied_stays():
    given = with_value(GIVEN, (*POD, "restartPolicy"), "Always")
    assert manifest_of(live(given, applied=given), ask) == given
    assert manifest_of(live(given), ask) == GIVEN


def test_what_changed_since_the_last_apply_is_as_it_is_live():
    image = (*POD, "containers", 0, "image")
    set_since = with_value(with_value(GIVEN, image, "shop:v2"), (*POD, "nodeSelector"), {"disk": "ssd"})
    assert manifest_of(live(set_since, applied=GIVEN), ask) == set_since


def test_an_apply_that_left_no_json_counts_for_nothing():
    broken = with_value(live(), ("metadata", "annotations", LAST_APPLIED), "{")
    assert manifest_of(broken, ask) == GIVEN


SERVICE: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "shop"},
    "spec": {
        "type": "NodePort",
        "clusterIP": "10.0.0.1",
        "selector": {"app": "shop"},
        "ports": [{"port": 80, "targetPort": "http", "nodePort": 30080}],
    },
}
CARRIED = {("spec", "clusterIP"): "10.0.0.1", ("spec", "ports", 0, "nodePort"): 30080}


def ask_of_service(object_: Object, *others: Object) -> tuple[Object, Sequence[Object | None]]:
    def carried(each: Object) -> Object:
        for path, value in CARRIED.items():
            if get(each, path) is ABSENT:
                each = with_value(each, path, get(SERVICE, path, value))
        return each

    return carried(object_), [carried(each) for each in others]


def test_what_the_api_server_allocated_is_left_out_unless_somebody_asked_for_it():
    [port] = manifest_of(SERVICE, ask_of_service)["spec"]["ports"]
    assert port == {"port": 80, "targetPort": "http"}
    asked = {"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:nodePort": {}}}}}
    owned = with_value(SERVICE, ("metadata", "managedFields"), [{"manager": "kubectl", "fieldsV1": asked}])
    manifest = manifest_of(owned, ask_of_service)
    assert manifest["spec"]["ports"] == SERVICE["spec"]["ports"]
    assert "clusterIP" not in manifest["spec"]
    assert (
        manifest_of(with_value(SERVICE, ("spec", "clusterIP"), "None"), ask_of_service)["spec"]["clusterIP"] == "None"
    )


def test_what_a_controller_notes_on_an_applied_service_stays_its_own():
    applied = with_value(SERVICE, ("metadata", "annotations"), {"team": "shops"})
    annotations = {"team": "shops", "cloud/status": "ok", LAST_APPLIED: json.dumps(applied)}
    noted = with_value(SERVICE, ("metadata", "annotations"), annotations)
    assert manifest_of(noted, ask_of_service)["metadata"]["annotations"] == {"team": "shops"}


texts = st.text("aeynosf0123456789.:-_ #'\n\"\x85\u2028\t\\é", max_size=8) | st.sampled_from(
    ["yes", "1e3", "0o17", "12:30", "null"]
)
values = st.recursive(
    texts | st.integers(-9, 99999) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(spec=st.dictionaries(texts, values, max_size=4))
def test_a_manifest_is_read_as_it_was_written(spec: dict[str, Any]):
    objects = [{"kind": "Deployment", "spec": spec}, {"kind": "Service"}]
    with NamedTemporaryFile("w", encoding="utf-8", suffix=".yaml") as file:
        file.write(manifest_text(objects))
        file.flush()
        assert read_manifest(file.name)[0] == objects


def test_fields_stand_in_one_order_with_what_is_long_at_the_end():
    text = manifest_text([json.loads(json.dumps(GIVEN, sort_keys=True))])
    assert text == manifest_text([GIVEN])
    lines = text.splitlines()
    assert lines[:3] == ["apiVersion: apps/v1", "kind: Deployment", "metadata:"]
    assert lines[3] == "  name: shop"
    assert text.index("strategy:") < text.index("template:")
    assert (
        text.index("serviceAccountName:") < text.index("initContainers:") < text.index("containers:\n      - name: web")
    )


NAMESPACE = Namespace(Cluster(None, "production"), "shops")


def application(image: str = "shop:1.10", *more: str) -> Application:
    containers = [{"name": name, "image": image if name == "web" else "proxy:1"} for name in (*more, "web")]
    return Application({"spec": {"replicas": 3, "template": {"spec": {"containers": containers}}}}, (), "web")


def test_the_stack_file_says_what_runs():
    text = stack_text("canary", NAMESPACE, application(), Path("shop.yaml"))
    assert yaml.safe_load(text)["config"] == {
        "kubernetes:context": "production",
        "canary:manifest": "shop.yaml",
        "canary:namespace": "shops",
        "canary:stableVersion": "1.10",
        "canary:stableReplicas": 3,
    }


def test_the_stack_file_names_the_container_where_there_are_several():
    text = stack_text("canary", NAMESPACE, application("shop:1", "proxy"), Path("shop.yaml"))
    assert yaml.safe_load(text)["config"]["canary:containerName"] == "web"


@pytest.mark.parametrize("image", ["shop", "shop:latest", "registry:5000/shop"])
def test_an_image_that_names_no_version_is_refused(image: str):
    with pytest.raises(AdoptionError, match="names no fixed version"):
        stack_text("canary", NAMESPACE, application(image), Path("shop.yaml"))


def test_a_file_that_says_something_else_is_never_overwritten(tmp_path: Path):
    path = tmp_path / "shop.yaml"
    assert write(path, "a: 1\n").startswith("wrote")
    assert "says the same" in write(path, "a: 1\n")
    with pytest.raises(AdoptionError, match="is there already"):
        write(path, "a: 2\n")
    assert path.read_text() == "a: 1\n"


def test_the_container_that_a_service_reaches_is_the_released_one_unless_kubectl_has_another():
    template = {
        "metadata": {},
        "spec": {"containers": [{"name": "proxy", "image": "p:1"}, GIVEN["spec"]["template"]["spec"]["containers"][0]]},
    }
    deployment: Object = {"spec": {"template": template}}
    assert released_container(deployment, [SERVICE])["name"] == "web"
    assert released_container(deployment, [])["name"] == "proxy"
    default = {"kubectl.kubernetes.io/default-container": "proxy"}
    annotated = with_value(deployment, ("spec", "template", "metadata", "annotations"), default)
    assert released_container(annotated, [SERVICE])["name"] == "proxy"
