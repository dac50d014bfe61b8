"""A release rehearsed from a file: tables, rules, changed objects and the way back, in one command."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from components.problems import REMOVE
from plan import edited
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
    widen = "- widen: {canaryReplicas: 2}\n"
    done = plan(steps(tmp_path, widen + "- jump: {stableVersion: v0.3, canaryReplicas: 0}\n"))
    assert done.returncode == 1
    assert "step 1 of 2, widen" in done.stdout
    assert "step 2 of 2, jump" in done.stderr
    assert "stable takes only what ran as canary" in done.stderr
    way = re.findall(r"^  \d\. (- .*\n)", done.stderr, re.MULTILINE)
    assert way == [
        "- jump: {stableVersion: v0.1, canaryReplicas: 2, canaryVersion: v0.3}\n",
        "- jump: {stableVersion: v0.3, canaryReplicas: 0, canaryVersion: v0.2}\n",
    ]
    assert plan(steps(tmp_path, widen + "".join(way))).returncode == 0


def test_the_fix_of_a_step_is_its_whole_line_as_the_plan_accepts_it(tmp_path: Path):
    container = "{env: [{name: A, value: 4}, {name: B, valu: x}]}"
    gates = '{"a b": {query: up, success: "> 0"}, c: {query: up, success: "> 0", count: "3"}}'
    text = f"- start: {{canaryReplicas: 2, canaryReplica: 3, container: {container}, gates: {gates}, protect: maybe}}\n"
    refused = plan(steps(tmp_path, text))
    fix = refused.stderr.rpartition("\n  fix: ")[2]
    assert yaml.safe_load(fix) == [
        {
            "start": {
                "canaryReplicas": 2,
                "container": {"env": [{"name": "A", "value": "4"}, {"name": "B", "value": "x"}]},
                "gates": {"c": {"query": "up", "success": "> 0", "count": 3}, "a-b": {"query": "up", "success": "> 0"}},
                "protect": True,
                "prometheusUrl": "http://127.0.0.1:9090",
            }
        }
    ]
    assert plan(steps(tmp_path, fix)).returncode == 0


def test_a_fix_of_what_an_earlier_step_set_keeps_the_rest_of_it(tmp_path: Path):
    pod = "{hostNetwork: true, terminationGracePeriodSeconds: 3}"
    own = f"- own: {{pod: {pod}, container: {{lifecycle: {{preStop: {{sleep: {{seconds: 1}}}}}}}}}}\n"
    done = plan(steps(tmp_path, f"{own}- default: {{container: null}}\n"))
    fix = "- default: {container: null, pod: {hostNetwork: true, terminationGracePeriodSeconds: 30}}\n"
    assert done.stderr.endswith(f"\n  fix: {fix}"), done
    assert plan(steps(tmp_path, own + fix)).returncode == 0


def test_a_fix_leaves_what_it_edits_as_it_is():
    given = {"env": [{"name": "A"}, {"name": "B"}]}
    assert edited(given, ["env", 0], REMOVE) == {"env": [{"name": "B"}]}
    assert edited(given, ["env", 1, "value"], "x") == {"env": [{"name": "A"}, {"name": "B", "value": "x"}]}
    assert given == {"env": [{"name": "A"}, {"name": "B"}]}


def test_a_secret_in_a_step_is_refused_without_showing_it(tmp_path: Path):
    text = "- start: {canaryReplicas: 9, prometheusToken: hunter2, prometheusUrl: 'http://user:hunter2@host'}\n"
    refused = plan(steps(tmp_path, text)).stderr
    assert "prometheusToken: [secret]\n    must be secret" in refused
    assert "prometheusUrl: [secret]" in refused
    assert "hunter2" not in refused


def test_a_way_back_of_several_updates_is_told_step_by_step(tmp_path: Path):
    """To the larger share that another canary had, a new one comes only by a start and a widening."""
    done = plan(steps(tmp_path, "- widen: {canaryReplicas: 2}\n- next: {canaryVersion: v0.3, canaryReplicas: 1}\n"))
    back = "way back: changes the canary from v0.3 to v0.2 at 33.3 %, then widens the canary from 33.3 % to 50.0 %"
    assert done.stdout.rstrip().endswith(back), done


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- start: {canaryVersion: 1.10}\n", "canaryVersion: 1.1\n    must be text (quote it)"),
        ("- start: {canaryVersion: 2024-01-02}\n", "canaryVersion: the date 2024-01-02\n    must be text (quote it)"),
        ("- start: {canaryVersion: 2024-01-02}\n", "\n  fix: - start: {canaryVersion: <tag>}\n"),
        ("- start: {protect: maybe}\n", 'protect: "maybe"\n    must be true or false'),
        ("- start: {protekt: true}\n", "did you mean protect?"),
        ("- start: {provenIn: dev}\n", 'provenIn: "dev"\n    must be another stack'),
        ("- start: {gates: {1: up}}\n", 'gates.1: "up"\n    must be an object'),
        ("- start: {evidenceFolder: [a]}\n", 'evidenceFolder: ["a"]\n    must be text'),
        ("- widen: {canaryReplica: 2}\n", "did you mean canaryReplicas?"),
        ("- widen: {canaryReplicas: 9}\n", "gives the canary 81.8 % of the pods"),
        ("widen: {canaryReplicas: 2}\n", "must be a list of steps"),
        ("- widen\n", 'step 1 is "widen"'),
        ("", "must be a list of steps"),
        ("- [", "must be a list of steps"),
        ("- [", 'steps.yaml", line 1, column 4'),
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
    with pytest.raises(ValueError, match=r'(?s)Pulumi\.dev\.yaml is no YAML: .*in "Pulumi\.dev\.yaml", line 2'):
        config_of_file("dev", "canary")


def test_a_file_that_is_not_utf_8_is_refused_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = steps(tmp_path, "")
    path.write_bytes(b"- start: {canaryVersion: \xff}\n")
    assert f'invalid start byte\n  in "{path}"' in plan(path).stderr
    monkeypatch.chdir(tmp_path)
    Path("Pulumi.dev.yaml").write_bytes(b"config: \xff\n")
    with pytest.raises(ValueError, match=r'(?s)Pulumi\.dev\.yaml is no YAML: .*in "Pulumi\.dev\.yaml"'):
        config_of_file("dev", "canary")


def test_how_updates_are_judged_is_nothing_of_a_rehearsal():
    assert arguments_of({"app": "shop", "gates": {"up": {}}, "evidenceFolder": "evidence"}) == {"app": "shop"}
