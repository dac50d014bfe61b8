"""Versions without quotes in the stack file of any program."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canary_release.model.unquoted import unquoted_versions


def told(path: Path, config: str, version: str) -> list[str]:
    """What is told of a stable version in a program whose stack file has this config."""
    file = path / "Pulumi.dev.yaml"
    file.write_text(f"config:\n{config}")
    return [problem.accepted for problem in unquoted_versions(file, {"stable_version": version})]


def test_a_version_that_yaml_made_a_number_is_told_with_what_the_file_says(tmp_path: Path):
    accepted = "must be quoted in Pulumi.dev.yaml: unquoted, YAML reads it as the number 1.1"
    assert told(tmp_path, "  shop:version: 1.10\n", "1.1") == [accepted]
    assert told(tmp_path, "  shop:versions: {stable: [1.10]}\n", "1.1") == [accepted]


@pytest.mark.parametrize(
    ("config", "version"),
    [
        ("  shop:version: '1.10'\n", "1.10"),
        ("  shop:version: 1.1\n", "1.1"),
        ("  shop:version: v1\n  shop:ratio: 1.10\n", "v1"),
        ("  shop:version: '1.1'\n  shop:ratio: 1.10\n", "1.1"),
        ("  shop:a b: [\n", "1.1"),
        ("", "1.1"),
    ],
    ids=["quoted", "the same text", "another version", "quoted elsewhere", "no YAML", "no config"],
)
def test_nothing_is_told_where_the_file_may_say_what_the_program_has(tmp_path: Path, config: str, version: str):
    assert told(tmp_path, config, version) == []


def test_without_a_file_nothing_is_told(tmp_path: Path):
    assert list(unquoted_versions(tmp_path / "Pulumi.dev.yaml", {"stable_version": "1.1"})) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=80), st.text(max_size=5))
def test_any_file_is_read(tmp_path: Path, content: bytes, version: str):
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_bytes(content)
    assert len(list(unquoted_versions(file, {"stable_version": version}))) < 2
