"""A release is what its inputs say, whatever manifest it was made from."""

import copy
import json
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from canary_release.model.deployment import LABELLED
from canary_release.model.objects import OWNERSHIP, WITHOUT_AWAIT, manifests
from canary_release.model.parsing import Parsed, parse
from canary_release.model.release import Release
from canary_release.model.tree import ABSENT, Object, Path, get, objects_at, same, with_value

from .generated import named, objects
from .shop import CANARY, CONTAINER, release, shop

IMAGES = st.sampled_from(["example.com/a:1", "example.com/b", "localhost:5000/c@sha256:" + "ab" * 32])
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 70000) | st.floats(0, 2) | st.text("a{}$:/ 1", max_size=4),
    lambda below: st.lists(below, max_size=2) | st.dictionaries(st.sampled_from(["name", "port", "a"]), below),
)


@st.composite
def applications(draw: st.DrawFn) -> list[Object]:
    """Manifests that can be released: what selects and names something is set, all else is generated."""
    deployment = named(draw(objects("Deployment")), "Deployment")
    for path in (("spec", "selector", "matchLabels"), ("spec", "template", "metadata", "labels")):
        deployment = with_value(deployment, (*path, "app"), "shop")
    deployment = with_value(deployment, ("spec", "template", "spec", "topologySpreadConstraints"), ABSENT)
    containers = get(deployment, ("spec", "template", "spec", "containers"), []) or [{"name": "web"}]
    deployment = with_value(deployment, ("spec", "template", "spec", "volumes"), [{"name": each} for each in "abcd"])
    containers = [
        {**container, "image": draw(IMAGES), "ports": apart("containerPort", objects_at(container, "ports"))}
        for container in containers
    ]
    deployment = with_value(deployment, ("spec", "template", "spec", "containers"), containers)
    service = with_value(named(draw(objects("Service")), "Service"), ("spec", "selector"), {"app": "shop"})
    ports = apart("port", [{**port, "targetPort": 80} for port in objects_at(service, "spec", "ports")])
    service = with_value(service, ("spec", "ports"), ports)
    deployment, service = (with_value(each, ("metadata", "finalizers"), ABSENT) for each in (deployment, service))
    return draw(st.sampled_from([[deployment], [deployment, service], [service, deployment]]))


def apart(port: str, items: list[Object]) -> list[Object]:
    """The items with a name and a port of its own for each."""
    return [{**item, "name": f"name-{number}", port: number} for number, item in enumerate(items, 1)]


def parsed(manifest: list[Object], **args: Any) -> Parsed:
    """What the manifest says, with a canary, if nothing is wrong with it."""
    [deployment] = (each for each in manifest if each["kind"] == "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]["name"]
    given_ = {"manifest": manifest, "container_name": container, "stable_replicas": 3, **CANARY, **args}
    found = parse(given_)
    assert isinstance(found, Parsed), found
    return found


def sent(release_: Release) -> Any:
    """The inputs as a plugin gets them, whose whole numbers are floats."""
    return json.loads(json.dumps(release_.inputs()), parse_int=float)


def without(object_: Object, paths: list[Path]) -> Object:
    """The object without what stands at the paths, and without objects that hold nothing else."""
    for path in paths:
        object_ = with_value(object_, path, ABSENT)
        while path := path[:-1]:
            if get(object_, path) == {}:
                object_ = with_value(object_, path, ABSENT)
    return object_


slow = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=200)


@slow
@given(manifest=applications())
def test_nothing_that_the_release_does_not_own_changes(manifest: list[Object]):
    before = copy.deepcopy(manifest)
    found = parsed(manifest)
    assert same(manifest, before)
    declared = manifests(found.release)
    for original in manifest:
        kind, name = original["kind"], original["metadata"]["name"]
        paths: list[Path] = [("metadata", "annotations", each) for each in (*OWNERSHIP, *WITHOUT_AWAIT)]
        paths.append(("metadata", "namespace"))
        if kind == "Deployment":
            paths += [*((*path, "track") for path in LABELLED), (*CONTAINER, "image"), ("spec", "replicas")]
            paths += [path for path, _ in found.additions]
            canary = with_value(declared[kind, f"{name}-canary"], ("metadata", "name"), name)
            assert same(without(canary, paths), without(original, paths))
        assert same(without(declared[kind, name], paths), without(original, paths))


@slow
@given(manifest=applications())
def test_inputs_say_all_of_a_release_also_on_the_way_through_a_plugin(manifest: list[Object]):
    made = parsed(manifest).release
    assert same(Release.of_inputs(made.inputs()).inputs(), made.inputs())
    assert Release.of_inputs(sent(made)) == made
    assert same(Release.of_inputs(sent(made)).inputs(), made.inputs())
    assert "null" not in json.dumps(made.inputs()).replace('"null"', "")


