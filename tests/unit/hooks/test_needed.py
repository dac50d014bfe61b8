"""Which ConfigMaps and Secrets pods need, and which of them are not there."""

from typing import Any

import pytest

from canary_release.hooks.cluster import Cluster
from canary_release.hooks.needed import missing, needs

from ..model.shop import release

POD = "0/spec/template/spec"
WEB = f"{POD}/containers/0"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (f"{POD}/volumes", [{"name": "a", "configMap": {"name": "c"}}], ["configmap/c"]),
        (f"{POD}/volumes", [{"name": "a", "configMap": {"name": "c", "optional": True}}], []),
        (f"{POD}/volumes", [{"name": "a", "secret": {"secretName": "s"}}], ["secret/s"]),
        (
            f"{POD}/volumes",
            [{"name": "a", "projected": {"sources": [{"secret": {"name": "s"}}, {"configMap": {"name": "c"}}]}}],
            ["secret/s", "configmap/c"],
        ),
        (f"{POD}/imagePullSecrets", [{"name": "s"}], ["secret/s"]),
        (
            f"{WEB}/envFrom",
            [{"secretRef": {"name": "s"}}, {"configMapRef": {"name": "c"}}],
            ["secret/s", "configmap/c"],
        ),
        (
            f"{WEB}/env",
            [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}, {"name": "secret", "value": "x"}],
            ["secret/s"],
        ),
        (
            f"{POD}/initContainers",
            [{"name": "i", "image": "i", "envFrom": [{"configMapRef": {"name": "c"}}]}],
            ["configmap/c"],
        ),
        (f"{POD}/nodeSelector", {"secret": "x"}, []),
    ],
)
def test_what_pods_need_is_found_wherever_a_pod_may_name_it(path: str, value: Any, expected: list[str]):
    assert list(needs(release((path, value)))) == ["namespace/default", *expected]


def test_what_is_needed_and_not_there_is_told_once_and_only_its_name_is_printed(monkeypatch: pytest.MonkeyPatch):
    asked: list[tuple[str, ...]] = []

    def ask(_: Cluster, *arguments: str) -> str:
        asked.append(arguments)
        return "configmap/there\n"

    monkeypatch.setattr(Cluster, "ask", ask)
    named = [{"configMapRef": {"name": "there"}}, {"secretRef": {"name": "token"}}]
    needy = release((f"{WEB}/envFrom", named), canary_version="v2", canary_replicas=1)
    assert missing(needy, "configmap", Cluster(None, None)) == []
    assert missing(needy, "secret", Cluster(None, None)) == ["secret/token"]
    assert missing(release(), "secret", Cluster(None, None)) == []
    options = ("--namespace", "default", "--ignore-not-found", "--output=name")
    assert asked == [("get", "configmap/there", *options), ("get", "secret/token", *options)]
