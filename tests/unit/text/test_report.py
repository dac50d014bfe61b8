"""Problems are told in the reader's spelling, with places and fixes that work."""

from typing import Any

import pytest

from canary_release.model.problem import MISSING, REMOVE, SECRET, Place, Problem
from canary_release.model.tree import Path
from canary_release.text.report import report
from canary_release.text.spelling import ARGUMENTS, PROPERTIES, Spelling, config_keys

DEV = config_keys("dev")


def lines(problem: Problem, spelling: Spelling = DEV) -> list[str]:
    return [line.strip() for line in report("", [problem], spelling).splitlines()[2:]]


@pytest.mark.parametrize(
    ("spelling", "told"),
    [
        (DEV, ['stableVersion: "latest"', "not stableVersion", "fix: pulumi config set --stack dev stableVersion v1"]),
        (ARGUMENTS, ['stable_version: "latest"', "not stable_version", 'fix: stable_version = "v1"']),
        (PROPERTIES, ['stableVersion: "latest"', "not stableVersion", 'fix: stableVersion: "v1"']),
    ],
)
def test_an_argument_is_spelled_as_its_reader_knows_it(spelling: Spelling, told: list[str]):
    path = ("stable_version",)
    assert lines(Problem(path, "latest", "not {stable_version}", [(path, "v1")]), spelling) == told


@pytest.mark.parametrize(
    ("path", "value", "command"),
    [
        (("fixed_total",), 3, "pulumi config set --stack dev fixedTotal 3"),
        (("fixed_total",), REMOVE, "pulumi config rm fixedTotal --stack dev"),
        (("patches", 0, "spec", "replicas"), 3, "pulumi config set --path --stack dev 'patches[0].spec.replicas' 3"),
        (
            ("canary_patch", "metadata", "labels", "a.b/c"),
            "true",
            "pulumi config set --path --type string --stack dev 'canaryPatch.metadata.labels[\"a.b/c\"]' true",
        ),
        (("patches", 0, "spec"), {"a": 1}, 'edit Pulumi.dev.yaml: patches[0].spec: {"a": 1}'),
        (("stable_version",), "-v1", "pulumi config set --stack dev -- stableVersion -v1"),
    ],
)
def test_config_is_set_by_commands_and_edited_where_no_command_can(path: Path, value: Any, command: str):
    assert lines(Problem(path, 1, "x", [(path, value)]))[-1] == f"fix: {command}"


def test_of_a_long_sentence_the_middle_is_cut_out_since_the_help_stands_at_its_end():
    sentence = f"must be one of these: {'v' * 2000}; did you mean v1?"
    (told,) = lines(Problem(("stable_version",), 1, sentence))[1:]
    assert len(told) == 1000
    assert (told[:22], told[-18:]) == ("must be one of these: ", "; did you mean v1?")
    assert "v[…]v" in told


def test_what_stands_in_the_manifest_is_told_by_file_and_line_and_mended_there():
    path: Path = ("manifest", 1, "spec", "ports", 0, "port")
    fix = [(path, REMOVE), (path, 80), (("manifest", 0, "spec", "replicas"), 2), (("stable_replicas",), 2)]
    assert lines(Problem(path, "80", "must be a number", fix, Place("app.yaml", 12))) == [
        'app.yaml:12: spec.ports[0].port: "80"',
        "must be a number",
        "fix: pulumi config set --stack dev stableReplicas 2",
        "fix: in app.yaml: spec.ports[0].port: 80",
        "fix: in app.yaml: [0].spec.replicas: 2",
    ]


def test_a_whole_object_and_a_whole_file_have_a_place_too():
    place = Place("app.yaml", 3)
    assert lines(Problem(("manifest", 1), {}, "must go", [(("manifest", 1), REMOVE)], place)) == [
        "app.yaml:3: {}",
        "must go",
        "fix: in app.yaml: remove this object",
    ]
    assert lines(Problem(("manifest",), MISSING, "must hold a Deployment", (), place))[0] == "app.yaml:3: missing"


def test_a_list_of_objects_has_positions():
    path: Path = ("manifest", 0, "metadata", "name")
    assert lines(Problem(path, SECRET, "x", [(path, "shop")]), ARGUMENTS) == [
        "manifest[0].metadata.name: [secret]",
        "x",
        'fix: manifest[0].metadata.name = "shop"',
    ]
