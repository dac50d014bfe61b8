"""Stacks that keep out of each other's way, and what may start where."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest
import yaml

from components import CanaryReleaseArgs
from components.problems import config_keys
from components.release import Release
from proof import started, unproven
from settings import STACK_KEYS, arguments_of

from .conftest import ROOT, Recorder

DEV = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
SERVER = "https://192.0.2.1:6443"


def release(stable: str, canary: str | None = None, replicas: int = 0) -> Release:
    args = {"app": "shop", "image": "example/shop", "stable_version": stable}
    return Release.of(cast(CanaryReleaseArgs, {**args, "canary_version": canary, "canary_replicas": replicas}))


@pytest.mark.parametrize(
    ("old", "new", "version"),
    [
        (None, release("v1"), None),
        (None, release("v1", "v2", 1), "v2"),
        (release("v1"), release("v1", "v2", 1), "v2"),
        (release("v1"), release("v1", "v2"), None),
        (release("v1", "v2"), release("v1", "v2", 1), "v2"),
        (release("v1", "v2", 1), release("v1", "v3", 1), "v3"),
        (release("v1", "v2", 1), release("v1", "v2", 2), None),
        (release("v1", "v2", 2), release("v2", "v2"), None),
        (release("v2", "v2"), release("v1", "v2", 1), None),
    ],
    ids=[
        "a first deploy without a canary",
        "a first deploy with a canary",
        "a start",
        "a canary without pods",
        "a start of a declared canary",
        "a change",
        "a widening",
        "a promotion",
        "a rollback, whose canary was stable here",
    ],
)
def test_a_canary_starts_when_its_version_did_not_run_here(old: Release | None, new: Release, version: str | None):
    assert started(old, new) == version


NEW = release("v1", "v3", 1)


def test_what_the_other_stack_runs_as_stable_may_start():
    assert unproven("organization/canary/staging", {"stableVersion": "v3"}, NEW, "v3", config_keys("prod")) is None


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (
            {"stableVersion": "v2"},
            '  canaryVersion: "v3"\n'
            "    must be what organization/canary/staging runs as stable now, which is v2; promote v3 there first\n"
            "    fix: pulumi config set --stack prod canaryVersion v2",
        ),
        (
            {"stableVersion": "v1"},
            '  canaryVersion: "v3"\n'
            "    must be what organization/canary/staging runs as stable now, which is v1; promote v3 there first\n"
            "    fix: pulumi config rm canaryVersion --stack prod\n"
            "    fix: pulumi config rm canaryReplicas --stack prod",
        ),
        (
            {},
            '  provenIn: "organization/canary/staging"\n'
            "    must name a stack that tells what it runs: it has no output stableVersion: it was never deployed\n"
            "    fix: pulumi config set --stack prod provenIn '<stack>'\n"
            "    fix: pulumi config rm provenIn --stack prod",
        ),
        (
            'unknown stack "{staging}"',
            '  provenIn: "organization/canary/staging"\n'
            '    must name a stack that tells what it runs: unknown stack "{staging}"\n'
            "    fix: pulumi config set --stack prod provenIn '<stack>'\n"
            "    fix: pulumi config rm provenIn --stack prod",
        ),
    ],
    ids=["another version", "this stack's own stable version", "no output", "no stack"],
)
def test_any_other_version_is_refused_with_what_to_do(outputs: Any, said: str):
    text = unproven("organization/canary/staging", outputs, NEW, "v3", config_keys("prod"))
    assert text == f"the canary v3 is not proven elsewhere, and is not started; nothing was changed\n\n{said}"


@pytest.fixture
def stacks(tmp_path: Path, run_stack: Callable[[Path], Recorder]) -> Callable[..., Recorder]:
    """Runs stack dev beside another one, each with changes to the committed config of dev."""

    def stacks(dev: dict[str, str], other: dict[str, str]) -> Recorder:
        for name, changes in (("dev", dev), ("other", other)):
            config = {key: value for key, value in {**DEV, **changes}.items() if value}
            (tmp_path / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}))
        return run_stack(tmp_path / "Pulumi.dev.yaml")

    return stacks


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, "name and app"),
        ({"canary:name": "another"}, "app"),
        ({"canary:app": "another"}, "name"),
        ({"canary:namespace": "default", "canary:app": "another"}, "name"),
    ],
)
def test_two_stacks_that_declare_one_release_are_refused(stacks: Callable, other: dict[str, str], same: str):
    with pytest.raises(pulumi.RunError) as refusal:
        stacks({}, other)
    assert str(refusal.value) == (
        "the config of stack dev has a problem; nothing was changed\n"
        "\n"
        '  namespace: "default"\n'
        f"    must not be Pulumi.other.yaml's: in one namespace of one context both have the same {same}; "
        "or remove that file\n"
        "    fix: pulumi config set --stack dev namespace '<another namespace>'"
    )


@pytest.mark.parametrize(
    "other",
    [
        {"canary:namespace": "another"},
        {"kubernetes:context": "another"},
        {"canary:name": "another", "canary:app": "another"},
    ],
)
def test_two_stacks_that_differ_in_where_or_what_they_run_are_accepted(stacks: Callable, other: dict[str, str]):
    assert "release-stable" in stacks({}, other).resources


def kubeconfig(path: Path, **servers: str) -> None:
    contexts = [{"name": name, "context": {"cluster": name}} for name in servers]
    clusters = [{"name": name, "cluster": {"server": server}} for name, server in servers.items()]
    path.write_text(yaml.safe_dump({"contexts": contexts, "clusters": clusters}))


def test_a_context_that_leads_to_another_server_than_the_stack_names_is_refused(stacks: Callable, tmp_path: Path):
    kubeconfig(tmp_path / "kubeconfig", **{"canary-sandbox": "https://192.0.2.2:6443", "right": SERVER})
    with pytest.raises(pulumi.RunError) as refusal:
        stacks({"canary:apiServer": SERVER}, {"canary:namespace": "another"})
    assert str(refusal.value) == (
        "the config of stack dev has a problem; nothing was changed\n"
        "\n"
        '  kubernetes:context: "canary-sandbox"\n'
        f"    must lead to {SERVER}, which is apiServer; the kubeconfig leads it to https://192.0.2.2:6443\n"
        "    fix: pulumi config set --stack dev kubernetes:context right"
    )
    kubeconfig(tmp_path / "kubeconfig", **{"canary-sandbox": "https://192.0.2.2:6443"})
    with pytest.raises(
        pulumi.RunError, match=r"fix: pulumi config set --stack dev apiServer https://192\.0\.2\.2:6443$"
    ):
        stacks({"canary:apiServer": SERVER}, {"canary:namespace": "another"})
    kubeconfig(tmp_path / "kubeconfig", **{"canary-sandbox": SERVER})
    assert "release-stable" in stacks({"canary:apiServer": SERVER}, {"canary:namespace": "another"}).resources


def test_no_two_committed_stacks_run_in_one_place():
    places = [yaml.safe_load(path.read_text())["config"] for path in ROOT.glob("Pulumi.*.yaml")]
    assert len({place["kubernetes:context"] for place in places}) == len(places)
    namespaces = [place.get("canary:namespace", "default") for place in places]
    assert len(set(namespaces)) == len(namespaces) == 3


def test_the_keys_of_a_stack_are_no_arguments_of_its_release():
    config = {"app": "shop", **dict.fromkeys(STACK_KEYS, "true")}
    assert arguments_of(config) == {"app": "shop"}


def test_prod_is_protected_and_no_other_committed_stack():
    protected = {path.name for path in ROOT.glob("Pulumi.*.yaml") if "canary:protect" in path.read_text()}
    assert protected == {"Pulumi.prod.yaml"}
