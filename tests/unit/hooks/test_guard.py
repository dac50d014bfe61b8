"""What the guard tells and refuses, called as the engine calls it."""

import asyncio
import json
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from canary_release.gates import Gates, parse_gates
from canary_release.hooks.cluster import Unanswered
from canary_release.hooks.free_names import REFRESH
from canary_release.hooks.guard import Guard
from canary_release.hooks.rollout_check import Due, check_rollouts
from canary_release.hooks.shared import with_text
from canary_release.model.release import Release, Track
from canary_release.pulumi_host import Refusal, program
from canary_release.text.spelling import config_keys

from ..conftest import Recorder, run_async
from ..model.shop import parsed
from .test_rollout_check import Server, image, live

CANARY = {"canary_version": "v2", "canary_replicas": 1}
OLD = parsed(**CANARY).release
NONE = Gates()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What is logged, by its level. No kubectl is found: nothing asks a cluster."""
    logged: dict[str, list[str]] = {"info": [], "warn": []}
    for level, lines in logged.items():
        monkeypatch.setattr(pulumi.log, level, lambda text, lines=lines, **_: lines.append(text))
    monkeypatch.setenv("PATH", "/nowhere")
    return logged


@contextmanager
def preview(is_preview: bool) -> Iterator[None]:
    pulumi.runtime.set_mocks(Recorder(), "canary", "dev", preview=is_preview)
    yield


def change(
    old: Release | None,
    *changes: tuple[str, Any],
    is_preview: bool = True,
    gates: Any = NONE,
    finished: bool = True,
    outputs: Mapping[str, Any] | None = None,
    **args: Any,
) -> Guard:
    """The guard of a release after its hooks have run; `finished` tells whether the last update did."""

    async def hooks() -> Guard:
        guard = Guard("shop", parsed(*changes, **args), None, config_keys("dev"), gates)
        binding = guard.added_to(None).hooks
        assert isinstance(binding, pulumi.ResourceHookBinding)
        inputs = old.inputs() if old else None
        left = outputs or {"stableVersion": "v1"} if old and finished else None
        given = pulumi.ResourceHookArgs("", "", "shop", "", old_inputs=inputs, old_outputs=left)
        for hook in (binding.before_update if old else binding.before_create) or []:
            assert isinstance(hook, pulumi.ResourceHook)
            running = hook.callback(given)
            assert running is not None
            await running
        return guard

    with preview(is_preview):
        return run_async(hooks())


def test_an_allowed_update_is_announced(told: dict[str, list[str]]):
    assert change(OLD, **{**CANARY, "canary_replicas": 2}).first == "stable"
    [announced] = told["info"]
    assert announced.startswith("shop in default: widens the canary from 33.3 % to 50.0 %\n")


def test_a_first_update_makes_both_deployments_at_once():
    assert change(None, **CANARY).first is None


def test_an_update_that_breaks_a_rule_is_refused_and_not_announced(told: dict[str, list[str]]):
    with pytest.raises(
        pulumi.RunError, match=r"CanaryRelease 'shop': this update is refused, and nothing of this release was"
    ):
        change(OLD, stable_version="v3")
    assert told["info"] == []


@pytest.mark.parametrize(("since", "allowed"), [("2026-11-24T22:15:30Z", True), ("2999-01-01T00:00:00Z", False)])
def test_a_canary_is_widened_when_its_soak_is_over_by_the_state(told: dict[str, list[str]], since: str, allowed: bool):
    old = parsed(**CANARY, soak="30m").release
    outputs = {"canarySince": since}
    args = {**CANARY, "canary_replicas": 2, "soak": "30m"}
    if allowed:
        change(old, outputs=outputs, **args)
        assert "the canary may be widened or promoted from 2026-11-24 22:46 UTC on" in told["info"][0]
    else:
        with pytest.raises(pulumi.RunError, match="allowed from 2999-01-01 00:30 UTC on"):
            change(old, outputs=outputs, **args)


def test_the_emergency_key_goes_around_rules_and_gates_and_is_warned_of(told: dict[str, list[str]]):
    gates = parse_gates({"up": {"query": "up", "success": "> 0"}}, "http://127.0.0.1:1", None)
    change(OLD, stable_version="v2", skip_transition_checks=True, gates=gates)
    assert (
        told["warn"][0] == "skipTransitionChecks is set: no rule and no gate guards the updates of CanaryRelease 'shop'"
    )
    assert len(told["info"]) == 1


@pytest.mark.parametrize("is_preview", [True, False])
def test_what_of_a_manifest_costs_users_something_is_told_once_in_each_preview(
    told: dict[str, list[str]], is_preview: bool
):
    change(None, ("1/spec/sessionAffinity", "ClientIP"), is_preview=is_preview)
    about = [text for text in told["warn"] if "sessionAffinity" in text]
    assert len(about) == is_preview


def test_what_the_cluster_does_not_answer_is_told_and_refuses_nothing(told: dict[str, list[str]]):
    change(None)
    assert told["warn"] == [
        "not checked: whether the API server can check this preview, which objects of the release are there "
        "and which other pods its Services select (there is no kubectl on PATH)"
    ]
    assert told["info"][0].startswith("shop in default: deploys for the first time: v1 in stable\n")


def test_an_interrupt_while_names_are_checked_refuses_the_update(
    told: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
):
    async def check_names(*_: Any) -> None:
        for waiting in program.waiting:
            waiting.put(None)
        await asyncio.Event().wait()

    monkeypatch.setattr("canary_release.hooks.guard.check_names", check_names)
    with pytest.raises(
        pulumi.RunError, match=r"the check of its names was interrupted; nothing of this release was changed$"
    ):
        change(None)
    assert told["info"] == []


def test_an_update_of_objects_that_somebody_deleted_is_refused_and_what_pods_lack_is_told(
    told: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    there = [{"kind": kind, "metadata": {"name": "shop"}} for kind in ("Deployment", "Service")]
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        f"#!/bin/sh\ncase $* in *json*) echo '{json.dumps({'items': there})}';; *) echo namespace/default;; esac\n"
    )
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    needs = ("0/spec/template/spec/imagePullSecrets", [{"name": "token"}])
    old = parsed(needs, **CANARY).release
    promoted: Any = {"stable_version": "v2", "canary_version": "v2"}
    with pytest.raises(pulumi.RunError, match="Deployment shop-canary is not in default any more"):
        change(old, needs, is_preview=False, **promoted)
    assert told["warn"] == ["namespace default lacks secret/token. Pods refer to these, and may not start without them"]
    assert told["info"] == []
    monkeypatch.setenv(REFRESH, "true")
    change(old, needs, is_preview=False, **promoted)
    assert len(told["info"]) == 1


def test_who_may_not_read_secrets_is_told_of_the_config_maps_that_are_not_there(
    told: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\ncase $* in *secret/*) exit 1;; *namespace/*) echo namespace/default;; esac\n")
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    named = [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "token"}}]
    change(None, ("0/spec/template/spec/containers/0/envFrom", named), is_preview=False)
    assert told["warn"] == [
        "namespace default lacks configmap/settings. Pods refer to these, and may not start without them"
    ]


@pytest.mark.parametrize("is_preview", [True, False])
@pytest.mark.parametrize("may_ask", [True, False])
def test_a_namespace_that_is_not_there_is_told_with_the_command_that_makes_it(
    told: dict[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, may_ask: bool, is_preview: bool
):
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(f"#!/bin/sh\ncase $* in *namespace/*) exit {0 if may_ask else 1};; esac\n")
    kubectl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    change(None, namespace="web", is_preview=is_preview)
    warning = "there is no namespace web. Make it by `kubectl create namespace web`, unless this program makes it"
    assert told["warn"] == [warning] * may_ask


def test_an_error_without_text_gets_one_since_the_engine_takes_it_for_success():
    async def fail() -> None:
        raise TimeoutError

    with pytest.raises(RuntimeError, match=r"^the rules could not be checked: TimeoutError\(\)$"):
        run_async(with_text("the rules could not be checked", fail()))


def declared(**args: Any) -> dict[str, tuple[str, Track]]:
    """Name and track of both Deployments, by their names in the program."""
    release = parsed(**args).release
    assert release.canary
    return {"shop-stable": (release.name, release.stable), "shop-canary": (release.canary_name, release.canary)}


TRACKS = declared(**CANARY)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, bool]]:
    """For each question to the API server the Deployments, and whether the end of their rollout is enough."""
    found: list[dict[str, bool]] = []

    async def check_rollouts(_name: str, due: list[Due], _cluster: Any) -> Unanswered:
        found.append({each.name: each.end_is_enough for each in due})
        return Unanswered("there is no kubectl on PATH")

    monkeypatch.setattr("canary_release.hooks.guard.check_rollouts", check_rollouts)
    return found


def wait_for_pods(
    guard: Guard, *children: str, changed: str = "", is_end: bool = False, tracks: Mapping[str, Any] = TRACKS
) -> None:
    """What the component does before the second Deployment, or at the end, after a Deployment was changed."""
    for hook in (guard.child_hooks.before_update or []) if changed else []:
        assert isinstance(hook, pulumi.ResourceHook)
        hook.callback(pulumi.ResourceHookArgs("", "", changed, "", old_inputs={}, new_inputs={}))
    with preview(False):
        run_async(guard.wait_for_pods({child: tracks[child] for child in children}, is_end))


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("outputs", "waits_for"),
    [({}, {"shop-canary": False}), ({"stableVersion": "v1"}, {})],
    ids=["unfinished", "finished"],
)
def test_an_unchanged_retry_waits_for_what_the_provider_holds_for_done(
    asked: list[Any], outputs: dict[str, Any], waits_for: dict[str, bool]
):
    async def guard() -> Guard:
        guard = Guard("shop", parsed(**CANARY), None, config_keys("dev"), NONE)
        guard.outputs = outputs
        return guard

    with preview(False):
        retry = run_async(guard())
    wait_for_pods(retry, "shop-canary")
    assert asked == [waits_for]


@pytest.mark.usefixtures("told")
def test_after_a_finished_update_only_what_changes_is_waited_for(asked: list[Any]):
    guard = change(OLD, is_preview=False, **{**CANARY, "canary_replicas": 2})
    wait_for_pods(guard, "shop-stable")
    wait_for_pods(guard, "shop-stable", "shop-canary", changed="shop-canary", is_end=True)
    assert asked == [{}, {"shop-canary": False}]


@pytest.mark.usefixtures("told")
def test_a_repair_passes_over_what_it_leaves_alone_until_its_end(asked: list[Any]):
    guard = change(OLD, is_preview=False, finished=False, **{**CANARY, "canary_version": "v3"})
    wait_for_pods(guard, "shop-stable")
    wait_for_pods(guard, "shop-stable", "shop-canary", changed="shop-canary", is_end=True)
    assert asked == [{"shop": True}, {"shop": False, "shop-canary": False}]


@pytest.mark.usefixtures("told")
def test_what_was_seen_to_run_is_not_asked_for_again(asked: list[Any]):
    guard = change(None, is_preview=False, **CANARY)
    wait_for_pods(guard, "shop-canary", changed="shop-canary")
    wait_for_pods(guard, "shop-stable", "shop-canary", changed="shop-stable", is_end=True)
    assert asked == [{"shop-canary": False}, {"shop": False}]


@pytest.mark.usefixtures("asked")
def test_that_nobody_is_there_to_ask_is_told_once_in_an_update(told: dict[str, list[str]]):
    guard = change(None, is_preview=False, **CANARY)
    wait_for_pods(guard, "shop-canary", changed="shop-canary")
    wait_for_pods(guard, "shop-stable", "shop-canary", changed="shop-stable", is_end=True)
    assert [text for text in told["warn"] if text.startswith("not verified")] == [
        "not verified: whether the pods of CanaryRelease 'shop' run: only the provider says so "
        "(there is no kubectl on PATH)"
    ]


LEFT_ALONE = {**CANARY, "canary_version": "v3"}


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("args", [LEFT_ALONE, {**CANARY, "canary_replicas": 2}])
def test_a_deployment_that_has_to_change_and_that_the_engine_passes_over_is_waited_for(
    asked: list[Any], args: dict[str, Any]
):
    guard = change(OLD, is_preview=False, **args)
    wait_for_pods(guard, "shop-stable", "shop-canary", is_end=True)
    assert asked == [{"shop-canary": False}]


@pytest.mark.usefixtures("told")
def test_a_stable_deployment_that_has_to_change_is_waited_for_as_a_canary_is(asked: list[Any]):
    guard = change(OLD, is_preview=False, **{**CANARY, "stable_version": "v2", "canary_replicas": 0})
    wait_for_pods(guard, "shop-stable", "shop-canary", changed="shop-canary", is_end=True)
    assert asked == [{"shop": False, "shop-canary": False}]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("version", "replicas", "refused"),
    [
        ("v2", 1, r"Deployment shop-canary in web: it runs v2, not v3; fix: pulumi up --refresh"),
        ("v3", 2, r"replicas are 2, not 1; fix: pulumi up --refresh"),
        ("v3", 1, None),
        (f"sha256:{'1' * 64}", 1, None),
    ],
    ids=["of before", "pods of before", "equal, as a refresh made it", "a digest"],
)
def test_an_update_that_passes_over_a_deployment_ends_only_if_that_is_as_declared(
    version: str, replicas: int, refused: str | None, monkeypatch: pytest.MonkeyPatch
):
    async def check(name: str, due: list[Due], _cluster: Any) -> Unanswered | None:
        there = live(ready=replicas, replicas=replicas, **image(version))
        return await check_rollouts(name, [replace(each, namespace="web") for each in due], Server([there]).cluster)

    monkeypatch.setattr("canary_release.hooks.guard.check_rollouts", check)
    guard = change(OLD, is_preview=False, **LEFT_ALONE)
    for is_end in (False, True):
        with pytest.raises(Refusal, match=refused) if refused else nullcontext():
            wait_for_pods(guard, "shop-canary", is_end=is_end, tracks=declared(**LEFT_ALONE))


@pytest.mark.usefixtures("told")
def test_the_version_of_a_deployment_that_this_update_changes_is_not_looked_at(monkeypatch: pytest.MonkeyPatch):
    found: dict[str, str | None] = {}

    async def check(_name: str, due: list[Due], _cluster: Any) -> None:
        found.update({each.name: each.version for each in due})

    monkeypatch.setattr("canary_release.hooks.guard.check_rollouts", check)
    guard = change(OLD, is_preview=False, finished=False, **LEFT_ALONE)
    wait_for_pods(guard, "shop-stable", "shop-canary", changed="shop-canary", is_end=True)
    assert found == {"shop": "v1", "shop-canary": None}, "the provider has answered for what it changed"


@pytest.mark.usefixtures("told", "asked")
def test_an_update_that_goes_on_after_a_deployment_failed_does_not_count_as_finished():
    guard = change(OLD, is_preview=False, **LEFT_ALONE)
    [hook] = guard.child_hooks.on_error or []
    assert isinstance(hook, pulumi.ErrorHook)
    with preview(False):
        retried = hook.callback(pulumi.ErrorHookArgs("", "", "shop-canary", ""))
        assert retried is not None
        assert not run_async(cast(Coroutine[Any, Any, bool], retried))
    wait_for_pods(guard, "shop-stable")
    with pytest.raises(Refusal, match=r"the update of shop-canary failed, and does not count as finished"):
        wait_for_pods(guard, "shop-stable", "shop-canary", is_end=True)


BEFORE = {"stableVersion": "v1", "stableReplicas": 2.0, "canaryVersion": "v2", "canaryReplicas": 1.0, "totalPods": 3.0}
KEPT = {**BEFORE, "canarySince": None}


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("args", "outputs", "kept"),
    [
        (LEFT_ALONE, BEFORE, KEPT),
        ({**CANARY, "stable_version": "v9"}, BEFORE, KEPT),
        ({}, BEFORE, KEPT),
        (CANARY, BEFORE, {}),
        (CANARY, {}, {}),
    ],
    ids=["another canary", "another stable", "no canary", "nothing changes", "the last update did not finish"],
)
def test_the_outputs_of_before_are_those_of_a_change_that_the_engine_passes_over(
    args: dict[str, Any], outputs: dict[str, Any], kept: dict[str, Any]
):
    async def guard() -> Guard:
        guard = Guard("shop", parsed(**args), None, config_keys("dev"), NONE)
        guard.outputs = outputs
        return guard

    with preview(False):
        assert run_async(guard()).outputs_of_before(parsed(**args).release) == kept


@pytest.mark.usefixtures("told")
def test_an_update_of_the_component_keeps_no_outputs_of_before():
    guard = change(OLD, is_preview=False, **LEFT_ALONE)
    guard.outputs = BEFORE
    assert guard.outputs_of_before(parsed(**LEFT_ALONE).release) == {}
