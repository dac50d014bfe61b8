"""A step changes the lines of its entries in the stack file, and nothing else."""

import difflib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stack.files import Config, ConfigError, Entry, read_config
from tools.release.stack_file import edited

from ...conftest import ROOT

TEXT = """\
# Who may change this: the team.
config:
  kubernetes:context: canary-prod # the cluster
  canary:patches:
    # The cluster chooses the node port.
    - kind: Service
      spec: {ports: [{port: 8080, nodePort: null}]}

  # Versions are quoted.
  canary:stableVersion: "v0.1" # since May
  canary:stableReplicas: 8
  canary:prometheusToken:
    secure: v1:abc # encrypted
  canary:canaryPatch:
    spec:
      minReadySeconds: 5
    # the end of the patch
encryptionsalt: v1:Y2slf0JqTUA=
"""
PROD = Config("canary", "prod", {}, {})


def entry(value: Any) -> Entry:
    return Entry("plan.yaml", value, value)


def changed(text: str = TEXT, **entries: Any) -> list[str]:
    """The lines that differ, each with its sign."""
    given_ = {f"canary:{key}": None if value is None else entry(value) for key, value in entries.items()}
    after = edited(text, given_, PROD)
    lines = difflib.unified_diff(text.splitlines(), after.splitlines(), n=0, lineterm="")
    return [f"{line[0]} {line[1:]}" for line in lines if line[0] in "+-"][2:]


@pytest.mark.parametrize(
    ("entries", "lines"),
    [
        (
            {"stableVersion": "v0.2"},
            ['-   canary:stableVersion: "v0.1" # since May', '+   canary:stableVersion: "v0.2" # since May'],
        ),
        ({"stableReplicas": 9}, ["-   canary:stableReplicas: 8", "+   canary:stableReplicas: 9"]),
        ({"canaryVersion": "1.10"}, ['+   canary:canaryVersion: "1.10"']),
        ({"canaryReplicas": 1}, ['+   canary:canaryReplicas: "1"']),
        ({"protect": True}, ['+   canary:protect: "true"']),
        ({"gates": {"up": {"query": "up"}}}, ["+   canary:gates: {up: {query: up}}"]),
        ({"stableVersion": None}, ['-   canary:stableVersion: "v0.1" # since May']),
        ({"canaryVersion": None}, []),
        (
            {"canaryPatch": None},
            ["-   canary:canaryPatch:", "-     spec:", "-       minReadySeconds: 5"],
        ),
        (
            {"canaryPatch": {"spec": {}}},
            [
                "-   canary:canaryPatch:",
                "-     spec:",
                "-       minReadySeconds: 5",
                "+   canary:canaryPatch: {spec: {}}",
            ],
        ),
    ],
)
def test_only_the_lines_of_a_key_change(entries: dict[str, Any], lines: list[str]):
    assert changed(**entries) == lines


def test_a_key_without_its_namespace_keeps_its_line():
    text = "config:\n  soak: 1h\n"
    assert edited(text, {"canary:soak": entry("2h")}, PROD) == 'config:\n  soak: "2h"\n'


@pytest.mark.parametrize("text", ["", "config:\n", "encryptionsalt: v1:a=\n", "config:\nencryptionsalt: v1:a=\n"])
def test_a_file_without_config_gets_it(text: str):
    after = edited(text, {"canary:stableVersion": entry("v1")}, PROD)
    assert yaml.safe_load(after)["config"] == {"canary:stableVersion": "v1"}
    assert "encryptionsalt" not in text or yaml.safe_load(after)["encryptionsalt"] == "v1:a="


def test_a_file_keeps_its_line_ends_and_needs_none_at_the_end():
    text = "config:\r\n  canary:stableVersion: v1\r\n  canary:protect: true"
    after = edited(text, {"canary:stableVersion": entry("v2"), "canary:soak": entry("1h")}, PROD)
    assert after == 'config:\r\n  canary:stableVersion: "v2"\r\n  canary:protect: true\n  canary:soak: "1h"\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("config: {canary:stableVersion: v1}\n", "without braces"),
        ("config:\n  canary:namespace: &a b\n  canary:stableVersion: *a\n", "is an alias"),
        (
            "config:\n  canary:stableVersion: &a v1\n  canary:canaryVersion: *a\n",
            "other lines need what this one says, so write it out: canary:stableVersion: &a v1",
        ),
    ],
)
def test_a_file_whose_lines_belong_to_no_key_alone_is_refused(text: str, reason: str):
    with pytest.raises(ConfigError, match=reason):
        edited(text, {"canary:stableVersion": entry("v2")}, PROD)


VALUES: st.SearchStrategy[Any] = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029\ufeff", exclude_categories=["Cc", "Cs"])),
    st.integers(-5, 2000),
    st.booleans(),
    st.dictionaries(
        st.sampled_from(["a", "b c", "1"]), st.lists(st.integers(-9, 99999) | st.sampled_from(["v1", "1.10", "on"]))
    ),
)
ENTRIES = st.dictionaries(
    st.sampled_from(
        ["canary:stableVersion", "canary:patches", "canary:new", "canary:canaryPatch", "kubernetes:context"]
    ),
    st.none() | VALUES,
    max_size=4,
)


@given(
    st.lists(ENTRIES, max_size=4), st.sampled_from([TEXT, *(path.read_text() for path in ROOT.glob("Pulumi.*.yaml"))])
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_engine_reads_what_the_steps_say_and_every_comment_stays(
    tmp_path: Path, steps: list[dict[str, Any]], text: str
):
    (tmp_path / "Pulumi.yaml").write_text("name: canary\n")
    file = tmp_path / "Pulumi.prod.yaml"
    for step in steps:
        file.write_text(text)
        entries = {key: None if value is None else entry(value) for key, value in step.items()}
        wanted = read_config("prod", tmp_path).changed(entries)
        before, text = text, edited(text, entries, PROD)
        file.write_text(text)
        found = read_config("prod", tmp_path)
        assert {key: each.text for key, each in found.own.items()} == {key: e.text for key, e in wanted.own.items()}
        comments = {line for line in before.splitlines() if line.strip().startswith("#")}
        # A comment inside of a value goes with it.
        assert {line for line in comments if not line.startswith("    ")} <= set(text.splitlines())
