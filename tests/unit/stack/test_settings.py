"""From config to what the program needs, or everything that is wrong with it at once."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from canary_release.model.arguments import TYPES
from canary_release.model.contract import BOUNDS, DEFAULTS, CanaryReleaseArgs
from canary_release.model.problem import Problem
from canary_release.text.report import report
from canary_release.text.spelling import camel, config_keys
from stack.arguments import ARGUMENT_NAMES, STACK_KEYS, ZERO_IS_ABSENT, arguments_of
from stack.files import ConfigError, read_config
from stack.settings import Settings, read_settings, settings_of

from ..conftest import ROOT, Recorder
from .generated import KEYS, values

Read = Callable[..., Settings | list[Problem]]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the project's files, in which the test runs."""
    for name in ("app.yaml", "Pulumi.yaml", "Pulumi.dev.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def read(project: Path) -> Read:
    """Reads stack dev, with changes to its committed config; None takes a key away."""
    committed = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]

    def read(**changes: Any) -> Settings | list[Problem]:
        config = {**committed, **{f"canary:{key}": value for key, value in changes.items()}}
        text = yaml.safe_dump({"config": {key: value for key, value in config.items() if value is not None}})
        (project / "Pulumi.dev.yaml").write_text(text)
        return settings_of(read_config("dev"))

    return read


def found(read: Read, **changes: Any) -> list[tuple[Any, ...]]:
    """Paths of the problems."""
    problems = read(**changes)
    assert isinstance(problems, list)
    return [problem.path for problem in problems]


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_every_committed_stack_says_a_release(stack: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    assert isinstance(settings_of(read_config(stack)), Settings)


def test_what_is_not_set_is_absent(read: Read):
    read(stableReplicas=None)
    args = arguments_of(read_config("dev"))
    assert args.keys() - {"canary_version", "canary_replicas", "stable_version"} == {
        "manifest",
        "max_canary_share",
        "skip_transition_checks",
    }


def test_the_manifest_says_the_replicas_where_the_stack_does_not(read: Read):
    said = read(stableReplicas=None)
    assert isinstance(said, Settings)
    assert said.parsed.release.stable.replicas == 2


def test_the_keys_of_a_stack_are_no_arguments_of_its_release(read: Read):
    read(**dict.fromkeys(STACK_KEYS, "true"))
    assert not arguments_of(read_config("dev")).keys() & STACK_KEYS.keys()


def test_every_key_of_a_stack_arrives(read: Read):
    gates = {"up": {"query": "up", "success": "> 0"}}
    said = read(protect=True, provenIn="staging", gates=gates, prometheusUrl="http://p", evidenceFolder="evidence")
    assert isinstance(said, Settings)
    assert said.protect
    args = said.arguments
    assert (args.get("proven_in"), args.get("evidence_folder")) == ("staging", "evidence")
    assert (args.get("gates"), args.get("prometheus_url")) == (gates, "http://p")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"canaryPatch": None, "canaryReplica": 1}, ("canary:canaryReplica",)),
        ({"stableVersion": 1.1}, ("stable_version",)),
        ({"stableReplicas": "two"}, ("stable_replicas",)),
        ({"stableReplicas": "9" * 5000}, ("stable_replicas",)),
        ({"stableReplicas": 0}, ("stable_replicas",)),
        ({"namespace": ["a"]}, ("namespace",)),
        ({"manifest": [{"kind": "Deployment"}]}, ("manifest",)),
        ({"manifest": "no.yaml"}, ("manifest",)),
        ({"patches": "[" * 3000}, ("patches",)),
        ({"patches": "text"}, ("patches",)),
        ({"canaryPatch": ["a"]}, ("canary_patch",)),
        ({"provenIn": "dev"}, ("proven_in",)),
        ({"provenIn": "acme/canary/dev"}, ("proven_in",)),
        ({"provenIn": "a/b"}, ("proven_in",)),
        ({"protect": "yes"}, ("protect",)),
        ({"gates": ["a"]}, ("gates",)),
        ({"evidenceFolder": {"a": "b"}}, ("evidence_folder",)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_wrong_is_told_once_and_for_its_key(read: Read, changes: dict[str, Any], path: tuple[str, ...]):
    assert found(read, **changes) == [path]


def test_a_key_of_a_release_with_a_misspelt_project_is_told(project: Path):
    file = project / "Pulumi.dev.yaml"
    file.write_text(file.read_text().replace("config:\n", 'config:\n  canry:soak: "30m"\n  other:soak: "30m"\n', 1))
    problems = settings_of(read_config("dev"))
    assert isinstance(problems, list)
    [problem] = problems
    assert problem.path == ("canry:soak",)
    assert problem.accepted == "is no key of project canary; did you mean canary:soak?"


def test_a_key_without_a_value_is_told(project: Path):
    file = project / "Pulumi.dev.yaml"
    file.write_text(f"{file.read_text()}".replace("config:\n", "config:\n  canary:namespace:\n  canary:protect:\n"))
    problems = settings_of(read_config("dev"))
    assert isinstance(problems, list)
    assert [problem.path for problem in problems] == [("namespace",), ("protect",)]


def test_a_key_that_the_project_declares_without_a_default_is_required(project: Path):
    file = project / "Pulumi.yaml"
    text = (
        file.read_text()
        .replace("    default: 50\n", "")
        .replace('    default: ""\n    description: Bearer', "    d: x")
    )
    file.write_text(text)
    problems = settings_of(read_config("dev"))
    assert isinstance(problems, list)
    assert [problem.path for problem in problems] == [("max_canary_share",), ("prometheus_token",)]


def test_a_secret_is_told_alone(read: Read):
    assert found(read, namespace={"secure": "v1:abc"}, stableReplicas="two") == [("canary:namespace",)]
    assert found(read, prometheusToken="hunter2", stableReplicas="two") == [("prometheusToken",)]


def test_an_encrypted_token_is_no_problem(read: Read):
    gates = {"up": {"query": "up", "success": "> 0"}}
    said = read(prometheusToken={"secure": "v1:abc"}, gates=gates, prometheusUrl="http://p")
    assert isinstance(said, Settings)


def test_a_stack_of_another_organization_may_prove_where_an_engine_knows_this_one(read: Read):
    read(provenIn="acme/canary/dev")
    said = settings_of(read_config("dev"), "organization")
    assert isinstance(said, Settings)
    assert said.arguments.get("proven_in") == "acme/canary/dev"


def test_pulumi_yaml_describes_every_argument_with_its_type_and_default():
    schema = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert list(schema)[:3] == ["manifest", "patches", "canaryPatch"]
    assert schema.keys() == {*ARGUMENT_NAMES, *STACK_KEYS}
    kinds = {int: "integer", bool: "boolean", list: "array", dict: "object"}
    for key, name in ARGUMENT_NAMES.items():
        kind = kinds.get(TYPES[name], "string")
        unset = {"integer": 0, "object": {}, "array": [], "string": "", "boolean": False}[kind]
        assert schema[key]["type"] == kind
        assert schema[key]["default"] == ("app.yaml" if name == "manifest" else DEFAULTS.get(name, unset))
        assert schema[key]["description"].startswith("Required") == (name == "stable_version")
        if name in BOUNDS:
            low, high = BOUNDS[name]
            assert f"{low} to {high}" in schema[key]["description"]
            assert (name in ZERO_IS_ABSENT) == (name not in DEFAULTS and low > 0)
    assert [camel(name) for name in CanaryReleaseArgs.__annotations__] == list(ARGUMENT_NAMES)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from(KEYS), values, max_size=5))
