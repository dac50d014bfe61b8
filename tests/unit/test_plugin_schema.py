"""The component as other languages see it: a reviewed file, compared with what the plugin says of itself."""

import json
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental.component import ComponentProvider

from components import CanaryRelease

from .conftest import ROOT

REVIEWED = ROOT / "components" / "schema.json"


@pytest.fixture
def schema() -> dict[str, Any]:
    text = ComponentProvider([CanaryRelease], "canary-release").schema
    assert text
    return json.loads(text)


def test_the_plugins_schema_is_the_reviewed_one(schema: dict[str, Any], tmp_path: Path):
    text = json.dumps(schema, indent=2, sort_keys=True) + "\n"
    (tmp_path / REVIEWED.name).write_text(text)
    assert text == REVIEWED.read_text(), f"if the change is meant: cp {tmp_path / REVIEWED.name} {REVIEWED}"


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
    assert inputs["container"]["additionalProperties"]["$ref"] == "pulumi.json#/Any"
