"""A release adopts what runs: no moment without endpoints, no pod ended that gets connections, at any kill."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canary_release.hooks.cluster import Cluster
from canary_release.model.objects import manifests
from canary_release.model.release import Release, Track
from canary_release.model.tree import Object, with_value
from tools.adopt.adoption import LEAVING, Adoption, labels_to_lose
from tools.adopt.namespace import AdoptionError

from .simulated import KilledError, Simulated, is_reached, labels_of

POD: Object = {
    "terminationGracePeriodSeconds": 20,
    "containers": [{"name": "web", "image": "shop", "ports": [{"name": "http", "containerPort": 8080}]}],
}
DEPLOYMENT: Object = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop", "namespace": "shops", "labels": {"app": "shop"}},
    "spec": {
        "selector": {"matchLabels": {"app": "shop"}},
        "template": {"metadata": {"labels": {"app": "shop", "tier": "web"}}, "spec": POD},
    },
}


def service(name: str, target: str | int = "http", **selector: str) -> Object:
    spec = {"selector": selector, "ports": [{"port": 80, "targetPort": target}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shops"}, "spec": spec}


SERVICES = (service("shop", app="shop"), service("web", tier="web"))
RELEASE = Release(
    stable=Track("v1", 2, DEPLOYMENT),
    canary=None,
    services=SERVICES,
    container_name="web",
    track_label="track",
    max_canary_share=50,
    fixed_total=None,
    soak_seconds=None,
    skip_transition_checks=False,
)


class Clock:
    """Time that passes by sleeping alone."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True, scope="module")
def _clock():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tools.adopt.namespace.time", Clock())
        yield


class World:
    """A namespace with a running Deployment, and what is watched at every moment."""

    def __init__(self, release: Release = RELEASE) -> None:
        self.release, self.slept, self.updates = release, 0.0, 0
        self.cluster = Simulated(Cluster(None, "context"), "shops")
        for each in SERVICES:
            self.cluster.create(each)
        self.cluster.create(with_value(with_value(DEPLOYMENT, ("spec", "replicas"), 2), ("metadata", "uid"), ""))
        self.cluster.create(
            {"kind": "Pod", "metadata": {"name": "of-somebody", "labels": {"app": "shop"}}, "spec": POD}
        )
        self.free: dict[str, float] = {}
        """When each pod lost its last Service."""
        self.cluster.watched.append(self.look)

    def look(self) -> None:
        assert all(len(self.cluster.ready_endpoints(name)) >= 2 for name in ("shop", "web"))
        alive = {each["metadata"]["uid"] for each in self.cluster.pods()}
        for uid, since in list(self.free.items()):
            if uid not in alive:
                assert self.slept - since >= 20, "a pod ended before its last connections"
                del self.free[uid]
        for pod in self.cluster.pods():
            if not is_reached(self.cluster, pod):
                self.free.setdefault(pod["metadata"]["uid"], self.slept)

    def lose(self, pod: Object) -> None:
        """A node fails: the pod's controller, if it has one, makes another."""
        if pod["metadata"]["name"] != "of-somebody":
            self.free.pop(pod["metadata"]["uid"], None)
            del self.cluster.objects[pod["metadata"]["uid"]]
            self.cluster.settle()

    def update(self) -> None:
        self.updates += 1
        for (kind, name), wanted in manifests(self.release).items():
            if self.cluster.get(kind, name) is None:
                self.cluster.create(wanted)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def take_over(self) -> list[str]:
        return list(Adoption(self.cluster, self.release, self.update, self.sleep).run())

    def is_done(self) -> bool:
        pods = [each for each in self.cluster.pods() if each["metadata"]["name"] != "of-somebody"]
        sets = self.cluster.listed("ReplicaSet")
        return len(sets) == 1 and [labels_of(pod).get("track") for pod in pods] == ["stable"] * 2


def test_the_release_takes_over_and_leaves_pods_of_others_alone():
    world = World()
    steps = world.take_over()
    assert [step[:3] for step in steps[:-1]] == [f"{number}/6" for number in range(1, 7)]
    assert world.is_done()
    assert "of-somebody" in world.cluster.ready_endpoints("shop")


def calls_of_an_adoption() -> int:
    world = World()
    before = len(world.cluster.calls)
    world.take_over()
    return len(world.cluster.calls) - before


@pytest.mark.parametrize("call", range(1, calls_of_an_adoption() + 1))
def test_an_adoption_killed_at_any_call_is_finished_by_the_same_command(call: int):
    world = World()
    world.cluster.killed_at.append(len(world.cluster.calls) + call)
    with pytest.raises(KilledError):
        world.take_over()
    world.take_over()
    assert world.is_done()


@given(calls=st.lists(st.integers(1, 40), max_size=6), lost=st.lists(st.integers(0, 4), max_size=6))
@settings(deadline=None, max_examples=60)
def test_an_adoption_ends_after_many_kills_and_lost_pods(calls: list[int], lost: list[int]):
    world = World()
    for number, call in enumerate(calls):
        world.cluster.killed_at[:] = [len(world.cluster.calls) + call]
        with suppress(KilledError):
            world.take_over()
        if number < len(lost) and (pods := world.cluster.pods())[lost[number] :]:
            world.lose(pods[lost[number]])
    world.cluster.killed_at.clear()
    world.take_over()
    assert world.is_done()


