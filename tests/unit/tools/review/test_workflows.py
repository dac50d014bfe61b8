"""The scripts in the workflow files, run on real commits as GitHub's runner runs them, and who may do what."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.review.stacks import stacks_in

ROOT = Path(__file__).parents[4]

WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / ".github" / "workflows").glob("*.yml")}
ALL = f"stacks={json.dumps(stacks_in(ROOT))}\n"
TREE = "components/canary_release/model/tree.py"


def script(workflow: str, job: str) -> str:
    """The job's first script."""
    return next(step["run"] for step in WORKFLOWS[workflow]["jobs"][job]["steps"] if "run" in step)


class Clone:
    """A repository with this project's stacks and the scripts' package, on its branch `main`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "tools" / "review", folder / "tools" / "review")
        shutil.copy(ROOT / "tools" / "answers.py", folder / "tools")
        (folder / TREE).parent.mkdir(parents=True)
        shutil.copy(ROOT / TREE, folder / TREE)
        for file in [*ROOT.glob("Pulumi*.yaml"), ROOT / "__main__.py"]:
            shutil.copy(file, folder)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "test")
        self.git("config", "user.email", "test@example.com")
        self.commit()

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done
        return done.stdout.strip()

    def commit(self, *changed: str) -> str:
        """Commits a change of the files; returns the commit."""
        for name in changed:
            (self.folder / name).write_text((self.folder / name).read_text() + "# changed\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "change")
        return self.git("rev-parse", "HEAD")

    def run(self, workflow: str, job: str, **variables: str) -> tuple[int, str]:
        """Exit code and output of the job's first script."""
        environment = {**os.environ, "GITHUB_OUTPUT": os.devnull, "GITHUB_REF_NAME": "main", **variables}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script(workflow, job)]
        done = subprocess.run(command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=None, text=True)
        return done.returncode, done.stdout


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_a_preview_is_of_the_stacks_that_the_pull_request_touches_whatever_main_did_since(clone: Clone):
    clone.git("checkout", "--quiet", "-b", "pull-request")
    clone.commit("Pulumi.dev.yaml")
    clone.commit("Pulumi.prod.yaml")
    clone.git("checkout", "--quiet", "main")
    clone.commit("Pulumi.staging.yaml")
    clone.git("merge", "--quiet", "--no-edit", "pull-request")
    assert clone.run("preview", "stacks") == (0, 'stacks=["dev", "prod"]\n')


@pytest.mark.parametrize(("fork", "reason"), [("true", "comes from a fork"), ("false", "PULUMI_ORGANIZATION")])
def test_a_pull_request_without_credentials_is_told_why(clone: Clone, fork: str, reason: str):
    code, text = clone.run("preview", "without-credentials", STACKS='["dev"]', FORK=fork)
    assert code == 0
    assert text.startswith('::warning title=No preview of ["dev"]::')
    assert reason in text


def test_a_push_deploys_the_stacks_of_all_its_commits(clone: Clone):
    before = clone.git("rev-parse", "HEAD")
    clone.commit("Pulumi.dev.yaml")
    after = clone.commit("Pulumi.staging.yaml")
    assert clone.run("deploy", "stacks", BEFORE=before, GITHUB_SHA=after) == (0, 'stacks=["dev", "staging"]\n')
    assert clone.run("deploy", "stacks", BEFORE=after, GITHUB_SHA=after) == (0, "stacks=[]\n")


@pytest.mark.parametrize("before", ["", "0" * 40])
def test_a_run_by_hand_and_the_first_push_deploy_all_stacks(clone: Clone, before: str):
    assert clone.run("deploy", "stacks", BEFORE=before, GITHUB_SHA=clone.git("rev-parse", "HEAD")) == (0, ALL)


def test_the_drift_of_all_stacks_is_looked_for(clone: Clone):
    assert clone.run("drift", "stacks") == (0, ALL)


def test_a_late_approval_brings_back_no_older_state_of_its_stack(clone: Clone):
    approved = clone.commit("Pulumi.prod.yaml")
    clone.commit("Pulumi.staging.yaml")
    assert clone.run("update", "update", STACK="prod", GITHUB_SHA=approved) == (0, "")
    clone.commit("__main__.py")
    code, text = clone.run("update", "update", STACK="prod", GITHUB_SHA=approved)
    assert code == 1
    assert text == "::error::a newer commit of main changes stack prod too: its own workflow run updates the stack\n"


def test_a_commit_that_is_gone_from_main_is_not_deployed(clone: Clone):
    assert clone.run("update", "update", STACK="prod", GITHUB_SHA="1" * 40)[0] != 0


def test_every_stack_is_deployed_one_after_the_other():
    jobs: dict[str, Any] = dict(WORKFLOWS["deploy"]["jobs"])
    del jobs["stacks"]
    assert sorted(jobs) == stacks_in(ROOT)
    assert {name: job["needs"] for name, job in jobs.items()} == {
        "dev": "stacks",
        "staging": ["stacks", "dev"],
        "prod": ["stacks", "staging"],
    }
    assert {name: job["with"]["stack"] for name, job in jobs.items()} == {name: name for name in jobs}


