"""What a change touches, and what the engine's committed documents become on GitHub."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from review.engine import document_of
from review.rendering import comment, drift
from review.stacks import touched

from .conftest import ROOT

PREVIEWS = ROOT / "tests" / "previews"
TABLE = """\
k8s-testapp in myapp: widens the canary from 33.3 % to 50.0 %
                before     after
stable          v0.1 x 2   v0.1 x 2
canary          v0.2 x 1   v0.2 x 2
canary's share  33.3 %     50.0 %
pods meanwhile  at most 4  at least 3 ready
"""
STACKS = ["dev", "prod", "staging"]


def document(name: str) -> dict[str, Any]:
    """One that the engine printed in the sandbox; tests/e2e/test_pull_requests.py compares and renews it."""
    return json.loads((PREVIEWS / f"{name}.json").read_text())


def canary_step(found: dict[str, Any]) -> dict[str, Any]:
    return next(step for step in found["steps"] if step["urn"].endswith("Deployment::release-canary"))


@pytest.mark.parametrize(
    ("name", "render"), [("widening", comment), ("refused", comment), ("unchanged", comment), ("drifted", drift)]
)
def test_the_text_is_that_of_the_engines_document(name: str, render: Any):
    assert render("dev", document(name)) == (PREVIEWS / f"{name}.md").read_text()


def test_the_documented_comment_is_the_rendered_one():
    assert (PREVIEWS / "widening.md").read_text() in (ROOT / "docs" / "pull-requests.md").read_text()


def test_an_unchanged_stack_has_one_line_and_a_healthy_one_no_drift():
    assert comment("dev", document("unchanged")) == "### dev: no changes\n"
    assert drift("dev", document("unchanged")) == ""


def test_warnings_and_replacements_stand_before_the_fold():
    found = document("widening")
    found["diagnostics"].append({"severity": "warning", "message": "warning: skipTransitionChecks is set\n"})
    canary_step(found)["op"] = "replace"
    shown, folded = comment("dev", found).split("<details>")
    assert shown.index(TABLE) < shown.index("warning: skipTransitionChecks is set")
    assert "replaces kubernetes:apps/v1:Deployment release-canary: deletes it and makes another" in shown
    assert "@@ replace kubernetes:apps/v1:Deployment release-canary @@" in folded


def test_an_unhealthy_resource_is_reported_without_drift():
    found = {"diagnostics": [{"severity": "warning", "message": "warning: Refreshed resource is unhealthy"}]}
    assert drift("prod", found).startswith("### prod: not healthy\n")


def test_added_and_removed_properties_are_told_by_one_line_each():
    found = document("widening")
    step = canary_step(found)
    step["oldState"]["inputs"]["metadata"]["labels"]["a.b/c[0]"] = "gone"
    step["newState"]["inputs"]["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "MODE"}]
    step["detailedDiff"] = {'metadata.labels["a.b/c[0]"]': {}, "spec.template.spec.containers[0].env[0].name": {}}
    lines = comment("dev", found).splitlines()
    assert [line for line in lines if line.startswith(("-", "+"))] == [
        "-canaryReplicas: 1",
        "+canaryReplicas: 2",
        '-metadata.labels["a.b/c[0]"]: "gone"',
        '+spec.template.spec.containers[0].env[0].name: "MODE"',
    ]


def test_no_value_ends_its_block():
    found = document("widening")
    canary_step(found)["newState"]["inputs"]["spec"]["replicas"] = "````\n</details>"
    text = comment("dev", found)
    assert "\n`````diff\n@@ update canary-release:index:CanaryRelease release @@\n" in text
    assert text.endswith("\n`````\n\n</details>\n")


@pytest.mark.parametrize("severity", ["error", "warning"])
def test_a_comment_that_is_too_long_for_github_keeps_the_table(severity: str):
    found = document("widening")
    step = canary_step(found)
    labels = {f"label{number}": "x" * 50 for number in range(5_000)}
    step["newState"]["inputs"]["metadata"]["labels"] |= labels
    step["detailedDiff"] |= {f"metadata.labels.{name}": {} for name in labels}
    long = "\n".join(["the reason", *(f"  problem {number}" for number in range(9_000))])
    for said in ([], [{"severity": severity, "message": long}]):
        full = copy.deepcopy(found)
        full["diagnostics"] += said
        text = comment("dev", full)
        assert 60_000 < len(text) < 65_536
        assert text.count(TABLE) == 1
        assert ("the reason" in text) == bool(said)
        assert text.endswith("more characters\n```\n\n</details>\n")


@pytest.mark.parametrize(
    ("stdout", "stderr", "reason"),
    [
        ("", "error: no stack named 'prod' found\n", "error: no stack named 'prod' found"),
        ("", "", "pulumi ended with 255 and said nothing"),
        ("{}", "error: lost the backend", "error: lost the backend"),
        ("no document", "", "no document"),
    ],
)
def test_a_failed_preview_gives_its_reason(stdout: str, stderr: str, reason: str):
    text = comment("prod", document_of(255, stdout, stderr))
    assert text.startswith("### prod: the preview failed\n")
    assert f"\n{reason}\n" in text


def test_an_engine_that_is_not_there_is_told_in_words():
    command = [sys.executable, "-m", "review", "comment", "team/prod"]
    done = subprocess.run(command, cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (127, "")
    assert done.stdout.startswith("### prod: the preview failed\n")
    assert "error: pulumi cannot be run: " in done.stdout


@pytest.mark.parametrize(
    ("changed", "stacks"),
    [
        (["Pulumi.staging.yaml"], ["staging"]),
        (["Pulumi.staging.yaml", "Pulumi.dev.yaml", "README.md"], ["dev", "staging"]),
        (["docs/pull-requests.md", "tests/unit/test_review.py", "components/README.md", "sandbox/build.py"], []),
        (["Makefile", "plan.py", "requirements-dev.txt", ".github/workflows/ci.yml", "review/stacks.py"], []),
        (["adopt.py", "observe/live.py", "observe/requirements.txt"], []),
        (["Pulumi.yaml"], STACKS),
        (["requirements.txt"], STACKS),
        (["components/checks.py", "Pulumi.dev.yaml"], STACKS),
        (["a_new_module.py"], STACKS),
        (["Pulumi.gone.yaml"], []),
        (["other/Pulumi.dev.yaml"], STACKS),
        ([""], []),
        ([], []),
    ],
)
def test_a_change_touches_the_stacks_whose_update_it_can_alter(changed: list[str], stacks: list[str]):
    assert touched(changed, STACKS) == stacks


def test_every_file_that_the_program_loads_touches_every_stack():
    listing = "print(*(getattr(module, '__file__', None) for module in sys.modules.values()))"
    command = [sys.executable, "-c", f"import sys, preflight, proof, settings; {listing}"]
    loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    own = {str(path.relative_to(ROOT)) for path in map(Path, loaded) if path.is_relative_to(ROOT)}
    own = {file for file in own if not file.startswith(".venv")} | {"__main__.py"}
    assert {"settings.py", "preflight.py", "components/canary_release.py"} <= own
    assert [file for file in own if touched([file], STACKS) != STACKS] == []


def test_the_stacks_are_told_without_any_installed_package():
    command = [sys.executable, "-S", "-m", "review", "stacks"]
    changed = "Pulumi.dev.yaml\nPulumi.prod.yaml\n"
    done = subprocess.run(command, cwd=ROOT, input=changed, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ('["dev", "prod"]\n', "")
