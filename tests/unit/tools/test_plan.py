"""A plan rehearsed from a file: tables, rules, changed objects and the way back, in one command."""

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools import plan as tool

from ..conftest import ROOT
from ..stack.generated import KEYS, texts, values


@dataclass
class Done:
    """How a rehearsal ended."""

    code: int
    out: str
    error: str

    @property
    def blocks(self) -> list[str]:
        """What was told, block by block; the first one is what is told once."""
        return self.out.strip().split("\n\n")


Plan = Callable[..., Done]


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Plan:
    """What `make plan` runs, in a copy of the project: with the text of the steps, and changed files."""

    def plan(steps: str | bytes, stack: str = "dev", **files: str) -> Done:
        for path in [ROOT / "app.yaml", *ROOT.glob("Pulumi*.yaml")]:
            shutil.copy(path, tmp_path)
        for name, text in files.items():
            (tmp_path / f"{name.replace('_', '.')}.yaml").write_text(text)
        path = tmp_path / "steps.yaml"
        path.write_bytes(steps if isinstance(steps, bytes) else steps.encode("utf-8", "surrogatepass"))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["plan", str(path), "--stack", stack])
        error = ""
        try:
            tool.main()
        except SystemExit as ended:
            error = str(ended.code)
        return Done(1 if error else 0, capsys.readouterr().out, error)

    return plan


COMMITTED = (ROOT / "docs" / "release-plan.yaml").read_text()
LIMITS = "{spec: {template: {spec: {containers: [{name: testapp, resources: {limits: {memory: 64Mi}}}]}}}}"
PATCHES = f"[{{kind: Deployment, {LIMITS[1:]}]"
WITHOUT_CANARY = "- remove: {canaryVersion: null, canaryReplicas: null}\n"


