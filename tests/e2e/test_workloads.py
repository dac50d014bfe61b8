"""Manifests of all kinds come through the API server: it takes what is declared, and stores what was given."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from canary_release.model.objects import FIELD_MANAGER, manifests
from canary_release.model.parsing import Parsed, parse
from canary_release.model.tree import ABSENT, Change, changes

WORKLOADS = sorted((Path(__file__).parents[1] / "workloads").glob("*.yaml"))
CANARY = {"stable_version": "v1", "canary_version": "v2", "canary_replicas": 1}
WITH_MORE = {"sidecar": {"container_name": "billing"}}


@pytest.mark.parametrize("file", [file for file in WORKLOADS if file.stem != "autoscaled"], ids=lambda file: file.stem)
def test_the_api_server_stores_what_is_declared(cluster: Callable[..., str], tmp_path: Path, file: Path):
    found = parse({"manifest": str(file), "namespace": "default", **CANARY, **WITH_MORE.get(file.stem, {})})
    assert isinstance(found, Parsed), found
    for object_ in manifests(found.release).values():
        stored = dry_run(cluster, tmp_path / "object.json", object_)
        assert [each for each in changes(object_, stored) if not is_usual(each)] == []


def dry_run(cluster: Callable[..., str], file: Path, object_: dict[str, Any]) -> Any:
    """The object as the API server would store it, applied as the provider applies it."""
    file.write_text(json.dumps(object_))
    options = ["--server-side", "--field-manager", FIELD_MANAGER, "--dry-run=server", "--output", "json"]
    return json.loads(cluster("apply", *options, "--filename", str(file)))


def is_usual(change: Change) -> bool:
    """The API server adds its defaults, drops what is empty, and spells quantities its own way."""
    empty = change.old in ([], {}) and change.new is ABSENT
    return change.old is ABSENT or empty or (len(change.path) > 1 and change.path[-2] in ("limits", "requests"))
