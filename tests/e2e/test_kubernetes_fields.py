"""What the model knows of Deployments and Services is what the API server knows."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from canary_release.model import fields
from canary_release.model.tree import with_value
from tools.kubernetes_fields import fields as fields_of
from tools.kubernetes_fields import text

SHOP: dict[str, dict[str, Any]] = {
    "Deployment": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "fields"},
        "spec": {
            "selector": {"matchLabels": {"app": "fields"}},
            "template": {
                "metadata": {"labels": {"app": "fields"}},
                "spec": {"containers": [{"name": "web", "image": "example.com/web"}]},
            },
        },
    },
    "Service": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "fields"},
        "spec": {"selector": {"app": "fields"}, "ports": [{"port": 80}]},
    },
}
POD = ("spec", "template", "spec")
WEB = (*POD, "containers", 0)
MEMORY = (*WEB, "resources", "limits", "memory")
PORT = (*WEB, "readinessProbe")
SURGE = ("spec", "strategy")
QUANTITIES = (
    "1",
    1,
    0.5,
    "1e3",
    "+1",
    "1.",
    ".5",
    " 1Gi ",
    "1E",
    "1k",
    "512MB",
    "1K",
    "1 Gi",
    "",
    "1ki",
    "1KiB",
    True,
    "1ee",
)
PORTS = (80, "http", "a-1", "80", "HTTP", "a--b", "-a", "a" * 15, "a" * 16, True, 80.5)


def test_the_committed_fields_are_those_of_the_api_server(cluster: Callable[..., str]):
    document = json.loads(cluster("get", "--raw", "/openapi/v2"))
    committed = Path(fields.__file__).with_name("kubernetes.json").read_text(encoding="utf-8")
    assert text(fields_of(document)) == committed


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        *(("Deployment", MEMORY, value) for value in QUANTITIES),
        *(("Deployment", PORT, {"tcpSocket": {"port": value}}) for value in PORTS),
        *(("Service", ("spec", "ports", 0, "targetPort"), value) for value in (*PORTS, 0, "")),
        *(("Deployment", SURGE, {"rollingUpdate": {"maxSurge": value}}) for value in (1, "25%", "1", "25", "-1%", "a")),
        *(("Deployment", (*WEB, "tty"), value) for value in (True, "true", 1)),
        *(("Deployment", (*WEB, "args"), value) for value in (["a"], "a", [1], [["a"]], {})),
        *(
            ("Deployment", (*WEB, "env"), [{"name": "A", **more}])
            for more in ({}, {"value": 1}, {"value": "1"}, {"valu": "1"})
        ),
        ("Deployment", (*WEB, "env"), {"A": "1"}),
        ("Deployment", (*WEB, "env"), [{"value": "1"}]),
        ("Deployment", (*POD, "terminationGracePeriodSeconds"), 2**40),
        ("Deployment", (*WEB, "ports"), [{"containerPort": 2**31}]),
        ("Deployment", (*WEB, "ports"), [{"containerPort": 80.0}]),
        ("Deployment", (*WEB, "image"), {"$patch": "delete"}),
        ("Deployment", (*WEB, "command"), None),
        ("Deployment", ("spec", "selector"), None),
        ("Deployment", POD, {}),
        ("Deployment", (*POD, "volumes"), [{"name": "a", "emptyDir": {"sizeLimit": "1GB"}}]),
        ("Deployment", ("metadata", "labels"), {"a": 1}),
        ("Deployment", ("spec", "replica"), 1),
    ],
)
def test_the_model_refuses_what_the_api_server_refuses(
    cluster: Callable[..., str], tmp_path: Path, kind: str, path: tuple[str | int, ...], value: Any
):
    object_ = with_value(SHOP[kind], path, value)
    file = tmp_path / "object.json"
    file.write_text(json.dumps(object_))
    refused = None
    try:
        cluster("apply", "--server-side", "--dry-run=server", "--filename", str(file))
    except AssertionError as error:
        refused = str(error)
    problems = list(fields.field_problems(object_, kind, partial=False))
    assert bool(problems) == bool(refused), refused