def test_the_committed_plan_is_allowed_from_start_to_end(plan: Plan):
    done = plan(COMMITTED, "staging")
    assert done.code == 0, done
    blocks = done.blocks
    assert blocks[0].splitlines()[:2] == [
        "adds where the manifest is silent:",
        '  spec.strategy: {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}}',
    ]
    assert [block.splitlines()[0] for block in blocks[1:]] == [
        "step 1 of 4, start",
        "step 2 of 4, widen",
        "step 3 of 4, promote",
        "step 4 of 4, remove",
    ]
    assert blocks[3].splitlines()[1:] == [
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
    assert "deletes Deployment k8s-testapp-canary" in blocks[4]


def test_a_patch_is_tried_by_the_canary_and_moves_to_stable(plan: Plan):
    tried = f"- try: {{canaryVersion: v0.1, canaryReplicas: 1, canaryPatch: {LIMITS}}}\n"
    moved = f"- move: {{patches: {PATCHES}, canaryPatch: null, canaryVersion: null, canaryReplicas: 0}}\n"
    done = plan(WITHOUT_CANARY + tried + moved)
    assert done.code == 0, done
    assert "changes limits of container testapp in stable" in done.blocks[3]
    assert 'resources not set => {"limits": {"memory": "64Mi"}}' in done.blocks[3]


def test_another_manifest_is_a_step(plan: Plan):
    other = (ROOT / "app.yaml").read_text().replace("RuntimeDefault", "Unconfined")
    tried = "- try: {canaryVersion: v0.1, canaryPatch: {spec: {template: {spec: {securityContext: "
    tried += "{seccompProfile: {type: Unconfined}}}}}}}\n"
    move = "- move: {manifest: other.yaml, canaryPatch: null, canaryVersion: v0.2, canaryReplicas: 0}\n"
    assert plan(tried + move, other=other).code == 0
    assert "stable takes only what ran as canary" in plan(WITHOUT_CANARY + move, other=other).error


def test_a_plan_is_not_proposed_as_manifest(plan: Plan):
    assert plan("- start: {manifest: step.yaml}\n").error.endswith("No such file or directory")


def test_a_step_that_is_refused_ends_the_rehearsal_with_the_steps_that_are_allowed(plan: Plan):
    widen = "- widen: {canaryReplicas: 2}\n"
    done = plan(widen + "- jump: {stableVersion: v0.3, canaryReplicas: 0}\n")
    assert done.code == 1
    assert "step 1 of 2, widen" in done.out
    assert "step 2 of 2, jump" in done.error
    assert "stable takes only what ran as canary" in done.error
    way = ways(done)
    assert way == [
        "- change-canary: {canaryVersion: v0.3}\n",
        "- promote: {stableVersion: v0.3, canaryVersion: v0.2, canaryReplicas: 0}\n",
    ]
    assert plan(widen + "".join(way)).code == 0


@pytest.mark.parametrize(
    "step",
    [
        f"{{patches: {PATCHES}}}",
        f"{{patches: {PATCHES}, stableVersion: v0.3}}",
        f"{{patches: {PATCHES}, stableReplicas: 4, maxCanaryShare: 30}}",
        f"{{stableVersion: v0.3, canaryVersion: v0.3, canaryReplicas: 1, canaryPatch: {LIMITS}}}",
    ],
)
@pytest.mark.parametrize("before", ["", WITHOUT_CANARY])
def test_the_way_of_content_is_told_in_lines_that_the_plan_accepts(plan: Plan, before: str, step: str):
    refused = plan(f"{before}- jump: {step}\n")
    way = ways(refused)
    assert way, refused
    assert plan(before + "".join(way)).code == 0
    assert "- jump" not in "".join(way)


def ways(done: Done) -> list[str]:
    """The lines of the shortest way."""
    return re.findall(r"^  \d\. (- .*\n?)", done.error + "\n", re.MULTILINE)


def test_the_fix_of_a_step_is_its_whole_line_as_the_plan_accepts_it(plan: Plan):
    containers = "[{name: testapp, env: [{name: A, value: 0644}, {name: B, valu: x}]}]"
    patch = f"{{spec: {{template: {{spec: {{containers: {containers}}}}}}}}}"
    gates = '{"a b": {query: up, success: "> 0"}, c: {query: up, success: "> 0", count: "3"}}'
    keys = f"canaryReplicas: 1, canaryReplica: 3, canaryPatch: {patch}, gates: {gates}, protect: maybe"
    refused = plan(f"- start: {{{keys}}}\n")
    fix = refused.error.rpartition("\n  fix: ")[2]
    env = [{"name": "A", "value": "0644"}, {"name": "B", "value": "x"}]
    assert yaml.safe_load(fix) == [
        {
            "start": {
                "canaryReplicas": 1,
                "canaryPatch": {"spec": {"template": {"spec": {"containers": [{"name": "testapp", "env": env}]}}}},
                "gates": {"c": {"query": "up", "success": "> 0", "count": 3}, "a-b": {"query": "up", "success": "> 0"}},
                "protect": True,
                "prometheusUrl": "http://127.0.0.1:9090",
            }
        }
    ]
    assert plan(fix).code == 0


def test_a_fix_of_what_an_earlier_step_set_keeps_the_rest_of_it(plan: Plan):
    ok = "- gates: {prometheusUrl: 'http://p', gates: {a: {query: up, success: '> 0'}, b: {bad: x, total: y}}}\n"
    done = plan(ok + "- other: {prometheusUrl: null}\n")
    fix = "- other: {prometheusUrl: 'http://127.0.0.1:9090'}"
    assert done.error.endswith(f"\n  fix: {fix}"), done
    assert plan(f"{ok}{fix}\n").code == 0


def test_a_secret_in_a_step_is_refused_without_showing_it(plan: Plan):
    text = "- start: {canaryReplicas: 9, prometheusToken: hunter2, prometheusUrl: 'http://user:hunter2@host'}\n"
    refused = plan(text).error
    assert "prometheusToken: [secret]\n    must be secret" in refused
    assert "hunter2" not in refused
    assert "hunter2" not in plan("- start: {prometheusUrl: 'http://user:hunter2@host'}\n").error
    assert "hunter2" not in plan("- start: {prometheusToken: 'hunter2\n").error
    assert "hunter2" not in plan("- start: prometheusToken=hunter2\n").error


def test_an_encrypted_token_in_a_step_is_no_problem(plan: Plan):
    gates = "gates: {up: {query: up, success: '> 0'}}, prometheusUrl: 'http://p'"
    assert plan(f"- gate: {{{gates}, prometheusToken: {{secure: v1:abc}}}}\n").code == 0


def test_a_way_back_of_several_updates_is_told_step_by_step(plan: Plan):
    """To the larger share that another canary had, a new one comes only by a start and a widening."""
    done = plan("- widen: {canaryReplicas: 2}\n- next: {canaryVersion: v0.3, canaryReplicas: 1}\n")
    back = "way back: changes the canary from v0.3 to v0.2 at 33.3 %, then widens the canary from 33.3 % to 50.0 %"
    assert done.out.rstrip().endswith(back), done


def test_a_rollback_to_what_never_ran_is_warned_of(plan: Plan):
    done = plan("- roll-back: {stableVersion: v9, canaryVersion: v0.1, canaryReplicas: 1}\n")
    assert done.code == 0, done
    assert "warning: " in done.blocks[1]
    assert "v9" in next(line for line in done.blocks[1].splitlines() if line.startswith("warning: "))


def test_without_the_rules_every_step_runs(plan: Plan):
    assert plan("- jump: {stableVersion: v9, skipTransitionChecks: true}\n").code == 0


def test_warnings_of_the_manifest_are_told_once(plan: Plan):
    sticky = (ROOT / "app.yaml").read_text().replace("type: NodePort", "type: NodePort\n  sessionAffinity: ClientIP")
    done = plan("- widen: {canaryReplicas: 2}\n- narrow: {canaryReplicas: 1}\n", app=sticky)
    assert done.out.count("sessionAffinity ClientIP") == 1
    assert "sessionAffinity ClientIP" in done.blocks[0]


def test_a_default_of_the_project_counts(plan: Plan):
    """It is what the program sees where the stack file is silent."""
    project = (ROOT / "Pulumi.yaml").read_text().replace("default: 50", "default: 20")
    refused = plan("- widen: {canaryReplicas: 2}\n", Pulumi=project)
    assert "gives the canary 33.3 % of the pods; maxCanaryShare allows 20 %" in refused.error
    assert "canaryReplicas: 1" in refused.error


def test_null_takes_a_key_away_so_that_the_default_of_the_project_counts(plan: Plan):
    project = (ROOT / "Pulumi.yaml").read_text().replace("default: 50", "default: 40")
    stack = (ROOT / "Pulumi.dev.yaml").read_text().replace("config:\n", 'config:\n  canary:maxCanaryShare: "50"\n')
    steps = "- widen: {canaryReplicas: 2}\n- limit: {maxCanaryShare: null}\n"
    assert "allows 40 %" in plan(steps, Pulumi=project, Pulumi_dev=stack).error


def test_what_only_the_engine_knows_is_said(plan: Plan):
    text = (ROOT / "Pulumi.dev.yaml").read_text()
    known = plan("- widen: {canaryReplicas: 2}\n", Pulumi_dev=f"environment:\n  - shared\n{text}")
    assert known.blocks[0].startswith("warning: Pulumi.dev.yaml has an `environment`")
    missing = text.replace('  canary:stableVersion: "v0.1"\n', "")
    unknown = plan("- widen: {canaryReplicas: 2}\n", Pulumi_dev=f"environment: [shared]\n{missing}")
    assert "stableVersion: missing" in unknown.error
    assert "only the engine knows them" in unknown.error


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- start: {canaryVersion: 1.10}\n", 'canaryVersion: "1.10"\n    must be quoted in steps.yaml'),
        ("- start: {canaryVersion: 1.10}\n", "\n  fix: - start: {canaryVersion: '1.10'}"),
        ("- start: {canaryVersion: 2024-01-02}\n", "YAML reads it as the date 2024-01-02"),
        ("- start: {canaryVersion: 2024-01-02}\n", "\n  fix: - start: {canaryVersion: '2024-01-02'}"),
        ("- start: {protect: maybe}\n", 'protect: "maybe"\n    must be true or false'),
        ("- start: {protekt: true}\n", "did you mean protect?"),
        ("- start: {provenIn: dev}\n", 'provenIn: "dev"\n    must be another stack'),
        ("- start: {provenIn: acme/canary/dev}\n", "must be another stack"),
        ("- start: {gates: {1: up}}\n", 'gates.1: "up"\n    must be an object'),
        ("- start: {evidenceFolder: [a]}\n", 'evidenceFolder: ["a"]\n    must be text'),
        ("- start: {manifest: ap.yaml}\n", "did you mean app.yaml?"),
        ("- start: {manifest: ap.yaml}\n", "\n  fix: - start: {manifest: app.yaml}"),
        ("- start: {patches: {kind: Service}}\n", "must be a list of partial objects"),
        ("- widen: {canaryReplica: 2}\n", "did you mean canaryReplicas?"),
        ("- widen: {canaryReplicas: 9}\n", "gives the canary 81.8 % of the pods"),
        ("- widen: {canaryReplicas: 2, canaryReplicas: 3}\n", "must stand once"),
        ("- widen: {canaryReplicas: 2}\n  widen: {}\n", "must stand once"),
        ("widen: {canaryReplicas: 2}\n", "must be a list of steps"),
        ("- a: {}\n- widen\n", 'steps.yaml:2: "widen"'),
        ("- a:\n    canaryVersion: v2\n    canaryReplicas: 900\n", "steps.yaml:3: canaryReplicas: 900"),
        ("- a: {kubernetes:contxt: there}\n", 'steps.yaml:1: kubernetes:contxt: "there"\n    is not a key of the'),
        ("- a: {kubernetes:context: there}\n", 'steps.yaml:1: kubernetes:context: "there"\n    must stay'),
        ("- a: {kubernetes:context: null}\n", "steps.yaml:1: kubernetes:context: missing\n    is required"),
        ("- widen\n", "must be a step with one name"),
        ("- a: {}\n  b: {}\n", "must be a step with one name"),
        ("- a: b\n", "must be an object of config keys"),
        ("", "must be a list of steps"),
        ("- a: {}\n- ]", 'steps.yaml:2: "- ]"\n    must be YAML'),
        (b"- start: {canaryVersion: \xff}\n", "steps.yaml:1: [not shown]\n    must be text in UTF-8"),
    ],
)
def test_steps_that_cannot_be_are_refused_in_words(plan: Plan, text: str | bytes, words: str):
    done = plan(text)
    assert done.code == 1
    assert "step 1 of" not in done.out
    assert words in done.error


