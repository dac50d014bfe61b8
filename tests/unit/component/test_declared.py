"""What a program that uses the component declares."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canary_release import CanaryRelease, CanaryReleaseArgs
from canary_release.gates import Gates
from canary_release.hooks.guard import Guard

from ..conftest import Recorder
from ..model.shop import CANARY, CONTAINER, shop

TEMPLATE = "0/spec/template"


def declare(run: Callable[..., Recorder], *changes: tuple[str, Any], **args: object) -> Recorder:
    """The resources of one release."""
    complete: Any = {"manifest": shop(*changes), "stable_version": "v1", **args}
    return run(lambda: CanaryRelease("release", complete))


def outputs(run: Callable[..., Recorder], names: list[str], *changes: tuple[str, Any], **args: object) -> list[Any]:
    """Some outputs of one release."""
    complete: Any = {"manifest": shop(*changes), "stable_version": "v1", **args}
    found: list[Any] = []

    def program() -> None:
        release = CanaryRelease("release", complete)
        pulumi.Output.all(*(getattr(release, name) for name in names)).apply(found.extend)

    run(program)
    return found


def differences(before: object, after: object, path: str = "") -> set[str]:
    """Paths at which two declarations differ, below the children; the component's own inputs are not looked at."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = (before.keys() | after.keys()) - ({"release"} if not path else set())
        return set().union(*(differences(before.get(key), after.get(key), f"{path}.{key}") for key in keys))
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return set().union(*(differences(old, new, f"{path}.{index}") for index, (old, new) in pairs))
    return set() if before == after else {path.removeprefix(".")}


def test_the_children_are_two_deployments_and_the_services_by_their_names(run: Callable[..., Recorder]):
    recorder = declare(run, **CANARY)
    assert recorder.types == {
        "release": "canary-release:index:CanaryRelease",
        "release-stable": "kubernetes:apps/v1:Deployment",
        "release-canary": "kubernetes:apps/v1:Deployment",
        "release-shop": "kubernetes:core/v1:Service",
    }


def test_a_manifest_is_read_from_a_file_whose_path_is_given(run: Callable[..., Recorder], tmp_path: Path):
    file = tmp_path / "app.yaml"
    file.write_text(yaml.safe_dump_all(shop()))
    args: Any = {"manifest": str(file), "stable_version": "v1"}
    assert run(lambda: CanaryRelease("release", args)).resources == declare(run).resources


def test_a_promotion_changes_one_image_and_the_canarys_replicas_and_nothing_else(run: Callable[..., Recorder]):
    before = declare(run, stable_version="v1", stable_replicas=4, canary_version="v2", canary_replicas=2)
    after = declare(run, stable_version="v2", stable_replicas=4, canary_version="v2", canary_replicas=0)
    assert differences(before.resources, after.resources) == {
        "release-stable.spec.template.spec.containers.0.image",
        "release-canary.spec.replicas",
    }


def test_without_a_canary_version_there_is_no_canary_deployment(run: Callable[..., Recorder]):
    assert "release-canary" not in declare(run).resources


def test_no_canary_replicas_keep_the_deployment_at_zero(run: Callable[..., Recorder]):
    recorder = declare(run, canary_version="v2", canary_replicas=0)
    assert recorder.resources["release-canary"]["spec"]["replicas"] == 0


def test_a_worker_declares_two_deployments_and_no_service(run: Callable[..., Recorder]):
    recorder = declare(run, ("1", None), **CANARY)
    assert recorder.types.keys() - {"release"} == {"release-stable", "release-canary"}


def test_names_of_labels_and_annotations_reach_the_engine_to_the_letter(run: Callable[..., Recorder]):
    odd = {"snake_case": "a", "camelCase": "b", "api_version": "c", "example.com/node_port": "d"}
    changes = [(f"{TEMPLATE}/metadata/annotations", odd), (f"{TEMPLATE}/spec/nodeSelector", odd)]
    template = declare(run, *changes).resources["release-stable"]["spec"]["template"]
    assert template["metadata"]["annotations"] == odd
    assert template["spec"]["nodeSelector"] == odd


def test_whole_numbers_may_arrive_as_floats(run: Callable[..., Recorder]):
    """Through a plugin they always do."""
    floats = declare(run, ("0/spec/minReadySeconds", 7.0), stable_replicas=3.0)
    whole = declare(run, ("0/spec/minReadySeconds", 7), stable_replicas=3)
    assert floats.manifests() == whole.manifests()


def test_the_outputs_name_the_services_and_the_node_port_of_the_first_that_shares(run: Callable[..., Recorder]):
    changes: list[tuple[str, Any]] = [
        ("2", {**shop()[1], "metadata": {"name": "shop-canary"}}),
        ("2/spec/selector/track", "canary"),
    ]
    found = outputs(run, ["service_names", "node_port", "canary_share", "total_pods", "selector"], *changes, **CANARY)
    assert found == [["shop", "shop-canary"], 31234, 33.3, 3, {"app": "shop"}]