@example({"manifest": 10.0**255})  # A name that is too long for a file.
def test_any_config_says_a_release_or_what_is_wrong(project: Path, changes: dict[str, Any]):
    committed = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    config = {**committed, **{f"canary:{key}": value for key, value in changes.items()}}
    (project / "Pulumi.dev.yaml").write_bytes(yaml.safe_dump({"config": config}).encode("utf-8", "surrogatepass"))
    try:
        read = read_config("dev")
    except ConfigError:
        return
    said = settings_of(read)
    if isinstance(said, list):
        assert said
        assert report("wrong", said, config_keys("dev"))


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from([key for key in KEYS if key != "apiServer"]), values, max_size=5))
def test_the_program_tells_the_same_as_the_files(
    project: Path, run_stack: Callable[[Path], Recorder], changes: dict[str, Any]
):
    committed = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    config = {**committed, **{f"canary:{key}": value for key, value in changes.items()}}
    file = project / "Pulumi.dev.yaml"
    file.write_bytes(yaml.safe_dump({"config": config}).encode("utf-8", "surrogatepass"))
    try:
        said = settings_of(read_config("dev"))
    except ConfigError:
        return
    if isinstance(said, Settings):
        run_stack(file)
        return
    with pytest.raises(pulumi.RunError) as refusal:
        run_stack(file)
    told = report("", said, config_keys("dev")).strip()
    assert told in str(refusal.value)


def test_a_key_that_stands_twice_is_told_also_where_the_engine_has_taken_one(
    project: Path, run: Callable[..., Recorder], monkeypatch: pytest.MonkeyPatch
):
    told = list[str]()
    monkeypatch.setattr(pulumi.log, "warn", told.append)
    values = read_config("dev").values
    file = project / "Pulumi.dev.yaml"
    file.write_text(file.read_text().replace("config:\n", 'config:\n  stableReplicas: "3"\n', 1))
    run(read_settings, "dev", values)
    [warning] = told
    assert "stableReplicas" in warning
    assert "must stand once" in warning
