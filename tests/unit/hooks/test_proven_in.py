"""A canary starts only with what another stack runs as stable, where `provenIn` names one."""

from typing import Any

import pytest

from canary_release.hooks.cluster import Unanswered
from canary_release.hooks.proven_in import started, unproven
from canary_release.model.release import Release
from canary_release.text.spelling import config_keys

from ..update.releases import release

STAGING = "organization/canary/staging"
NEW = release("v1*2", "v3*1")


@pytest.mark.parametrize(
    ("old", "new", "version"),
    [
        (None, release("v1*2"), None),
        (None, release("v1*2", "v2*1"), "v2"),
        (release("v1*2"), release("v1*2", "v2*1"), "v2"),
        (release("v1*2"), release("v1*2", "v2*0"), None),
        (release("v1*2", "v2*0"), release("v1*2", "v2*1"), "v2"),
        (release("v1*2", "v2*1"), release("v1*2", "v3*1"), "v3"),
        (release("v1*2", "v2*1"), release("v1*2", "v2*2"), None),
        (release("v1*2", "v2*2"), release("v2*2", "v2*0"), None),
        (release("v2*2", "v2*0"), release("v1*2", "v2*1"), None),
        (release("v1*2"), release("v1*2", "v1+a*1"), None),
    ],
    ids=[
        "a first deploy without a canary",
        "a first deploy with a canary",
        "a start",
        "a canary without pods",
        "a start of a declared canary",
        "a change",
        "a widening",
        "a promotion",
        "a rollback, whose canary was stable here",
        "a canary of stable's version with other content",
    ],
)
def test_a_canary_starts_when_its_version_did_not_run_here(old: Release | None, new: Release, version: str | None):
    assert started(old, new) == version


def test_what_the_other_stack_runs_as_stable_may_start():
    assert unproven(STAGING, {"stableVersion": "v3"}, NEW, "v3", config_keys("prod")) is None


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (
            {"stableVersion": "v2"},
            '  canaryVersion: "v3"\n'
            "    must be what organization/canary/staging runs as stable now, which is v2; promote v3 there first\n"
            "    fix: pulumi config set --stack prod canaryVersion v2",
        ),
        (
            {"stableVersion": "v1"},
            '  canaryVersion: "v3"\n'
            "    must be what organization/canary/staging runs as stable now, which is v1; promote v3 there first\n"
            "    fix: pulumi config rm canaryVersion --stack prod\n"
            "    fix: pulumi config rm canaryReplicas --stack prod",
        ),
        (
            {},
            '  provenIn: "organization/canary/staging"\n'
            "    must name a stack that tells what it runs: it has no output stableVersion: it was never deployed\n"
            "    fix: pulumi config set --stack prod provenIn '<stack>'\n"
            "    fix: pulumi config rm provenIn --stack prod",
        ),
        (
            Unanswered('unknown stack "{staging}"'),
            '  provenIn: "organization/canary/staging"\n'
            '    must name a stack that tells what it runs: unknown stack "{staging}"\n'
            "    fix: pulumi config set --stack prod provenIn '<stack>'\n"
            "    fix: pulumi config rm provenIn --stack prod",
        ),
    ],
    ids=["another version", "this stack's own stable version", "no output", "no stack"],
)
def test_any_other_version_is_refused_with_what_to_do(outputs: Any, said: str):
    text = unproven(STAGING, outputs, NEW, "v3", config_keys("prod"))
    assert (
        text
        == f"the canary v3 is not proven elsewhere, and is not started; nothing of this release was changed\n\n{said}"
    )
