"""Patches merge as the real kubectl merges them."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from canary_release.model.fields import field_problems
from canary_release.model.merge import merged
from canary_release.model.tree import without_nulls

from ..conftest import KUBECTL, needs_kubectl
from .generated import manifests, named

pytestmark = needs_kubectl
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
TARGETS = 4
"""Objects that one process patches."""


def patched_by_kubectl(objects_: list[dict[str, Any]], patch: dict[str, Any], folder: Path) -> list[Any]:
    file = folder / "targets.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects_}))
    arguments = ["--local", "--dry-run=client", "--type", "strategic", "--filename", str(file), "--output", "json"]
    done = subprocess.run(
        [str(KUBECTL), "patch", *arguments, "--patch", json.dumps(patch)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    results: list[Any] = []
    text = done.stdout.strip()
    while text:
        result, end = json.JSONDecoder().raw_decode(text)
        results.append(result)
        text = text[end:].strip()
    return results


@pytest.mark.parametrize("kind", ["Deployment", "Service"])
def test_a_patch_makes_what_kubectl_makes(kind: str, tmp_path: Path):
    # The function and not the test has the examples: kubectl's file is the same for all.
    @settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
    @given(st.lists(manifests(kind), min_size=TARGETS, max_size=TARGETS), manifests(kind, patch=True))
    def check(targets: list[dict[str, Any]], patch: dict[str, Any]):
        assume("$patch" not in patch and not list(field_problems(patch, kind, partial=True)))
        targets = [named(target, kind) for target in targets]
        for target, theirs in zip(targets, patched_by_kubectl(targets, patch, tmp_path), strict=True):
            # kubectl leaves directives in items that a patch adds; the API server refuses those objects.
            if '"$' not in json.dumps(theirs):
                assert merged(kind, target, patch) == without_nulls(theirs)

    check()