def test_without_a_service_there_is_no_node_port(run: Callable[..., Recorder]):
    assert outputs(run, ["service_names", "node_port", "canary_version"], ("1", None)) == [[], None, None]


@pytest.mark.parametrize("name", sorted(CanaryReleaseArgs.__annotations__.keys() - CanaryReleaseArgs.__required_keys__))
def test_an_argument_that_is_none_is_as_good_as_absent(run: Callable[..., Recorder], name: str):
    assert declare(run, **{name: None}).resources == declare(run).resources


releases = st.fixed_dictionaries(
    {
        "stable_version": st.sampled_from(["v1", "v2"]),
        "stable_replicas": st.integers(2, 6),
        "canary_version": st.sampled_from(["v3", "v4"]),
        "canary_replicas": st.integers(0, 2),
        "canary_patch": st.sampled_from([{}, {"spec": {"minReadySeconds": 3}}]),
    }
)


@given(history=st.lists(releases, min_size=2, max_size=5))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_going_back_to_an_earlier_config_gives_identical_manifests(
    run: Callable[..., Recorder], history: list[dict[str, Any]]
):
    first = [declare(run, **release).manifests() for release in history]
    again = [declare(run, **release).manifests() for release in reversed(history)]
    assert first == again[::-1]


def test_arguments_that_are_no_dict_are_refused_in_words(run: Callable[..., Recorder]):
    args: Any = []
    with pytest.raises(pulumi.RunError, match="as a dict, not list"):
        run(lambda: CanaryRelease("shop", args))


def test_an_output_of_a_resource_is_refused_as_an_argument(run: Callable[..., Recorder]):
    with pytest.raises(pulumi.RunError, match=r"namespace: a Python Output\n +must be a plain value, not an output"):
        run(lambda: declare(lambda function: function(), namespace=pulumi.Output.from_input("shop")))


def test_an_image_of_the_manifest_is_told_by_its_place_in_the_file(run: Callable[..., Recorder], tmp_path: Path):
    file = tmp_path / "app.yaml"
    file.write_text(yaml.safe_dump_all(shop(("/".join(map(str, (0, *CONTAINER, "imagePullPolice"))), "Always"))))
    args: Any = {"manifest": str(file), "stable_version": "v1"}
    with pytest.raises(pulumi.RunError) as refusal:
        run(lambda: CanaryRelease("shop", args))
    line = next(n for n, text in enumerate(file.read_text().splitlines(), 1) if "imagePullPolice" in text)
    path = "spec.template.spec.containers[0]"
    assert str(refusal.value) == (
        "CanaryRelease 'shop' has invalid arguments and was not declared\n"
        "\n"
        f'  {file}:{line}: {path}.imagePullPolice: "Always"\n'
        "    is not a field of a Kubernetes Container; did you mean imagePullPolicy?\n"
        f"    fix: in {file}: remove {path}.imagePullPolice\n"
        f'    fix: in {file}: {path}.imagePullPolicy: "Always"'
    )


def test_the_component_says_since_when_its_canary_runs(run: Callable[..., Recorder]):
    [since] = outputs(run, ["canary_since"], **CANARY)
    assert isinstance(since, str)
    assert outputs(run, ["canary_since"]) == [None]


def test_gates_are_arguments_and_change_nothing_that_is_declared(run: Callable[..., Recorder]):
    gates: Any = {"errors": {"preset": "http", "count": 3.0}}
    gated = declare(run, gates=gates, prometheus_url="http://127.0.0.1:9090", prometheus_token="hunter2")
    assert gated.resources == declare(run).resources
    with pytest.raises(pulumi.RunError, match=r'gates\.errors\.presett: "http"\n    is not a field of a gate'):
        declare(run, gates={"errors": {"presett": "http"}}, prometheus_url="http://127.0.0.1:9090")
    with pytest.raises(pulumi.RunError, match="prometheus_url: missing"):
        declare(run, gates=gates)


def test_a_token_may_be_an_output_and_shows_nowhere(run: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch):
    given: list[Any] = []

    def guard(*args: Any) -> Guard:
        given.extend(each for each in args if isinstance(each, Gates))
        return Guard(*args)

    monkeypatch.setattr("canary_release.component.Guard", guard)
    args: Any = {"gates": {"errors": {"preset": "http"}}, "prometheus_url": "http://127.0.0.1:9090"}
    gated = run(lambda: declare(lambda do: do(), **args, prometheus_token=pulumi.Output.secret("hunter2")))
    assert gated.resources == declare(run).resources
    assert [isinstance(each.prometheus_token, pulumi.Output) for each in given[:1]] == [True]
    assert "token" not in repr(given)
