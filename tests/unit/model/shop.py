"""A small application as the tests give it: one Deployment and one Service."""

import copy
from pathlib import Path
from typing import Any

from canary_release.model.parsing import Parsed, parse
from canary_release.model.problem import REMOVE, Problem, Unshown
from canary_release.model.release import Release
from canary_release.model.tree import ABSENT, with_value

WORKLOADS = sorted((Path(__file__).parents[2] / "workloads").glob("*.yaml"))
CANARY = {"stable_version": "v1", "canary_version": "v2", "canary_replicas": 1}

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "shop"}},
        "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {
                "containers": [
                    {
                        "name": "web",
                        "image": "example.com/shop:1.0",
                        "ports": [{"name": "http", "containerPort": 8080}],
                    }
                ]
            },
        },
    },
}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "shop"},
    "spec": {"selector": {"app": "shop"}, "ports": [{"port": 80, "targetPort": "http"}]},
}
CONTAINER = ("spec", "template", "spec", "containers", 0)


def shop(*changes: tuple[str, Any]) -> list[Any]:
    """The manifest with values at paths such as `1/spec/selector/app`; None takes away."""
    manifest: Any = [copy.deepcopy(DEPLOYMENT), copy.deepcopy(SERVICE)]
    for path, value in changes:
        parts = [int(part) if part.isdecimal() else part.replace("|", "/") for part in path.split("/")]
        manifest = with_value(manifest, parts, ABSENT if value is None else value)
    return manifest


def parsed(*changes: tuple[str, Any], **args: Any) -> Parsed:
    """What valid arguments say of the changed manifest."""
    found = parse({"manifest": shop(*changes), "stable_version": "v1", **args})
    assert isinstance(found, Parsed), told(found)
    return found


def release(*changes: tuple[str, Any], **args: Any) -> Release:
    """The release of the changed manifest."""
    return parsed(*changes, **args).release


def told(problems: list[Problem]) -> list[dict[str, Any]]:
    """The problems as data, as the cases of a file have them."""
    return [
        {
            written(each.path): each.value.text if isinstance(each.value, Unshown) else each.value,
            "accepted": each.accepted,
            **(
                {"fix": {written(path): "REMOVE" if value is REMOVE else value for path, value in each.fix}}
                if each.fix
                else {}
            ),
        }
        for each in problems
    ]


def written(path: tuple[str | int, ...]) -> str:
    """`manifest/0/spec/replicas`."""
    return "/".join(str(part) for part in path)
