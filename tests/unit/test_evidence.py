"""The evidence of an update: a document of one stable form, in a file of its own."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from pydantic import TypeAdapter

from components.evidence import Evidence, evidence, write
from components.exposure import Track
from components.gates.comparison import Counts, State
from components.gates.sampling import Sample, Verdict
from components.problems import config_keys
from components.release import Release
from components.update_hook import UpdateHook

from .conftest import ROOT

SCHEMA = ROOT / "docs" / "evidence.schema.json"
FORM = TypeAdapter(Evidence)
OLD = Release.of(
    {
        "app": "shop",
        "image": "example/shop",
        "stable_version": "v1",
        "canary_version": "v2",
        "canary_replicas": 1,
        "container": {"env": [{"name": "PASSWORD", "value": "hunter2"}]},
    }
)
NEW = replace(OLD, stable=Track("v2", 2), canary=None)
BEGAN = 1_795_558_530.25
SAMPLES = [
    Sample("rate", 1, "2026-11-24T22:15:31Z", State.SUCCESS, value=0.001),
    Sample("errors", 1, "2026-11-24T22:15:31Z", State.SUCCESS, "not worse", None, Counts(1, 500), Counts(2, 1000)),
    Sample("idle", 1, "2026-11-24T22:15:31Z", State.INCONCLUSIVE, "Prometheus did not answer"),
]
VERDICT = Verdict({"rate": State.SUCCESS, "errors": State.SUCCESS, "idle": State.INCONCLUSIVE}, SAMPLES)
NAMES = ("canary", "prod", "release")
TIMES = (BEGAN, BEGAN + 2, BEGAN + 12.5)


def promotion(**environment: str) -> Evidence:
    return evidence(NAMES, OLD, True, NEW, VERDICT, TIMES, environment)


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_the_published_schema_is_the_documents(tmp_path: Path):
    text = json.dumps(FORM.json_schema(), indent=2, ensure_ascii=False) + "\n"
    (tmp_path / SCHEMA.name).write_text(text)
    assert text == SCHEMA.read_text(), f"if the change is meant: cp {tmp_path / SCHEMA.name} {SCHEMA}"


def test_a_document_says_what_was_changed_and_on_which_grounds(tmp_path: Path):
    document = read(write(tmp_path, promotion(GITHUB_ACTOR="kim", CI_COMMIT_SHA="c0ffee"), TIMES[-1]))
    gates = document.pop("gates")
    assert document == {
        "schema": 1,
        "project": "canary",
        "stack": "prod",
        "release": "release",
        "app": "shop",
        "namespace": "default",
        "kind": "promote",
        "repairs": False,
        "checksSkipped": False,
        "before": {
            "stable": {"version": "v1", "replicas": 2},
            "canary": {"version": "v2", "replicas": 1},
            "canaryShare": 33.3,
        },
        "after": {"stable": {"version": "v2", "replicas": 2}, "canary": None, "canaryShare": 0.0},
        "startedAt": "2026-11-24T22:15:30Z",
        "finishedAt": "2026-11-24T22:15:42Z",
        "seconds": 12.5,
        "gateSeconds": 2.0,
        "actor": "kim",
        "commit": "c0ffee",
    }
    assert gates["state"] == "inconclusive"
    assert gates["checks"] == {"rate": "success", "errors": "success", "idle": "inconclusive"}
    assert [each["value"] for each in gates["samples"]] == [0.001, None, None]
    assert gates["samples"][1]["canary"] == {"bad": 1, "total": 500}


@pytest.mark.parametrize(
    "document",
    [promotion(), evidence(NAMES, None, True, OLD, None, TIMES, {}), evidence(NAMES, NEW, False, OLD, None, TIMES, {})],
    ids=["promotion", "first-deploy", "repair"],
)
def test_every_document_has_the_published_form_and_nothing_of_the_containers(document: Evidence, tmp_path: Path):
    path = write(tmp_path, document, TIMES[-1])
    FORM.validate_json(path.read_text(), strict=True, extra="forbid")
    assert "hunter2" not in path.read_text()


def test_a_document_of_another_form_is_not_valid():
    document: Any = {**promotion(), "seconds": "12"}
    with pytest.raises(ValueError, match="seconds"):
        FORM.validate_json(json.dumps(document, default=vars), strict=True, extra="forbid")


def test_names_sort_by_time_and_no_document_is_overwritten(tmp_path: Path):
    ended = [BEGAN, BEGAN + 0.001, BEGAN + 1, BEGAN + 100_000]
    paths = [write(tmp_path, promotion(), each) for each in ended]
    assert [path.name for path in paths] == sorted(path.name for path in tmp_path.glob("*.json"))
    assert paths[0].name == "20261124T221530.250000Z-prod-release.json"
    with pytest.raises(FileExistsError):
        write(tmp_path, promotion(), BEGAN)


def test_a_name_that_is_no_file_name_is_made_one(tmp_path: Path):
    document: Any = {**promotion(), "release": "../shop"}
    assert write(tmp_path, document, BEGAN).name == "20261124T221530.250000Z-prod-..-shop.json"


def test_a_folder_that_cannot_be_written_to_is_refused_by_its_key(run: Callable, tmp_path: Path):
    (tmp_path / "file").touch()
    first: Any = SimpleNamespace(old_inputs=None)
    with pytest.raises(pulumi.RunError) as refusal:
        run(lambda: UpdateHook("release", OLD, config_keys("dev"), folder=tmp_path / "file")._run(first))
    assert str(refusal.value) == (
        "evidence cannot be written, and nothing was changed\n\n"
        f'  evidenceFolder: "{tmp_path / "file"}"\n'
        "    must be a folder that this user may make and write to: File exists\n"
        "    fix: pulumi config set --stack dev evidenceFolder '<folder>'"
    )
