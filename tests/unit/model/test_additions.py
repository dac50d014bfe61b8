"""What a release adds where manifest and patches are silent about the whole field."""

from typing import Any

import pytest

from canary_release.model.tree import get

from .shop import CONTAINER, parsed

SLEEP = {"preStop": {"sleep": {"seconds": 5}}}
WEB: dict[str, Any] = {"name": "web"}


def added(*changes: tuple[str, Any], **args: Any) -> dict[str, Any]:
    """The values that are added, by the end of their paths."""
    return {str(path[-1]): value for path, value in parsed(*changes, **args).additions}


def deployment(*changes: tuple[str, Any], **args: Any) -> dict[str, Any]:
    """The stable Deployment."""
    return parsed(*changes, **args).release.stable.deployment


def container_patch(**fields: Any) -> dict[str, Any]:
    """A patch of the container web."""
    return {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{**WEB, **fields}]}}}}


def test_a_silent_manifest_gets_strategy_deadline_probe_and_pre_stop():
    assert added() == {
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}},
        "progressDeadlineSeconds": 120,
        "readinessProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 2},
        "preStop": {"sleep": {"seconds": 5}},
    }
    assert get(deployment(), (*CONTAINER, "lifecycle")) == SLEEP


def test_with_a_fixed_total_one_pod_leaves_before_the_next_one_comes():
    assert added(fixed_total=2)["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}


def test_a_worker_gets_neither_probe_nor_pre_stop():
    assert added(("1", None)).keys() == {"strategy", "progressDeadlineSeconds"}


@pytest.mark.parametrize(("grace", "sleeps"), [(0, False), (5, False), (6, True), (120, True)])
def test_pods_sleep_before_they_stop_if_the_grace_period_is_longer(grace: int, sleeps: bool):
    assert ("preStop" in added(("0/spec/template/spec/terminationGracePeriodSeconds", grace))) is sleeps


def test_the_deadline_holds_beyond_the_seconds_that_a_pod_must_stay_ready():
    assert added(("0/spec/minReadySeconds", 200))["progressDeadlineSeconds"] == 320


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"startupProbe": {"exec": {}}}, 30),
        ({"startupProbe": {"exec": {}, "failureThreshold": 60, "periodSeconds": 5, "initialDelaySeconds": 7}}, 307),
        ({"readinessProbe": {"exec": {}, "initialDelaySeconds": 45}}, 45),
        ({"startupProbe": {"exec": {}}, "readinessProbe": {"exec": {}, "initialDelaySeconds": 20}}, 30),
    ],
)
def test_the_deadline_holds_beyond_the_seconds_that_the_probes_let_a_pod_take(fields: dict[str, Any], seconds: int):
    side = ("0/spec/template/spec/containers/1", {"name": "log", "image": "example.com/log:1"})
    slow = [(f"0/spec/template/spec/containers/1/{name}", value) for name, value in fields.items()]
    assert added(side, *slow, container_name="web")["progressDeadlineSeconds"] == 120 + seconds


@pytest.mark.parametrize(
    ("path", "value", "name"),
    [
        ("0/spec/strategy", {"type": "Recreate"}, "strategy"),
        ("0/spec/progressDeadlineSeconds", 30, "progressDeadlineSeconds"),
        ("0/spec/template/spec/containers/0/readinessProbe", {"periodSeconds": 9, "exec": {}}, "readinessProbe"),
        ("0/spec/template/spec/containers/0/lifecycle", {"preStop": {"exec": {"command": ["drain"]}}}, "preStop"),
    ],
)
def test_nothing_is_merged_into_what_the_manifest_gives(path: str, value: Any, name: str):
    assert name not in added((path, value))
    assert (
        get([deployment((path, value))], (0, *[int(p) if p.isdecimal() else p for p in path.split("/")[1:]])) == value
    )


def test_a_hook_after_the_start_stands_beside_the_sleep():
    hook = {"postStart": {"exec": {"command": ["warm"]}}}
    lifecycle = get(deployment(("0/spec/template/spec/containers/0/lifecycle", hook)), (*CONTAINER, "lifecycle"))
    assert lifecycle == {**hook, **SLEEP}


@pytest.mark.parametrize(
    ("patch", "gone"),
    [
        ({"kind": "Deployment", "spec": {"strategy": None}}, "strategy"),
        ({"kind": "Deployment", "spec": {"progressDeadlineSeconds": None}}, "progressDeadlineSeconds"),
        (container_patch(readinessProbe=None), "readinessProbe"),
        (container_patch(lifecycle=None), "preStop"),
        (container_patch(lifecycle={"preStop": None}), "preStop"),
    ],
)
def test_a_patch_with_null_takes_an_addition_away(patch: dict[str, Any], gone: str):
    assert added().keys() - added(patches=[patch]).keys() == {gone}


def test_a_patch_that_gives_the_field_stands_alone():
    patch = {"kind": "Deployment", "spec": {"strategy": {"rollingUpdate": {"maxSurge": 1}}}}
    assert deployment(patches=[patch])["spec"]["strategy"] == {"rollingUpdate": {"maxSurge": 1}}


