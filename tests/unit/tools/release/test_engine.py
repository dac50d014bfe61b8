"""What the state says of a release, and when a run that goes back asks no rule."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from pulumi.automation import ConcurrentUpdateError

from canary_release.model.release import Release
from tools.pulumi import PulumiError
from tools.release import engine
from tools.release.engine import Deployed, Engine, compared

from ...conftest import ROOT
from ...update.releases import release

V1, CANARY, WIDE = release("v1*2"), release("v1*2", "v2*1"), release("v1*2", "v2*2")
PROMOTED = release("v2*2", "v2*0")


def deployed(
    old: Release | None, new: Release, finished: bool = True, has_proof: bool = False, now: float = 0
) -> Deployed:
    outputs = {"canarySince": "1970-01-01T00:01:40Z"} if finished else {}
    return compared(outputs, old, new, 90, has_proof, now)


def test_a_stack_has_what_its_last_finished_update_wanted():
    assert deployed(CANARY, Release.of_inputs(CANARY.inputs())).is_goal
    assert not deployed(CANARY, WIDE).is_goal
    assert not deployed(CANARY, CANARY, finished=False).is_goal
    assert not deployed(None, CANARY).is_goal
    assert not deployed(release("v1*2", skip_transition_checks=True), V1).is_goal


def test_a_soak_is_as_long_as_declared_from_when_the_canary_ran_and_a_clock_set_back_shortens_nothing():
    found = deployed(CANARY, replace(CANARY, soak_seconds=30))
    assert (found.left(100), found.left(120), found.left(131), found.left(50)) == (30, 10, 0, 80)
    assert deployed(V1, replace(V1, soak_seconds=30)).left(100) == 0


@pytest.mark.parametrize(
    ("old", "new", "may_be_refused"),
    [
        (CANARY, V1, False),
        (WIDE, CANARY, False),
        (PROMOTED, CANARY, False),
        (PROMOTED, V1, True),
        (release("v1*2", "v3*1"), release("v1*2", "v2*2"), True),
        (CANARY, WIDE, True),
        (release("v2*2", skip_transition_checks=True), release("v2*2"), False),
    ],
)
def test_a_run_that_goes_back_leaves_rules_out_where_they_would_refuse_it(
    old: Release, new: Release, may_be_refused: bool
):
    assert deployed(old, new).may_be_refused is may_be_refused


def test_a_canary_of_before_the_plan_needs_no_proof_of_another_stack_to_come_back():
    assert deployed(release("v1*2", "v3*1"), CANARY, has_proof=True).may_be_refused
    assert not deployed(release("v1*2", "v3*1"), CANARY).may_be_refused
    assert not deployed(None, CANARY, has_proof=True).may_be_refused


def test_the_lock_of_somebody_elses_update_is_waited_for_and_never_dropped(monkeypatch: pytest.MonkeyPatch):
    busy, told, owned = iter([True, True, False]), list[str](), list[bool]()

    class Stack:
        def up(self, on_event: Any, **_: Any) -> None:
            if next(busy):
                raise ConcurrentUpdateError(SimpleNamespace(stdout="", stderr="", code=255))  # pyright: ignore
            on_event(SimpleNamespace(diagnostic_event=None))
            on_event(SimpleNamespace(diagnostic_event=None))

    monkeypatch.setattr(Engine, "_stack", Stack())
    monkeypatch.setattr(engine.time, "sleep", lambda _: None)
    assert Engine("dev", told.append).update(False, None, owned.append) is None
    assert owned == [False, True]
    assert told == [
        "another update of the stack runs: waiting for its end; if it was killed: `pulumi cancel --stack dev`"
    ]


def test_an_update_without_rules_has_the_manifest_of_before(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    seen = list[str]()

    class Stack:
        def up(self, config_file: str, **_: Any) -> None:
            config = yaml.safe_load(Path(config_file).read_text())["config"]
            assert config["canary:skipTransitionChecks"] == "true"
            seen.append(Path(config["canary:manifest"]).read_text())

    monkeypatch.setattr(Engine, "_stack", Stack())
    assert Engine("staging", print).update(False, "kind: Deployment\n", print) is None
    assert seen == ["kind: Deployment\n"]


def test_a_warning_is_told_once_in_a_run_and_what_a_step_does_in_each_step(monkeypatch: pytest.MonkeyPatch):
    told = list[str]()

    class Stack:
        def preview(self, on_event: Any) -> None:
            for severity in ("warning", "info", "debug"):
                diagnostic = SimpleNamespace(severity=severity, message=severity, ephemeral=False)
                on_event(SimpleNamespace(diagnostic_event=diagnostic))

        def up(self, on_event: Any, **_: Any) -> None:
            self.preview(on_event)

    monkeypatch.setattr(Engine, "_stack", Stack())
    engine = Engine("dev", told.append)
    for _ in range(2):
        assert engine.preview() is None
        assert engine.update(False, None, lambda _: None) is None
    assert told == ["warning", "info", "info"]


def test_without_pulumi_a_run_does_not_begin(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine, "which", lambda _: None)
    with pytest.raises(PulumiError, match="there is no pulumi on PATH"):
        Engine("dev", print).secret("canary:prometheusToken")
