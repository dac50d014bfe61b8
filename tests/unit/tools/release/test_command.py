"""`make release`, on a copy of the project with an engine and a cluster that are played."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from canary_release.model.moment import moment
from canary_release.model.release import Release
from stack.files import read_config
from stack.settings import Settings, settings_of
from tools.release import __main__ as command
from tools.release import project
from tools.release.__main__ import DONE, NOT_ENDED, WENT_BACK
from tools.release.engine import Deployed, compared
from tools.release.journal import Journal, Step
from tools.release.looking import Look
from tools.release.telling import Teller

from ...conftest import ROOT

PLAN = """\
- start: {canaryVersion: v0.2, canaryReplicas: 1, soak: 30s}
- widen: {canaryReplicas: 2}
- promote: {stableVersion: v0.2, canaryReplicas: 0}
- remove: {canaryVersion: null}
"""


@dataclass
class Cluster:
    """What outlives a command."""

    release: Release | None = None
    finished: bool = True
    now: float = 1_800_000_000
    ended: float = 0
    harmful: tuple[int, ...] = ()
    """Canary pods at which harm is seen."""
    failing: tuple[str, ...] = ()
    """Stable versions whose update fails."""
    updates: list[tuple[str, int, bool]] = field(default_factory=list[tuple[str, int, bool]])
    """Stable version, canary pods, and whether the rules were left out."""


@dataclass
class Done:
    code: int
    out: str
    error: str


def wanted() -> Release:
    settings = settings_of(read_config("staging"))
    assert isinstance(settings, Settings)
    return settings.parsed.release


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cluster:
    """A project whose stack `staging` runs what its file says."""
    for path in [ROOT / "app.yaml", *ROOT.glob("Pulumi*.yaml")]:
        shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    Path("plan.yaml").write_text(PLAN)
    played = Cluster(wanted())

    class Engine:
        def __init__(self, _: str, tell: Callable[[str], None]) -> None:
            self.tell = tell

        def deployed(self, release: Release, has_proof: bool, now: float) -> Deployed:
            outputs = {"canarySince": moment(played.ended)} if played.finished else {}
            return compared(outputs, played.release, release, played.ended, has_proof, now)

        def preview(self) -> None:
            self.tell("widens the canary")

        def update(self, is_resumed: bool, manifest: str | None, _owns: Any) -> str | None:
            assert not is_resumed
            assert manifest in (None, (ROOT / "app.yaml").read_text()), "not that of before the plan"
            skips_rules = manifest is not None
            played.release, played.finished = replace(wanted(), skip_transition_checks=skips_rules), False
            if played.release.stable.version in played.failing:
                return "its pods do not run"
            played.finished, played.ended = True, played.now
            played.updates.append((played.release.stable.version, played.release.canary_replicas, skips_rules))
            return None

    def look(_stack: str, settings: Settings, _token: Any, _restarts: Any, _taken: Any) -> Look:
        harm = "a pod restarts" if settings.parsed.release.canary_replicas in played.harmful else None
        shown = {"share": 33.3, "configured": 33.3, "canary": "v0.2 1/1", "failing": {}, "gates": []}
        return Look(played.now, harm, None, shown, {})

    monkeypatch.setattr(project, "Engine", Engine)
    monkeypatch.setattr(project, "look", look)
    monkeypatch.setattr(project.Project, "now", lambda _: played.now)
    monkeypatch.setattr(project.Project, "sleep", lambda _, seconds: setattr(played, "now", played.now + seconds))
    return played


@pytest.fixture
def make_release(cluster: Cluster, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):  # noqa: ARG001
    def make_release(*options: str, plan: str = "plan.yaml") -> Done:
        monkeypatch.setattr(sys, "argv", ["release", plan, "--stack", "staging", *options])
        code = command.main()
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    return make_release


Make = Callable[..., Done]


def git(*arguments: str) -> list[str]:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.splitlines()


def test_a_run_goes_from_the_first_canary_to_the_end_of_its_plan(make_release: Make, cluster: Cluster):
    done = make_release()
    assert done.code == DONE, done
    assert cluster.updates == [("v0.1", 1, False), ("v0.1", 2, False), ("v0.2", 0, False), ("v0.2", 0, False)]
    assert cluster.now - 1_800_000_000 == 60
    assert "step 2 of 4, widen: widens the canary" in done.out
    assert "step 1 of 4, start, 30s left: canary's share 33.3 %, canary v0.2 1/1 ready" in done.out
    assert not Path(".release-staging.json").exists()
    [record] = Path("releases").glob("*.json")
    assert json.loads(record.read_text())["result"] == "done"


def test_the_stack_file_keeps_its_comments(make_release: Make):
    before = Path("Pulumi.staging.yaml").read_text()
    make_release()
    after = Path("Pulumi.staging.yaml").read_text()
    assert after == before.replace('"v0.1"', '"v0.2"') + '  canary:canaryReplicas: "0"\n  canary:soak: "30s"\n'


def test_a_plan_that_is_done_is_not_done_again(make_release: Make, cluster: Cluster):
    make_release()
    updates = len(cluster.updates)
    done = make_release()
    assert (done.code, len(cluster.updates)) == (DONE, updates)
    assert done.out == (
        "Pulumi.staging.yaml says already what plan.yaml leads to: nothing is left to do. "
        "A plan that ends where it begins is not run: let its last step differ\n"
    )


def test_a_run_goes_back_at_harm_in_the_second_soak(make_release: Make, cluster: Cluster):
    before = Path("Pulumi.staging.yaml").read_bytes()
    cluster.harmful = (2,)
    done = make_release()
    assert (done.code, done.error) == (
        WENT_BACK,
        "went back to the config before plan.yaml, since\na pod restarts\n",
    )
    assert cluster.updates == [("v0.1", 1, False), ("v0.1", 2, False), ("v0.1", 0, False)]
    assert Path("Pulumi.staging.yaml").read_bytes() == before


def test_a_run_goes_back_if_an_update_fails(make_release: Make, cluster: Cluster):
    cluster.failing = ("v0.2",)
    done = make_release()
    assert (done.code, done.error.splitlines()[1:]) == (WENT_BACK, ["its pods do not run"])
    assert cluster.updates[-1] == ("v0.1", 0, False)


def test_every_step_is_a_commit_and_so_is_the_end(make_release: Make, cluster: Cluster):
    for arguments in (
        ("init", "--quiet"),
        ("config", "user.name", "test"),
        ("config", "user.email", "test@example.com"),
    ):
        git(*arguments)
    Path(".gitignore").write_text(".release-*\nkubeconfig\n")
    git("add", "--all")
    git("commit", "--quiet", "--message", "before")
    Path("unrelated").write_text("not the run's")
    git("add", "unrelated")
    cluster.harmful = (2,)
    assert make_release("--commit", "yes").code == WENT_BACK
    assert git("log", "--format=%s", "--reverse")[1:] == [
        "Run on staging: start, step 1 of 4 of plan.yaml",
        "Run on staging: widen, step 2 of 4 of plan.yaml",
        "Run on staging: back to the config before plan.yaml",
        "Run on staging: ended",
    ]
    assert git("status", "--porcelain") == ["A  unrelated"]
    assert git("show", "--name-only", "--format=", "HEAD~2") == [".release-staging.json", "Pulumi.staging.yaml"]
    assert [name for name in git("ls-files") if "release" in name] == [
        path.as_posix() for path in sorted(Path("releases").iterdir())
    ]


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ("- promote: {stableVersion: v0.2}\n", "this update is refused, and nothing of this release was changed"),
        ("- start: {canaryVersion: v0.2, canaryReplica: 1}\n", "did you mean canaryReplicas?"),
        ("- start: {canaryVersion: v0.2, canaryReplicas: 1, soak: 30}\n", "soak"),
        ("nothing", "must be a list of steps"),
    ],
)
def test_a_plan_that_is_not_allowed_changes_nothing(make_release: Make, cluster: Cluster, plan: str, reason: str):
    Path("plan.yaml").write_text(plan)
    done = make_release()
    assert done.code == NOT_ENDED
    assert reason in done.error
    assert cluster.updates == []
    assert not Path(".release-staging.json").exists()


def test_without_a_plan_the_error_names_the_command(make_release: Make):
    done = make_release(plan="")
    assert (done.code, done.out) == (NOT_ENDED, "")
    assert done.error == "error: PLAN is missing: make release STACK=staging PLAN=<file with the steps>\n"


def test_a_plan_is_not_run_on_a_stack_that_does_not_run_what_its_file_says(make_release: Make, cluster: Cluster):
    cluster.release = None
    done = make_release()
    assert (done.code, cluster.updates) == (NOT_ENDED, [])
    assert "does not run what Pulumi.staging.yaml says: run `pulumi up` first" in done.error


def test_another_plan_waits_for_the_end_of_the_first(make_release: Make, cluster: Cluster, monkeypatch: Any):
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(project.Project, "sleep", interrupted)
        done = make_release()
    assert (done.code, done.error) == (NOT_ENDED, "\ninterrupted: run the same command again, it continues from here\n")
    shutil.copy("plan.yaml", "other.yaml")
    other = make_release(plan="other.yaml")
    assert (other.code, other.error) == (
        NOT_ENDED,
        "error: a run of plan.yaml is under way: make release STACK=staging PLAN=plan.yaml\n",
    )
    assert make_release().code == DONE
    assert len(cluster.updates) == 4


def test_documents_of_json_tell_the_same(make_release: Make):
    documents = [json.loads(line) for line in make_release("--json").out.splitlines()]
    looks = [each for each in documents if "share" in each]
    assert (looks[0]["step"], looks[0]["secondsLeft"], looks[0]["canary"]) == ("start", 30, "v0.2 1/1")
    assert {"step": "start", "text": "updates"}.items() <= documents[1].items()


def test_a_run_that_meets_harm_after_its_promotion_goes_back_against_the_rules(make_release: Make, cluster: Cluster):
    """The last update asks the rules again: the state says what the file says."""
    cluster.harmful = (0,)
    assert make_release().code == WENT_BACK
    assert cluster.updates[-3:] == [("v0.2", 0, False), ("v0.1", 0, True), ("v0.1", 0, False)]


@pytest.mark.usefixtures("cluster")
def test_an_update_that_was_killed_is_not_previewed_again_before_it_is_recovered(monkeypatch: pytest.MonkeyPatch):
    asked = list[str]()
    monkeypatch.setattr(project.Engine, "preview", lambda _: asked.append("preview"))
    monkeypatch.setattr(project.Engine, "update", lambda *_: asked.append("update"))
    steps = (Step("before", "old"), Step("start", "new"))
    with Teller(as_json=True) as teller:
        for is_updating in (False, True):
            journal = Journal("staging", "plan.yaml", 0, "somebody", False, steps, is_updating=is_updating)
            project.Project("staging", False, teller).update(journal, skips_rules=False)
    assert asked == ["preview", "update", "update"]


def test_a_run_goes_back_with_the_manifest_of_before_the_plan(
    make_release: Make, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
):
    def sleep(_: Any, seconds: float) -> None:
        cluster.now += seconds
        manifest = Path("app.yaml")
        manifest.write_text(manifest.read_text().replace("name: k8s-testapp\n", "name: k8s-testapp # by others\n"))

    monkeypatch.setattr(project.Project, "sleep", sleep)
    cluster.harmful = (0,)
    assert make_release().code == WENT_BACK
    assert cluster.updates[-2:] == [("v0.1", 0, True), ("v0.1", 0, False)]


def test_a_user_without_a_name_is_told_by_number(make_release: Make, monkeypatch: pytest.MonkeyPatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "GITHUB_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)  # The user's number is no key.
    assert make_release().code == DONE
    [record] = Path("releases").glob("*.json")
    assert json.loads(record.read_text())["actor"] == str(os.getuid())
