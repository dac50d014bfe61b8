"""The document of an update: of one stable form, in a file of its own."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pydantic import TypeAdapter

from canary_release.gates.comparison import Finding, Kept
from canary_release.gates.contract import State
from canary_release.gates.e_process import Counts
from canary_release.gates.sampling import Sample, Verdict
from canary_release.hooks.document import Times, UpdateDocument, document_of, prepare, recorded, write
from canary_release.text.spelling import config_keys
from canary_release.update.update import Update

from ..conftest import ROOT
from ..model.shop import release

SCHEMA = ROOT / "docs" / "evidence.schema.json"
FORM = TypeAdapter(UpdateDocument)
ENV = ("0/spec/template/spec/containers/0/env", [{"name": "PASSWORD", "value": "hunter2"}])
OLD = release(ENV, canary_version="v2", canary_replicas=1)
NEW = release(ENV, stable_version="v2")
BEGAN = 1_795_558_530.25
KEPT = Kept(canary="shop-canary-7f9c4d", stable="shop-5d8f7b", until=BEGAN, blocks=3, logs=(-1.5,) * 12, highest=0.25)
AT = "2026-11-24T22:15:31Z"
JUDGED = Finding(State.SUCCESS, "not worse", None, Counts(1, 500), Counts(2, 1000), KEPT)
SAMPLES = [
    Sample(State.SUCCESS, value=0.001, check="rate", number=1, at=AT),
    Sample(**vars(JUDGED), check="errors", number=1, at=AT),
    Sample(State.INCONCLUSIVE, "Prometheus did not answer", check="idle", number=1, at=AT),
]
VERDICT = Verdict({"rate": State.SUCCESS, "errors": State.SUCCESS, "idle": State.INCONCLUSIVE}, SAMPLES)
NAMES = ("canary", "prod", "release")
TIMES = Times(BEGAN, BEGAN + 1, BEGAN + 3, BEGAN + 12.5)


def promotion(**environment: str) -> UpdateDocument:
    return document_of(NAMES, Update(OLD, NEW, True), VERDICT, TIMES, environment)


FIRST = document_of(NAMES, Update(None, OLD, True), None, TIMES, {})
REPAIR = document_of(NAMES, Update(NEW, OLD, False), None, TIMES, {})


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
        "schema": 2,
        "project": "canary",
        "stack": "prod",
        "release": "release",
        "deployment": "shop",
        "namespace": "default",
        "kind": "promote",
        "repairs": False,
        "checksSkipped": False,
        "contents": [],
        "before": {
            "stable": {"version": "v1", "replicas": 2},
            "canary": {"version": "v2", "replicas": 1},
            "canaryShare": 33.3,
        },
        "after": {"stable": {"version": "v2", "replicas": 2}, "canary": None, "canaryShare": 0.0},
        "startedAt": "2026-11-24T22:15:31Z",
        "finishedAt": "2026-11-24T22:15:43Z",
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
    [promotion(), FIRST, REPAIR],
    ids=["promotion", "first-deploy", "repair"],
)
def test_every_document_has_the_published_form_and_nothing_of_the_containers(document: UpdateDocument, tmp_path: Path):
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


def test_a_folder_that_cannot_be_written_to_is_refused_by_its_key(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(pulumi.RunError) as refusal:
        prepare(tmp_path / "file", config_keys("dev"))
    assert str(refusal.value) == (
        "the document of this update cannot be written, and nothing of this release was changed\n\n"
        f'  evidenceFolder: "{tmp_path / "file"}"\n'
        "    must be a folder that this user may make and write to: File exists\n"
        "    fix: pulumi config set --stack dev evidenceFolder '<folder>'"
    )


def test_the_next_look_goes_on_from_the_newest_evidence_of_its_release(tmp_path: Path):
    newer = replace(KEPT, until=BEGAN + 60, blocks=5, highest=1.0)
    sample = Sample(State.SUCCESS, evidence=newer, check="errors", number=1, at="2026-11-24T22:16:31Z")
    later = document_of(NAMES, Update(OLD, NEW, True), Verdict({"errors": State.SUCCESS}, [sample]), TIMES, {})
    write(tmp_path, later, BEGAN + 100)
    write(tmp_path, promotion(), BEGAN)
    write(tmp_path, FIRST, BEGAN + 200)  # No gate was asked.
    other: Any = {**promotion(), "stack": "not-prod"}
    write(tmp_path, other, BEGAN + 300)
    (tmp_path / "99999999T000000.000000Z-prod-release.json").write_text("{cut short")
    assert recorded(tmp_path, "prod", "release") == {"errors": newer}
    assert recorded(tmp_path, "not-prod", "release") == {"errors": KEPT}
    assert recorded(tmp_path, "dev", "release") == recorded(tmp_path / "nowhere", "prod", "release") == {}


def test_the_evidence_with_the_latest_block_counts_although_the_clock_was_set_back(tmp_path: Path):
    write(tmp_path, promotion(), BEGAN)
    path = write(tmp_path, promotion(), BEGAN - 3600)
    path.write_text(path.read_text().replace(f'"until": {BEGAN}', f'"until": {BEGAN + 60}'))
    assert recorded(tmp_path, "prod", "release")["errors"].until == BEGAN + 60
