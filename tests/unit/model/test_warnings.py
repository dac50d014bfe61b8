"""What a manifest costs users, or leaves to others, is said in each preview."""

from typing import Any

import pytest

from .shop import CANARY, parsed

POD = "0/spec/template/spec"
SHARE = "so the canary's share of requests may differ from its share of pods"
GRACE = "Deployment shop: with terminationGracePeriodSeconds {} a pod ends before every node knows, "
GRACE += "and requests to it are lost in each update"
TOGETHER = "stable and canary run at the same time"
ALONE = {"accessModes": ["ReadWriteOncePod"]}
EXISTS = {"key": "app", "operator": "Exists"}


def apart(selector: Any, **more: Any) -> Any:
    """An affinity by which pods do not share a node with the selected ones."""
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": selector, **more}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def pod_patch(**fields: Any) -> Any:
    """A patch of the pods."""
    return {"spec": {"template": {"spec": fields}}}


def claim(name: str, **more: Any) -> dict[str, Any]:
    """A volume of a PersistentVolumeClaim."""
    return {"persistentVolumeClaim": {"claimName": name, **more}}


def volumes(*names: str) -> tuple[str, Any]:
    """The change that gives the pods these volumes."""
    known: dict[str, Any] = {
        "data": claim("data"),
        "logs": {"hostPath": {"path": "/logs"}},
        "read": claim("read", readOnly=True),
        "scratch": {"emptyDir": {}},
    }
    return f"{POD}/volumes", [{"name": name, **known[name]} for name in names]


def mounts(*names: str, **read_only: bool) -> tuple[str, Any]:
    """The change that mounts these volumes in the container."""
    every = {**dict.fromkeys(names, False), **read_only}
    return f"{POD}/containers/0/volumeMounts", [
        {"name": name, "mountPath": f"/{name}", "readOnly": value} for name, value in every.items()
    ]


