"""The config of a stack: what the engine hands to the program, read from the files."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canary_release.model.documents import read_documents
from canary_release.model.engine_yaml import Date, engine_scalar, one_line
from stack.files import Config, ConfigError, project_name, read_config, stacks

from .generated import KEYS, texts, values

PROJECT = "name: shop\nruntime: python\n"


def config(folder: Path, stack: str = "", project: str = PROJECT) -> Config:
    """What the files with these texts say of stack dev."""
    (folder / "Pulumi.yaml").write_text(project)
    (folder / "Pulumi.dev.yaml").write_text(stack)
    return read_config("dev", folder)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.10", "1.1"),
        ("8412e15", "8412000000000000000"),
        ("0o17", "15"),
        ("0755", "493"),
        ("7e1a2b3", "7e1a2b3"),
        ("0o17z", "0o17z"),
        ("2026-11-23 00:00:00 +0000 UTC", "2026-11-23 00:00:00 +0000 UTC"),
        ("v1.10", "v1.10"),
        ("'1.10'", "1.10"),
        ("2024-01-02", "2024-01-02 00:00:00 +0000 UTC"),
        ("2024-1-2", "2024-01-02 00:00:00 +0000 UTC"),
        ("2024-01-02T10:00:00Z", "2024-01-02 10:00:00 +0000 UTC"),
        ("2024-13-01", "2024-13-01"),
        ("yes", "yes"),
        ("True", "true"),
        ("12:30", "12:30"),
        ("1:30.5", "1:30.5"),
        ("2.5", "2.5"),
        ("2.0", "2"),
        ("12", "12"),
        ("[1, a]", '[1, "a"]'),
        ("{b: 1.0, a: 2024-01-02}", '{"a": "2024-01-02 00:00:00 +0000 UTC", "b": 1}'),
        ("null", "null"),
        ("&a [x]", '["x"]'),
    ],
)
def test_a_value_is_the_text_that_the_engine_makes_of_it(tmp_path: Path, text: str, value: str):
    assert config(tmp_path, f"config:\n  shop:key: {text}\n").values == {"shop:key": value}


TEXTS = [
    "8412e15",
    "0o17",
    "1.10",
    "2024-1-2",
    "true",
    "0644",
    "",
    "null",
    "~",
    "1_000",
    " a",
    "a: b",
    "#",
    "v1",
    "yes",
    "\x85",
    "1\u2028",
]


@given(st.one_of(st.sampled_from(TEXTS), st.text()))
def test_text_is_written_so_that_the_engine_reads_text(text: str):
    nodes, faults = read_documents(one_line({text: [text]}), engine_scalar)
    assert not faults
    assert nodes[0].value == {text: [text]}
    assert not isinstance(nodes[0].value[text][0], Date)


@pytest.mark.parametrize("text", ["", "config:\n", "config: {}\n", "# nothing\n", "encryptionsalt: v1:a\n"])
def test_a_file_without_config_has_none(tmp_path: Path, text: str):
    assert config(tmp_path, text).values == {}


DEFAULTS = """
config:
  maxShare: {type: integer, default: 20}
  short: 3
  listed: [1]
  shop:whole: {default: x}
  kubernetes:context: {value: there}
  aws:region: here
  required: {type: string}
  foreign:none: {}
  empty:
