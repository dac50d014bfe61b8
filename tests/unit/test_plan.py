"""A release rehearsed from a file: tables, rules, changed objects and the way back, in one command."""

import subprocess
import sys
from pathlib import Path

import pytest

from settings import arguments_of, config_of_file

from .conftest import ROOT


def plan(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What `make plan` runs."""
    command = [sys.executable, "plan.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def steps(folder: Path, text: str) -> Path:
    path = folder / "steps.yaml"
    path.write_text(text)
    return path


def test_the_committed_plan_is_allowed_from_start_to_end():
    done = plan("docs/release-plan.yaml", "--stack", "staging")
    assert done.returncode == 0, done
    blocks = done.stdout.strip().split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == [
        "step 1 of 4, start",
        "step 2 of 4, widen",
        "step 3 of 4, promote",
        "step 4 of 4, remove",
    ]
    assert blocks[2].splitlines()[1:] == [
        "k8s-testapp in myapp-staging: promotes v0.2",
        "                before     after",
        "stable          v0.1 x 2   v0.2 x 2",
        "canary          v0.2 x 2   v0.2 x 0",
        "canary's share  50.0 %     0.0 %",
        "pods meanwhile  at most 5  at least 2 ready",
        "warning: the pods that serve fall from 4 to 2",
        "changes Deployment k8s-testapp: spec.template.spec.containers[0].image "
        '"arisu1000/simple-container-app:v0.1" => "arisu1000/simple-container-app:v0.2"',
        "changes Deployment k8s-testapp-canary: spec.replicas 2 => 0",
        "way back: rolls back to v0.1",
    ]
    assert "deletes Deployment k8s-testapp-canary" in blocks[3]


def test_a_step_that_is_refused_ends_the_rehearsal_with_the_steps_that_are_allowed(tmp_path: Path):
    done = plan(steps(tmp_path, "- widen: {canaryReplicas: 2}\n- jump: {stableVersion: v0.3, canaryReplicas: 0}\n"))
    assert done.returncode == 1
    assert "step 1 of 2, widen" in done.stdout
    assert "step 2 of 2, jump" in done.stderr
    assert "stable takes only what ran as canary" in done.stderr
    assert '1. jump: {stableVersion: "v0.1"}' in done.stderr


def test_a_way_back_of_several_updates_is_told_step_by_step(tmp_path: Path):
    """To the larger share that another canary had, a new one comes only by a start and a widening."""
    done = plan(steps(tmp_path, "- widen: {canaryReplicas: 2}\n- next: {canaryVersion: v0.3, canaryReplicas: 1}\n"))
    back = "way back: changes the canary from v0.3 to v0.2 at 33.3 %, then widens the canary from 33.3 % to 50.0 %"
    assert done.stdout.rstrip().endswith(back), done


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- start: {canaryVersion: 1.10}\n", "canaryVersion: 1.1\n    must be text"),
        ("- widen: {canaryReplica: 2}\n", "did you mean canaryReplicas?"),
        ("- widen: {canaryReplicas: 9}\n", "gives the canary 81.8 % of the pods"),
        ("widen: {canaryReplicas: 2}\n", "must be a list of steps"),
        ("- widen\n", 'step 1 is "widen"'),
        ("", "must be a list of steps"),
        ("- [", "must be a list of steps"),
    ],
)
def test_steps_that_cannot_be_are_refused_in_words(tmp_path: Path, text: str, words: str):
    done = plan(steps(tmp_path, text))
    assert done.returncode == 1
    assert done.stdout == ""
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_stack_without_a_file_is_refused_with_the_stacks_there_are():
    assert "must be one of dev, prod, staging" in plan("docs/release-plan.yaml", "--stack", "production").stderr


def test_a_stack_file_that_is_no_yaml_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("Pulumi.dev.yaml").write_text("config: [\n")
    with pytest.raises(ValueError, match=r"Pulumi\.dev\.yaml is no YAML: "):
        config_of_file("dev", "canary")


def test_how_updates_are_judged_is_nothing_of_a_rehearsal():
    assert arguments_of({"app": "shop", "gates": {"up": {}}, "evidenceFolder": "evidence"}) == {"app": "shop"}