WARNED: dict[str, tuple[list[tuple[str, Any]], dict[str, Any], list[str]]] = {
    "nothing": ([], {}, []),
    "sticky clients": (
        [("1/spec/sessionAffinity", "ClientIP")],
        {},
        [f"Service shop: sessionAffinity ClientIP keeps each client at one pod, {SHARE}"],
    ),
    "local traffic": (
        [("1/spec/internalTrafficPolicy", "Local")],
        {},
        [f"Service shop: internalTrafficPolicy Local keeps traffic on the node where it starts, {SHARE}"],
    ),
    "near pods": (
        [("1/spec/trafficDistribution", "PreferClose")],
        {},
        [f"Service shop: trafficDistribution PreferClose prefers near pods, {SHARE}"],
    ),
    "near pods by annotation": (
        [("1/metadata/annotations/service.kubernetes.io|topology-mode", "Auto")],
        {},
        [f"Service shop: topology-mode Auto prefers near pods, {SHARE}"],
    ),
    "none of the above": ([("1/spec/sessionAffinity", "None"), ("1/spec/externalTrafficPolicy", "Cluster")], {}, []),
    "pods away": (
        [("0/spec/strategy", {"rollingUpdate": {"maxUnavailable": "50%"}})],
        {},
        ["Deployment shop: maxUnavailable lets 1 pod of stable be away while it changes"],
    ),
    "no pods away": ([("0/spec/strategy", {"rollingUpdate": {"maxUnavailable": "49%"}})], {}, []),
    "one pod away with a fixed total, as announced": ([], {"fixed_total": 2}, []),
    "a host port": (
        [(f"{POD}/containers/0/ports/0/hostPort", 8080)],
        {},
        ["Deployment shop: with hostPort 8080 no two pods run on one node: an update needs a free node"],
    ),
    "a short grace period": ([(f"{POD}/terminationGracePeriodSeconds", 5)], {}, [GRACE.format(5)]),
    "no grace period": (
        [
            (f"{POD}/terminationGracePeriodSeconds", 0),
            (f"{POD}/containers/0/lifecycle", {"preStop": {"sleep": {"seconds": 1}}}),
        ],
        {},
        [GRACE.format(0)],
    ),
    "a short grace period with a hook": (
        [
            (f"{POD}/terminationGracePeriodSeconds", 5),
            (f"{POD}/containers/0/lifecycle", {"preStop": {"sleep": {"seconds": 3}}}),
        ],
        {},
        [],
    ),
    "a short grace period of a worker": (
        [("1", None), (f"{POD}/containers/0/ports", None), (f"{POD}/terminationGracePeriodSeconds", 0)],
        {},
        [],
    ),
    "another kind": (
        [("2", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop"}})],
        {},
        ["the release leaves these objects of the manifest to whoever applies them: ConfigMap shop"],
    ),
    "a kind of the same name": (
        [("2", {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "shop"}})],
        {},
        ["the release leaves these objects of the manifest to whoever applies them: Service shop"],
    ),
    "containers that declare a port, without a Service": (
        [("1", None)],
        {},
        [
            "Deployment shop declares port 8080, but the manifest has no Service. The release takes it for a worker, "
            "and adds no readiness probe and no preStop. If it has a Service, put that into the manifest"
        ],
    ),
    "a worker with metrics": ([("1", None), (f"{POD}/containers/0/ports/0/name", "http-metrics")], {}, []),
    "a target that no container declares": (
        [("1/spec/ports/0/targetPort", 80)],
        {},
        ["Service shop: no container declares port 80 (declared: 8080)"],
    ),
    "a target where no container declares a port": (
        [("1/spec/ports/0/targetPort", 80), (f"{POD}/containers/0/ports", None)],
        {},
        [],
    ),
    "a headless Service of another port": ([("1/spec/ports/0", {"port": 1}), ("1/spec/clusterIP", "None")], {}, []),
    "endpoints that are not ready": (
        [("1/spec/publishNotReadyAddresses", True)],
        {},
        ["Service shop: with publishNotReadyAddresses, pods that are not ready get requests"],
    ),
    "a deadline before the end of the start": (
        [
            ("0/spec/progressDeadlineSeconds", 60),
            ("0/spec/minReadySeconds", 5),
            (f"{POD}/containers/0/startupProbe", {"exec": {}, "failureThreshold": 6, "initialDelaySeconds": 1}),
        ],
        {},
        [
            "Deployment shop: progressDeadlineSeconds 60 is shorter than the 66 seconds that its probes let a pod "
            "take, so an update may fail although its pods are well"
        ],
    ),
    "pods that keep apart": (
        [(f"{POD}/affinity", apart({"matchLabels": {"app": "shop"}, "matchExpressions": [EXISTS]}))],
        {},
        ["Deployment shop: with podAntiAffinity no two pods run on one node: an update needs a free node"],
    ),
    "pods that keep away from others": ([(f"{POD}/affinity", apart({"matchLabels": {"app": "db"}}))], {}, []),
    "pods that keep apart within one version": (
        [(f"{POD}/affinity", apart({}, matchLabelKeys=["pod-template-hash"]))],
        {},
        [],
    ),
    "a container with the released repository": (
        [(f"{POD}/initContainers", [{"name": "migrate", "image": "example.com/shop:1.4"}])],
        CANARY,
        [
            "Deployment shop: container migrate stays at 1.4, beside the released version: a canaryPatch changes it",
        ],
    ),
    "a container that the canary's patch changes": (
        [(f"{POD}/initContainers", [{"name": "migrate", "image": "example.com/shop:1.4"}])],
        {**CANARY, "canary_patch": pod_patch(initContainers=[{"name": "migrate", "image": "example.com/shop:1.5"}])},
        [],
    ),
    "volumes that both tracks may write to": (
        [volumes("data", "logs"), mounts("data", "logs")],
        CANARY,
        [f"Deployment shop: both tracks mount claim data, hostPath /logs, and may write there: {TOGETHER}"],
    ),
    "volumes that nobody writes to": (
        [volumes("data", "logs", "read", "scratch"), mounts("read", "scratch", data=True)],
        CANARY,
        [],
    ),
    "a volume that the canary has for itself": (
        [volumes("data"), mounts("data")],
        {**CANARY, "canary_patch": pod_patch(volumes=[{"name": "data", **claim("new")}])},
        [],
    ),
}


@pytest.mark.parametrize("case", WARNED)
def test_what_costs_users_something_is_a_warning(case: str):
    changes, args, expected = WARNED[case]
    assert list(parsed(*changes, **args).warnings) == expected


def test_a_service_of_one_track_has_no_share_to_break():
    spec = {"selector": {"app": "shop", "track": "canary"}, "ports": [{"port": 8080}], "sessionAffinity": "ClientIP"}
    smoke = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "smoke"}, "spec": spec}
    assert parsed(("2", smoke)).warnings == ()


def test_other_kinds_are_named_once_with_their_names():
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "shop"}}
    scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "db"}}
    target = {"spec": {"scaleTargetRef": {"kind": "StatefulSet", "name": "shop"}}}
    found = parsed(("2", budget), ("3", {**scaler, **target}))
    assert found.others == (("PodDisruptionBudget", "shop"), ("HorizontalPodAutoscaler", "db"))
    assert len(found.warnings) == 1


def test_a_claim_that_one_pod_alone_may_have_is_accepted_where_only_one_track_has_it():
    own = {"canary_patch": pod_patch(volumes=[{"name": "data", **claim("new")}])}
    claims = [
        (str(at), {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": ALONE})
        for at, name in enumerate(("data", "new"), 2)
    ]
    for args in ({}, {**CANARY, **own}):
        assert parsed(volumes("data"), mounts("data"), *claims, **args).others