@pytest.fixture
def released(clone: Clone) -> Clone:
    """A clone whose changelog has a section for the version that the package has."""
    (clone.folder / "components" / "pyproject.toml").write_text('name = "canary-release"\nversion = "0.1.0"\n')
    sections = [
        "# Changelog",
        "## 0.2.0, unreleased",
        "- Later.",
        "## 0.1.0, 2026-11-26",
        "- First.",
        "## 0.0.1, 2026-01-01",
    ]
    (clone.folder / "CHANGELOG.md").write_text("\n\n".join(sections) + "\n")
    return clone


def test_the_notes_of_a_release_are_its_section_of_the_changelog(released: Clone):
    assert released.run("publish", "wheel", GITHUB_REF_NAME="v0.1.0") == (0, "")
    assert (released.folder / "release" / "notes.md").read_text() == "\n- First.\n\n"


@pytest.mark.parametrize(
    ("tag", "version", "reason"),
    [
        ("v0.1.1", "0.1.0", "::error file=components/pyproject.toml::its version is not the tag's, which is 0.1.1\n"),
        ("v0.2.0", "0.2.0", "the day of the version: ## 0.2.0, YYYY-MM-DD\n"),
        ("v0.3.0", "0.3.0", "the day of the version: ## 0.3.0, YYYY-MM-DD\n"),
    ],
)
def test_a_tag_without_its_version_and_its_day_is_not_published(released: Clone, tag: str, version: str, reason: str):
    (released.folder / "components" / "pyproject.toml").write_text(f'version = "{version}"\n')
    code, text = released.run("publish", "wheel", GITHUB_REF_NAME=tag)
    assert code == 1
    assert text.endswith(reason)


def test_nothing_is_published_before_all_tests_have_passed():
    jobs = WORKFLOWS["publish"]["jobs"]
    assert jobs["release"]["needs"] == ["wheel", "tests"]
    assert jobs["registry"]["needs"] == "release"
    assert jobs["tests"]["uses"] == "./.github/workflows/ci.yml"


def test_no_job_with_credentials_of_a_stack_can_write_on_github():
    jobs = {(name, job): each for name, found in WORKFLOWS.items() for job, each in found["jobs"].items()}
    granted = {place: job["permissions"] for place, job in jobs.items()}
    with_credentials = [place for place, permissions in granted.items() if "id-token" in permissions]
    assert len(with_credentials) == 8
    more = [place for place in with_credentials if granted[place] != {"contents": "read", "id-token": "write"}]
    # It commits each step, so that Git says what runs.
    assert more == [("release", "run")]
    assert granted[more[0]] == {"contents": "write", "id-token": "write"}


JOURNAL = {"stack": "staging", "plan": "docs/release-plan.yaml", "step": 2}


def test_a_run_is_the_one_that_was_asked_for(clone: Clone):
    (clone.folder / ".release-staging.json").write_text(json.dumps(JOURNAL))
    asked = clone.run("release", "runs", STACK="prod", PLAN='it\'s "quoted".yaml')
    assert asked == (0, 'runs=[{"stack": "prod", "plan": "it\'s \\"quoted\\".yaml"}]\n')


def test_runs_under_way_go_on_by_schedule(clone: Clone):
    assert clone.run("release", "runs", STACK="", PLAN="") == (0, "runs=[]\n")
    (clone.folder / ".release-staging.json").write_text(json.dumps(JOURNAL))
    listed = 'runs=[{"stack": "staging", "plan": "docs/release-plan.yaml"}]\n'
    assert clone.run("release", "runs", STACK="", PLAN="") == (0, listed)


@pytest.mark.parametrize(
    ("script_of_the_run", "hours", "code"),
    [("exit 0", "5h", 0), ("exit 3", "5h", 1), ("exit 1", "5h", 1), ("exec sleep 60", "0.1", 0)],
    ids=["it is done", "it went back", "it did not begin", "its job's time is over"],
)
def test_a_run_whose_time_is_over_is_no_failure(
    clone: Clone, tmp_path: Path, script_of_the_run: str, hours: str, code: int
):
    tools = tmp_path / ".venv" / "bin"
    tools.mkdir(parents=True)
    for name, text in {"python": f'echo "$@"; {script_of_the_run}', "pip": "exit 0", "pulumi": "exit 0"}.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    given = {"STACK": "dev", "PLAN": "a plan.yaml", "ORGANIZATION": "acme", "HOURS": hours, "PATH": path}
    done = clone.run("release", "run", GITHUB_EVENT_NAME="workflow_dispatch", **given)
    assert done == (code, "-m tools.release a plan.yaml --stack dev --commit push\n")
    ended = clone.run("release", "run", GITHUB_EVENT_NAME="schedule", **given)
    assert ended == (0, "")
