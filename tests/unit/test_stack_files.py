"""YAML as the engine reads it: what a value is there, it is here."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack_files import EngineDumper, EngineLoader, config_in


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.10", 1.1),
        ("8412e15", 8412e15),
        ("0o17", 15),
        ("7e1a2b3", "7e1a2b3"),
        ("0o17z", "0o17z"),
        ("2026-11-23 00:00:00 +0000 UTC", "2026-11-23 00:00:00 +0000 UTC"),
        ("v1.10", "v1.10"),
        ("'1.10'", "1.10"),
        ("2024-01-02", date(2024, 1, 2)),
        ("2024-1-2", date(2024, 1, 2)),
        ("2024-13-01", "2024-13-01"),
        ("yes", "yes"),
        ("True", True),
        ("12:30", "12:30"),
        ("1:30.5", "1:30.5"),
        ("2.5", 2.5),
        ("12", 12),
    ],
)
def test_a_value_is_what_the_engine_takes_it_for(tmp_path: Path, text: str, value: Any):
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(f"config:\n  canary:stableVersion: {text}\n")
    assert config_in(path) == {"canary:stableVersion": value}


@pytest.mark.parametrize("text", ["8412e15", "0o17", "1.10", "2024-1-2", "true"])
def test_text_is_written_so_that_the_engine_reads_text(text: str):
    assert yaml.load(yaml.dump([text], Dumper=EngineDumper), Loader=EngineLoader) == [text]


@pytest.mark.parametrize("text", ["", "config:\n", "config: none\n", "- config\n"])
def test_a_file_without_config_has_none(tmp_path: Path, text: str):
    path = tmp_path / "Pulumi.dev.yaml"
    path.write_text(text)
    assert config_in(path) == {}
