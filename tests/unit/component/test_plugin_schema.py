"""The component as other languages see it: a reviewed file, compared with what the plugin says of itself."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental import host

from ...package import COMPONENTS

REVIEWED = COMPONENTS / "canary_release" / "schema.json"


@pytest.fixture
def schema(site_packages: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the folder serves when the engine runs it as a plugin."""
    served: list[Any] = []
    monkeypatch.syspath_prepend(site_packages)
    monkeypatch.setattr(host, "is_hosting", False)
    monkeypatch.setattr(host, "main", lambda provider, _arguments: served.append(provider))
    runpy.run_path(str(COMPONENTS), run_name="__main__")
    (provider,) = served
    return json.loads(provider.schema)


def test_the_plugins_schema_is_the_reviewed_one(schema: dict[str, Any], tmp_path: Path):
    text = json.dumps(schema, indent=2, sort_keys=True) + "\n"
    (tmp_path / REVIEWED.name).write_text(text)
    assert text == REVIEWED.read_text(), f"if the change is meant: cp {tmp_path / REVIEWED.name} {REVIEWED}"


def test_the_sdks_have_the_packages_version_and_a_namespace_of_their_own(schema: dict[str, Any]):
    assert (schema["namespace"], schema["name"], schema["version"]) == ("canary", "canary-release", "0.1.0")


def test_every_argument_and_output_is_described(schema: dict[str, Any]):
    resource = schema["resources"]["canary-release:index:CanaryRelease"]
    undescribed = [
        name
        for name, entry in {**resource["inputProperties"], **resource["properties"]}.items()
        if not entry.get("description")
    ]
    assert undescribed == []


def test_whole_numbers_and_text_are_plain_types(schema: dict[str, Any]):
    inputs = schema["resources"]["canary-release:index:CanaryRelease"]["inputProperties"]
    assert inputs["stableReplicas"]["type"] == "integer"
    assert inputs["stableVersion"]["type"] == "string"
    assert inputs["canaryPatch"]["additionalProperties"]["$ref"] == "pulumi.json#/Any"
    assert inputs["patches"]["items"]["additionalProperties"]["$ref"] == "pulumi.json#/Any"
