"""What a manifest costs users, or leaves to others, is said in each preview."""

from typing import Any

import pytest

from .shop import parsed

POD = "0/spec/template/spec"
SHARE = "so the canary's share of requests may differ from its share of pods"
GRACE = "Deployment shop: with terminationGracePeriodSeconds {} a pod ends before every node knows, "
GRACE += "and requests to it are lost in each update"
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
    "a short grace period of a worker": ([("1", None), (f"{POD}/terminationGracePeriodSeconds", 0)], {}, []),
    "another kind": (
        [("2", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop"}})],
        {},
        ["of the manifest, the release leaves to whoever applies them: ConfigMap shop"],
    ),
    "a kind of the same name": (
        [("2", {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "metadata": {"name": "shop"}})],
        {},
        ["of the manifest, the release leaves to whoever applies them: Service shop"],
    ),
}


@pytest.mark.parametrize("case", WARNED)
def test_what_costs_users_something_is_a_warning(case: str):
    changes, args, expected = WARNED[case]
    assert list(parsed(*changes, **args).warnings) == expected


def test_a_service_of_one_track_has_no_share_to_break():
    spec = {"selector": {"app": "shop", "track": "canary"}, "ports": [{"port": 7}], "sessionAffinity": "ClientIP"}
    smoke = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "smoke"}, "spec": spec}
    assert parsed(("2", smoke)).warnings == ()


def test_other_kinds_are_named_once_with_their_names():
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "shop"}}
    scaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "db"}}
    target = {"spec": {"scaleTargetRef": {"kind": "StatefulSet", "name": "shop"}}}
    found = parsed(("2", budget), ("3", {**scaler, **target}))
    assert found.others == (("PodDisruptionBudget", "shop"), ("HorizontalPodAutoscaler", "db"))
    assert len(found.warnings) == 1
