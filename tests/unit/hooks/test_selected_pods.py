"""Pods of others behind the Services of a release are told: users are sent to them."""

from typing import Any

import pytest

from canary_release.hooks.selected_pods import foreign_pods

from ..model.shop import CANARY, release

SHOP = release(**CANARY)


def owned(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"kind": kind, "name": name, "uid": f"{kind}/{name}", "controller": True}]


def replica_set(name: str, deployment: str | None) -> dict[str, Any]:
    owners = owned("Deployment", deployment) if deployment else []
    return {"kind": "ReplicaSet", "metadata": {"name": name, "uid": f"ReplicaSet/{name}", "ownerReferences": owners}}


def pod(name: str, owners: list[dict[str, Any]], phase: str = "Running", **metadata: Any) -> dict[str, Any]:
    named = {"name": name, "uid": name, "labels": {"app": "shop", "track": "stable"}, "ownerReferences": owners}
    return {"kind": "Pod", "metadata": {**named, **metadata}, "status": {"phase": phase}}


SETS = [replica_set("shop-1", "shop"), replica_set("shop-canary-1", "shop-canary"), replica_set("mysql-1", "mysql")]
OWN = [pod("a", owned("ReplicaSet", "shop-1")), pod("b", owned("ReplicaSet", "shop-canary-1"))]


def test_the_releases_own_pods_are_no_others():
    assert list(foreign_pods(SHOP, [*SETS, *OWN])) == []


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ([pod("c", owned("ReplicaSet", "mysql-1")), pod("d", owned("ReplicaSet", "mysql-1"))], "2 of Deployment mysql"),
        ([pod("c", owned("StatefulSet", "db"))], "1 of StatefulSet db"),
        ([pod("shop-1-abcde", [])], "1 of Pod shop-1-abcde"),
        ([replica_set("old", None), pod("c", owned("ReplicaSet", "old"))], "1 of ReplicaSet old"),
        (
            [pod(f"{n}", owned("Job", f"job-{n}")) for n in range(7)],
            "1 of Job job-0, 1 of Job job-1, 1 of Job job-2, 1 of Job job-3, 1 of Job job-4, 2 more",
        ),
    ],
    ids=["another Deployment", "a StatefulSet", "a pod with the name of one of its own", "an orphan", "many"],
)
def test_others_are_named_by_what_they_belong_to(others: list[dict[str, Any]], told: str):
    assert list(foreign_pods(SHOP, [*SETS, *OWN, *others])) == [
        f"Service shop in default also selects pods that are not this release's, and sends users there: {told}"
    ]


@pytest.mark.parametrize(
    "other",
    [
        pod("c", [], phase="Succeeded"),
        pod("c", [], deletionTimestamp="2026-11-26T10:00:00Z"),
        pod("c", [], labels={"app": "other"}),
        pod("c", [], labels=None),
    ],
    ids=["one that has ended", "one that leaves", "one that is not selected", "one without labels"],
)
def test_pods_that_get_no_users_are_not_told(other: dict[str, Any]):
    assert list(foreign_pods(SHOP, [*SETS, *OWN, other])) == []