def test_a_plan_that_is_missing_is_told(plan: Plan, monkeypatch: pytest.MonkeyPatch):
    plan(COMMITTED)
    monkeypatch.setattr(sys, "argv", ["plan", "", "--stack", "dev"])
    with pytest.raises(SystemExit, match="error: PLAN is missing: make plan STACK=dev PLAN=<file with the steps>"):
        tool.main()


def test_a_stack_without_a_file_is_refused_with_the_stacks_there_are(plan: Plan):
    assert "must be one of dev, prod, staging; did you mean prod?" in plan(COMMITTED, "production").error


def test_a_manifest_that_is_wrong_is_told_with_its_line(plan: Plan):
    text = (ROOT / "app.yaml").read_text().replace("replicas: 2", "replica: 2")
    assert "app.yaml:9: spec.replica: 2\n" in plan(COMMITTED, app=text).error


configs = st.dictionaries(st.one_of(st.sampled_from(KEYS), texts), values, max_size=4)
steps = st.lists(st.one_of(values, st.dictionaries(texts, configs, min_size=1, max_size=1)), max_size=3)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(steps.map(yaml.safe_dump), st.text(max_size=60), st.binary(max_size=60)))
def test_any_plan_is_rehearsed_or_refused_in_words(plan: Plan, text: str | bytes):
    done = plan(text)
    assert done.code == 0 or done.error.startswith("error: ")


def test_a_plan_is_refused_where_another_stack_declares_the_same(plan: Plan):
    dev = (ROOT / "Pulumi.dev.yaml").read_text()
    refused = plan("- widen: {canaryReplicas: 2}\n", **{"Pulumi_other": dev}).error
    assert "must not be that of Pulumi.other.yaml, which declares the same" in refused


def test_a_plan_is_refused_where_the_stack_file_has_a_misspelt_key(plan: Plan):
    dev = (ROOT / "Pulumi.dev.yaml").read_text() + "confg:\n  canary:canaryReplicas: 5\n"
    refused = plan("- widen: {canaryReplicas: 2}\n", Pulumi_dev=dev).error
    line = len(dev.splitlines()) - 1
    assert f"Pulumi.dev.yaml:{line}: confg: [not shown]\n    is not a key of a stack file" in refused
    assert "did you mean config?" in refused


def test_a_number_of_any_length_is_told_in_a_bounded_message(plan: Plan):
    for key in ("canaryReplicas", "canaryVersion", "namespace"):
        refused = plan(f"- a: {{{key}: {'9' * 5000}}}\n")
        assert max(map(len, refused.error.splitlines())) < 1000, key
