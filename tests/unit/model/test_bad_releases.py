"""Everything that is wrong with a release is told at once, in the words that stand beside each case."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from canary_release.model.parsing import parse
from canary_release.model.problem import REMOVE, Place, Problem, Unshown

from .shop import shop, told

CASES: list[dict[str, Any]] = [
    case for file in sorted((Path(__file__).parent / "bad").glob("*.yaml")) for case in yaml.safe_load(file.read_text())
]


def problems(*changes: tuple[str, Any], **args: Any) -> list[Problem]:
    """What is wrong with the changed manifest and the arguments."""
    found = parse({"manifest": shop(*changes), "stable_version": "v1", **args})
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["given"])
def test_what_is_wrong_is_told(case: dict[str, Any]):
    found = problems(*case.get("set", {}).items(), **case.get("args", {}))
    assert told(found) == case["told"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["given"])
def test_the_sentence_of_every_problem_names_only_arguments_in_braces(case: dict[str, Any]):
    class Names(dict[str, str]):
        def __missing__(self, name: str) -> str:
            assert name.replace("_", "").isalpha()
            return name

    for problem in problems(*case.get("set", {}).items(), **case.get("args", {})):
        problem.accepted.format_map(Names())


def test_braces_of_a_manifest_name_no_arguments():
    [problem] = problems(("0/spec/template/metadata/labels/app", "{shop}"), ("1/spec/selector", {"app": "{shop}"}))
    assert problem.accepted == "must be a label of the pod template, which has {{shop}}"


def test_an_output_of_a_resource_is_refused_wherever_it_stands():
    class Output:
        def apply(self) -> None:
            """As Pulumi's Output has it."""

    found = problems(("0/spec/template/spec/containers/0/env", [{"name": "A", "value": Output()}]), namespace=Output())
    assert [problem.path for problem in found] == [
        ("manifest", 0, "spec", "template", "spec", "containers", 0, "env", 0, "value"),
        ("namespace",),
    ]
    assert {problem.accepted for problem in found} == {
        "must be a plain value, not an output: it is checked before anything is made"
    }


@pytest.mark.parametrize("canary", [{"canary_version": 1.1}, {"canaryVersion": "v2"}])
def test_a_canary_version_that_is_wrong_is_not_missing_as_well(canary: dict[str, Any]):
    [problem] = problems(canary_replicas=1, **canary)
    assert problem.path[0] in canary


@pytest.mark.parametrize(
    ("stable", "canary", "total", "instead"),
    [
        (3, 2, 4, "; or set {canary_replicas} to 1 or {fixed_total} to 5"),
        (3, 2, 8, "; or set {fixed_total} to 5"),
        (3, 0, 4, "; or set {fixed_total} to 3"),
    ],
    ids=["either track", "no such share", "no canary"],
)
def test_each_number_of_a_wrong_total_that_alone_mends_it_is_told(stable: int, canary: int, total: int, instead: str):
    counts = {"stable_replicas": stable, "canary_replicas": canary, "fixed_total": total}
    [problem] = problems(canary_version="v2", **counts)
    assert problem.accepted.endswith(instead)


@pytest.mark.parametrize("version", ["2024-01-02 00:00:00 +0000 UTC", "a/Shop@sha256:" + "ab" * 32, "a/b/v1"])
def test_no_part_of_what_is_no_image_is_proposed_as_a_version(version: str):
    [problem] = problems(stable_version=version)
    assert problem.fix == [(("stable_version",), "<tag>")]


def test_a_misspelt_argument_may_be_meant_as_a_key_of_the_program():
    found = parse({"manifest": shop(), "stable_version": "v1", "protct": True}, ["protect"])
    assert isinstance(found, list)
    assert found[0].accepted == "is not a key of a release; did you mean {protect}?"


def test_a_problem_of_a_file_has_its_line(tmp_path: Path):
    file = tmp_path / "app.yaml"
    text = (Path(__file__).parents[2] / "workloads" / "named-ports.yaml").read_text()
    file.write_text(text.replace("targetPort: http}", "targetPort: htp}"))
    [problem] = problems(manifest=str(file))
    assert problem.place == Place(str(file), 21)
    assert problem.path == ("manifest", 1, "spec", "ports", 0, "targetPort")


def test_what_must_be_text_is_told_as_the_file_has_it(tmp_path: Path):
    file = tmp_path / "app.yaml"
    text = (Path(__file__).parents[2] / "workloads" / "worker.yaml").read_text()
    file.write_text(
        text.replace("env: [", "env: [{name: A, value: 1.10}, {name: B, value: 0755}, {name: C, value: yes}, ")
    )
    found = problems(manifest=str(file))
    assert [(each.value, [value for _, value in each.fix]) for each in found] == [
        (Unshown(written), [written]) for written in ("1.10", "0755", "yes")
    ]


def test_labels_without_quotes_are_compared_as_the_file_has_them(tmp_path: Path):
    file = tmp_path / "app.yaml"
    text = (Path(__file__).parents[2] / "workloads" / "worker.yaml").read_text()
    unquoted = text.replace("matchLabels: {", "matchLabels: {v: 1.10, ", 1).replace("labels: {", 'labels: {v: "1.10", ')
    file.write_text(unquoted)
    assert [each.accepted for each in problems(manifest=str(file))] == ["must be text (quote it)"]


def test_a_file_that_is_no_manifest_is_told_beside_what_else_is_wrong(tmp_path: Path):
    (tmp_path / "app.yaml").write_text("a: [")
    found = problems(manifest=str(tmp_path / "app.yaml"), stable_version="latest")
    assert {problem.path[0] for problem in found} == {"manifest", "stable_version"}


def test_a_misspelt_manifest_keeps_its_value_and_the_default_is_not_looked_at():
    """A stack's config holds the default of each key that is not set."""
    found = parse({"manifets": "shop.yaml", "manifest": "app.yaml", "stable_version": "v1"})
    assert isinstance(found, list)
    assert [each.fix for each in found] == [[(("manifets",), REMOVE), (("manifest",), "shop.yaml")]]


def test_a_patch_that_misspells_a_container_is_told_which_one_is_meant():
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "webb", "env": []}]}}}}
    [problem] = problems(canary_version="v2", canary_replicas=1, canary_patch=patch)
    assert problem.path == ("canary_patch", "spec", "template", "spec", "containers", 0, "name")
    assert problem.accepted == "is a container without an image; did you mean web?"
    assert problem.fix == [(problem.path, "web")]