def test_every_container_sleeps_also_one_that_a_patch_adds():
    side = {"name": "log", "image": "example.com/log:1"}
    patch = {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [side]}}}}
    containers = deployment(patches=[patch], container_name="web")["spec"]["template"]["spec"]["containers"]
    assert {each["name"]: each["lifecycle"] for each in containers} == {"web": SLEEP, "log": SLEEP}
    awake = {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{**side, "lifecycle": None}]}}}}
    containers = deployment(patches=[awake], container_name="web")["spec"]["template"]["spec"]["containers"]
    assert [each["name"] for each in containers if "lifecycle" in each] == ["web"]


def probed(*changes: tuple[str, Any], **args: Any) -> tuple[str, Any]:
    """Name of the container that is probed, and the port."""
    [(path, probe)] = [each for each in parsed(*changes, **args).additions if each[0][-1] == "readinessProbe"]
    own = parsed(*changes, **args).release.stable.deployment
    return get(own, (*path[:-1], "name")), probe["tcpSocket"]["port"]


PORTS = "0/spec/template/spec/containers/0/ports"
SIDE = (
    "0/spec/template/spec/containers/1",
    {"name": "proxy", "image": "example.com/proxy:1", "ports": [{"containerPort": 9}]},
)


def test_the_probe_asks_the_port_that_the_service_targets_not_the_first_one():
    ports = [{"name": "metrics", "containerPort": 9090}, {"name": "http", "containerPort": 8080}]
    assert probed((PORTS, ports)) == ("web", "http")
    assert probed((PORTS, ports), ("1/spec/ports/0/targetPort", 8080)) == ("web", 8080)


def test_without_a_target_port_the_service_targets_its_own():
    assert probed(("1/spec/ports/0/targetPort", None)) == ("web", 80)


@pytest.mark.parametrize("none", [0, ""])
def test_a_target_port_of_zero_or_no_text_is_none(none: Any):
    assert probed(("1/spec/ports/0/targetPort", none)) == ("web", 80)


def test_a_port_that_only_a_headless_service_names_is_not_probed():
    headless = [("1/spec/clusterIP", "None"), ("1/spec/ports/0", {"port": 55555, "targetPort": 0})]
    assert "readinessProbe" not in added(*headless)
    assert probed(*headless, ("1/spec/ports/0/port", 8080)) == ("web", 8080)
    front = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "front"}}
    assert probed(*headless, ("2", {**front, "spec": {"selector": {"app": "shop"}, "ports": [{"port": 9}]}})) == (
        "web",
        9,
    )


def test_the_container_that_has_the_port_is_probed():
    assert probed(SIDE, ("1/spec/ports/0/targetPort", 9), container_name="web") == ("proxy", 9)
    assert probed(SIDE, ("1/spec/ports/0/targetPort", 7), container_name="web") == ("web", 7)


def test_an_init_container_that_restarts_is_probed_where_the_service_targets_it():
    proxy = {**SIDE[1], "restartPolicy": "Always"}
    change = ("0/spec/template/spec/initContainers", [{"name": "init", "image": "example.com/init:1"}, proxy])
    assert probed(change, ("1/spec/ports/0/targetPort", 9)) == ("proxy", 9)


def test_what_is_no_tcp_port_is_not_probed():
    assert "readinessProbe" not in added(("1/spec/ports/0/protocol", "UDP"), (f"{PORTS}/0/protocol", "UDP"))
    dns = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "http", "port": 80, "targetPort": "http"}]
    assert probed(("1/spec/ports", dns)) == ("web", "http")


def test_the_first_service_that_both_tracks_share_is_probed():
    smoke = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "smoke"}}
    spec = {"selector": {"app": "shop", "track": "canary"}, "ports": [{"port": 7}]}
    assert probed(("2", {**smoke, "spec": spec})) == ("web", "http")


def test_what_a_canary_tries_is_completed_as_it_is_once_it_is_in_patches():
    content = {"spec": {"template": {"spec": {"containers": [{"name": "log", "image": "example.com/log:1"}]}}}}
    canary = parsed(canary_version="v1", canary_patch=content, container_name="web").release.canary
    assert canary
    assert canary.deployment == deployment(patches=[{"kind": "Deployment", **content}], container_name="web")


@pytest.mark.parametrize("taken_away", [None, {"$patch": "delete"}, {"$patch": "replace", "httpGet": {"port": "http"}}])
def test_what_a_patch_takes_away_or_replaces_gets_no_addition(taken_away: Any):
    assert "readinessProbe" not in added(patches=[container_patch(readinessProbe=taken_away)])


def test_a_list_that_one_patch_takes_away_and_the_next_one_sets_is_read():
    mounted = [{"name": "data", "mountPath": "/data"}]
    volumes = {"kind": "Deployment", "spec": {"template": {"spec": {"volumes": [{"name": "data", "emptyDir": {}}]}}}}
    patches = [volumes, container_patch(volumeMounts=None), container_patch(volumeMounts=mounted)]
    assert get(deployment(patches=patches), (*CONTAINER, "volumeMounts")) == mounted