def test_what_is_a_release_already_is_updated_and_loses_no_pod():
    world = World()
    world.take_over()
    pods = {each["metadata"]["uid"] for each in world.cluster.pods()}
    steps = world.take_over()
    assert [step[:3] for step in steps[:-1]] == ["2/6", "6/6"]
    assert {each["metadata"]["uid"] for each in world.cluster.pods()} == pods


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "template", "spec", "containers", 0, "ports", 0, "name"), "web"),
        (("spec", "template", "metadata", "labels", "tier"), "other"),
    ],
    ids=["a port's name", "a label"],
)
def test_old_pods_keep_serving_while_a_service_does_not_reach_the_new_ones(path: tuple[Any, ...], value: str):
    deployment = with_value(DEPLOYMENT, path, value)
    world = World(Release(**{**vars(RELEASE), "stable": Track("v1", 2, deployment)}))
    with pytest.raises(AdoptionError, match="every Service that reaches the old pods"):
        world.take_over()
    assert len(world.cluster.ready_endpoints("web")) >= 2
    assert len(world.cluster.pods()) == 5


def change(world: World, **spec: Any) -> None:
    [deployment] = [each for each in world.cluster.objects.values() if each["kind"] == "Deployment"]
    deployment["spec"] |= spec


def test_nothing_is_deleted_where_the_right_to_finish_is_missing(monkeypatch: pytest.MonkeyPatch):
    world = World()
    monkeypatch.setattr(Simulated, "forbidden", lambda *_: ["delete pods"])
    with pytest.raises(AdoptionError, match="not allowed to delete pods"):
        world.take_over()
    assert world.cluster.get("Deployment", "shop")
    assert world.updates == 0


def with_canary(world: World) -> None:
    spec = {**DEPLOYMENT["spec"], "replicas": 0}
    world.cluster.create({"kind": "Deployment", "metadata": {"name": "shop-canary"}, "spec": spec})


def autoscaled(world: World) -> None:
    target = {"kind": "Deployment", "name": "shop"}
    world.cluster.create({"kind": "HorizontalPodAutoscaler", "metadata": {}, "spec": {"scaleTargetRef": target}})


@pytest.mark.parametrize(
    ("moved", "reason"),
    [
        (with_canary, "shop-canary has the name of its canary, .* kubectl delete deployment shop-canary"),
        (autoscaled, "HorizontalPodAutoscaler .* would both set its replicas"),
        (lambda world: change(world, replicas=0), "it has no pods, and a release has at least 1: kubectl scale"),
        (lambda world: change(world, paused=True), "paused"),
        (lambda world: change(world, replicas=3), "rollout is not finished"),
    ],
    ids=["a canary", "an autoscaler", "no pods", "a pause", "a rollout"],
)
def test_a_deployment_that_somebody_else_moves_is_left_alone(moved: Callable[[World], None], reason: str):
    world = World()
    moved(world)
    with pytest.raises(AdoptionError, match=reason):
        world.take_over()
    assert world.updates == 0
    assert world.cluster.get("Deployment", "shop")
    assert not any(LEAVING in labels_of(each) for each in world.cluster.objects.values())


def test_without_a_deployment_there_is_nothing_to_adopt():
    world = World()
    world.cluster.objects.clear()
    with pytest.raises(AdoptionError, match="no Deployment shop"):
        world.take_over()
    assert world.updates == 0


POLICY: Object = {"spec": {"podSelector": {"matchLabels": {"app": "shop"}}}}
PEERS: Object = {
    "spec": {
        "podSelector": {},
        "ingress": [{"from": [{"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}}]}, {}],
        "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
    }
}


@pytest.mark.parametrize(
    ("selectors", "policies", "lost"),
    [
        ([], [], ()),
        ([{"app": "shop"}], [], ("app",)),
        ([{"app": "shop"}], [POLICY], ("app",)),
        ([{"app": "shop", "tier": "web"}], [], ("app",)),
        ([{"app": "shop", "tier": "web"}], [POLICY], ("tier",)),
        ([{"app": "shop", "tier": "web"}], [PEERS], ("tier",)),
        ([{"app": "shop"}, {"tier": "web"}], [], ("app", "tier")),
        ([{"app": "shop", "tier": "web"}, {"tier": "web"}], [], ("tier",)),
        ([{"app": "another"}, {}], [], ()),
    ],
)
def test_a_pod_that_leaves_loses_the_fewest_labels_and_rather_none_of_a_network_policy(
    selectors: list[dict[str, str]], policies: list[Object], lost: tuple[str, ...]
):
    pod = {"metadata": {"labels": {"app": "shop", "tier": "web"}}}
    services = [{"spec": {"selector": selector}} for selector in selectors]
    assert labels_to_lose(pod, services, policies) == lost
