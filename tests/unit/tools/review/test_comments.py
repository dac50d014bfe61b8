"""What the engine's documents become on GitHub."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.review.engine import document_of
from tools.review.rendering import comment, drift

ROOT = Path(__file__).parents[4]

PREVIEWS = ROOT / "tests" / "previews"
TABLE = """\
k8s-testapp in myapp: widens the canary from 33.3 % to 50.0 %
                before     after
stable          v0.1 x 2   v0.1 x 2
canary          v0.2 x 1   v0.2 x 2
canary's share  33.3 %     50.0 %
pods meanwhile  at most 4  at least 3 ready
"""


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
        ("null", "error: lost the backend", "null"),
        ("no document", "", "no document"),
    ],
)
def test_a_failed_preview_gives_its_reason(stdout: str, stderr: str, reason: str):
    text = comment("prod", document_of(255, stdout, stderr))
    assert text.startswith("### prod: the preview failed\n")
    assert f"\n{reason}\n" in text


def test_an_engine_that_is_not_there_is_told_in_words():
    command = [sys.executable, "-m", "tools.review", "comment", "team/prod"]
    done = subprocess.run(command, cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (127, "")
    assert done.stdout.startswith("### prod: the preview failed\n")
    assert "error: pulumi cannot be run: " in done.stdout


@pytest.mark.parametrize(
    "stdout", ["", "{}", '{"steps": []}', '{"duration": null}', "null", "[]", '{"steps": [', "[" * 99_999]
)
def test_a_document_that_is_not_whole_is_no_unchanged_stack(stdout: str):
    found = document_of(0, stdout, "")
    assert comment("prod", found).startswith("### prod: the preview failed\n")
    assert drift("prod", found).startswith("### prod: not checked\n")


def test_a_document_without_changes_is_an_unchanged_stack():
    found = document_of(0, '{"duration": 1}', "")
    assert (comment("prod", found), drift("prod", found)) == ("### prod: no changes\n", "")


@pytest.mark.parametrize("field", ["op", "urn", "oldState", "newState", "detailedDiff"])
@pytest.mark.parametrize("value", [None, 5, [], {}])
def test_a_step_without_one_of_its_fields_is_shown_with_the_others(field: str, value: Any):
    found = document("widening")
    canary_step(found)[field] = value
    text = comment("dev", found)
    assert TABLE in text
    assert ("release-canary @@" in text) == (field != "urn")
    assert ("-spec.replicas: 1" in text) == (field in ("op", "urn"))


def test_a_value_of_backticks_alone_leaves_the_text_within_githubs_limit():
    found = document("widening")
    found["diagnostics"] = [{"severity": "warning", "message": "`" * 30_000}]
    assert len(comment("dev", found)) < 65_536