@slow
@given(manifest=applications(), other=applications())
def test_giving_back_an_earlier_config_gives_back_the_bytes(manifest: list[Object], other: list[Object]):
    first = json.dumps([*manifests(parsed(manifest).release).values()])
    parsed(other)
    assert json.dumps([*manifests(parsed(copy.deepcopy(manifest)).release).values()]) == first


def is_released_or_refused_in_words(args: dict[str, Any]) -> None:
    """The arguments make a release that its inputs give back, or problems with a place and what is accepted."""
    found = parse(args)
    if isinstance(found, list):
        assert found
        assert all(problem.path and problem.accepted for problem in found)
    else:
        assert Release.of_inputs(sent(found.release)) == found.release


@slow
@given(manifest=applications(), data=st.data())
def test_a_manifest_with_anything_anywhere_is_released_or_refused_in_words(manifest: list[Object], data: st.DataObject):
    paths = list(_paths(manifest))
    changed = with_value(manifest, data.draw(st.sampled_from(paths)), data.draw(VALUES))
    given_ = {"manifest": changed, **CANARY, "container_name": "a", "stable_replicas": 3}
    is_released_or_refused_in_words(given_)


@slow
@given(patch=objects("Deployment", patch=True), which=st.sampled_from(["patches", "canary_patch"]))
def test_any_patch_is_applied_or_refused_in_words(patch: Object, which: str):
    value = [{"kind": "Deployment", **patch}] if which == "patches" else patch
    assume(value)
    is_released_or_refused_in_words({"manifest": shop(), **CANARY, "container_name": "web", which: value})


@slow
@given(name=st.sampled_from(["manifest", "patches", "canary_patch", "container_name", "fixed_total"]), value=VALUES)
def test_any_argument_is_taken_or_refused_in_words(name: str, value: Any):
    parse({"manifest": shop(), **CANARY, name: value})


def _paths(tree: Any, path: Path = ()) -> Any:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in items:
        yield (*path, name)
        yield from _paths(value, (*path, name))


def test_what_is_not_set_is_absent_from_the_inputs():
    assert release().inputs().keys() == {
        "stableVersion",
        "stableReplicas",
        "maxCanaryShare",
        "containerName",
        "trackLabel",
        "skipTransitionChecks",
        "deployment",
        "services",
    }


def test_the_canarys_deployment_is_in_the_inputs_only_where_it_differs():
    content = {"spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "A", "value": "1"}]}]}}}}
    assert "canaryDeployment" not in release(**CANARY).inputs()
    assert release(**CANARY, canary_patch=content).inputs()["canaryDeployment"]["spec"]["template"]["spec"][
        "containers"
    ][0]["env"] == [{"name": "A", "value": "1"}]


def test_a_release_knows_names_counts_and_shares():
    made = release(**CANARY, namespace="store", fixed_total=3)
    assert (made.name, made.canary_name, made.namespace) == ("shop", "shop-canary", "store")
    assert (made.canary_version, made.canary_replicas, made.canary_share, made.total_pods) == ("v2", 1, 33.3, 3)
    assert (made.selector, made.track_label, made.container_name) == ({"app": "shop"}, "track", "web")
    assert made.fixed_total == 3


def test_replicas_are_the_manifests_unless_the_stack_sets_them():
    assert release().stable.replicas == 2
    assert release(("0/spec/replicas", None)).stable.replicas == 1
    assert release(stable_replicas=4).stable.replicas == 4
    assert release(patches=[{"kind": "Deployment", "spec": {"replicas": 3}}]).stable.replicas == 3


def test_an_argument_that_is_none_is_absent():
    assert release(canary_version=None, fixed_total=None, patches=None) == release()


def test_the_namespace_is_the_argument_then_the_manifests_then_the_default():
    assert release().namespace == "default"
    assert release(("0/metadata/namespace", "a")).services[0]["metadata"]["namespace"] == "a"
    assert release(("0/metadata/namespace", "a"), ("1/metadata/namespace", "b"), namespace="c").namespace == "c"


def test_two_canaries_of_one_version_differ_by_their_patch():
    content = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "mirror.local/shop"}]}}}}
    args = {"canary_version": "v1", "canary_replicas": 1, "canary_patch": content}
    made = release(**args)
    assert made.canary
    assert get(made.canary.deployment, (*CONTAINER, "image")) == "mirror.local/shop"
    assert get(made.stable.deployment, (*CONTAINER, "image")) == "example.com/shop"


def test_a_canary_without_pods_may_be_what_stable_runs():
    assert release(canary_version="v1").canary_replicas == 0