"""


def test_defaults_of_the_project_stand_where_the_stack_is_silent(tmp_path: Path):
    read = config(tmp_path, "config:\n  shop:short: 4\n", PROJECT + DEFAULTS)
    assert read.values == {
        "shop:maxShare": "20",
        "shop:short": "4",
        "shop:listed": "[1]",
        "shop:whole": "x",
        "kubernetes:context": "there",
        "aws:region": "here",
    }
    assert read.required == {"shop:required", "shop:empty"}


@pytest.mark.parametrize("key", ["key", "shop:key", "shop:config:key"])
def test_a_key_is_written_in_three_ways(tmp_path: Path, key: str):
    assert config(tmp_path, f"config:\n  {key}: a\n").values == {"shop:key": "a"}


@pytest.mark.parametrize("value", ["{secure: v1:abc}", "[{secure: v1:abc}]", "{a: {secure: v1:abc}, b: 1}"])
def test_encrypted_values_are_known_to_be_there_and_are_no_values(tmp_path: Path, value: str):
    read = config(tmp_path, f"config:\n  shop:token: {value}\n  shop:a: b\n")
    assert read.values == {"shop:a": "b"}
    assert read.secrets == {"shop:token"}


def test_what_only_the_engine_knows_is_said(tmp_path: Path):
    assert config(tmp_path).only_the_engine_knows() == []
    text = "environment: [shared]\nconfig:\n  kubernetes:kubeconfig: {secure: v1:abc}\n"
    environment, kubeconfig = config(tmp_path, text).only_the_engine_knows()
    assert environment.startswith("Pulumi.dev.yaml has an `environment`")
    assert kubeconfig.startswith("kubernetes:kubeconfig is encrypted")


@pytest.mark.parametrize(
    ("stack", "words"),
    [
        ("config: [\n", "Pulumi.dev.yaml:2"),
        ("config: none\n", "Pulumi.dev.yaml:1: [not shown]\n    must be an object of config keys"),
        ("- config\n", "must be an object"),
        ("config:\n  a:b:c: a\n", 'Pulumi.dev.yaml:2: "a:b:c"\n    must stand once, as <name>, a key of shop'),
        ("config:\n  :b: hunter2\n", 'Pulumi.dev.yaml:2: ":b"'),
        ("config:\n  shop:key: a\n  key: a\n", 'Pulumi.dev.yaml:3: "key"\n    must stand once'),
        ("config:\n  a:b: 1\n  a:b: 2\n", "must stand once: it stands in line 2, too"),
        ("config:\n  a:b: &x [*x]\n", "contains itself"),
        ("config:\n  a:b: .inf\n", "is not a number of JSON"),
        ("config:\n  a:b: !ruby x\n", "the tag !ruby is not one of Kubernetes"),
        ("config:\n  a:b: " + "[" * 200, "deeper"),
        ("config:\n\ta: b\n", "indented by spaces, not by tabs"),
        ("config:\n  a:b: 'hunter2\n", "Pulumi.dev.yaml:"),
    ],
)
def test_a_file_that_cannot_be_config_is_refused_in_words(tmp_path: Path, stack: str, words: str):
    with pytest.raises(ConfigError) as refusal:
        config(tmp_path, stack)
    assert words in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize(
    "project", ["", "runtime: python\n", "name:\n", "name: [a]\n", "- a\n", f"{PROJECT}config: a\n"]
)
def test_a_project_that_cannot_be_one_is_refused_in_words(tmp_path: Path, project: str):
    with pytest.raises(ConfigError, match=r"^Pulumi\.yaml cannot be read\n"):
        config(tmp_path, "", project)


def test_a_missing_project_and_a_missing_stack_are_told(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"Pulumi\.yaml cannot be read: No such file"):
        project_name(tmp_path)
    config(tmp_path)
    with pytest.raises(ConfigError, match=r"there is no Pulumi\.de\.yaml: the stack must be one of dev; did you mean"):
        read_config("de", tmp_path)
    assert stacks(tmp_path) == ["dev"]


def test_a_file_that_is_not_utf_8_is_refused_by_its_name(tmp_path: Path):
    config(tmp_path)
    (tmp_path / "Pulumi.dev.yaml").write_bytes(b"config: \xff\n")
    with pytest.raises(ConfigError, match=r"Pulumi\.dev\.yaml:1: \[not shown\]\n    must be text in UTF-8"):
        read_config("dev", tmp_path)


anything = st.one_of(
    st.binary(max_size=80),
    st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.dictionaries(st.one_of(texts, st.sampled_from([f"shop:{key}" for key in KEYS])), values, max_size=4).map(
        lambda found: yaml.safe_dump({"config": found}).encode("utf-8", "surrogatepass")
    ),
    values.map(lambda value: yaml.safe_dump({"config": value}).encode("utf-8", "surrogatepass")),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(anything, st.booleans())
def test_any_file_is_read_or_refused_in_words(tmp_path: Path, content: bytes, is_project: bool):
    config(tmp_path)
    (tmp_path / ("Pulumi.yaml" if is_project else "Pulumi.dev.yaml")).write_bytes(content)
    with suppress(ConfigError):
        check(read_config("dev", tmp_path))


def check(read: Config) -> None:
    """Every value is text, and the text is that of the value."""
    assert all(isinstance(text, str) for text in read.values.values())
    for entry in read.entries.values():
        assert isinstance(entry.value, str) or json.loads(entry.text) == whole(entry.value)


def whole(value: Any) -> Any:
    """As JSON has it: dates are text."""
    return json.loads(json.dumps(value))
