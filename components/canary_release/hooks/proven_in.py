"""Refuses to start a canary whose version is not what another stack runs as stable: `provenIn` names that stack."""

from collections.abc import Mapping
from typing import Any

import pulumi

from ..model.problem import REMOVE, Fix, Problem, literal
from ..model.release import Release
from ..pulumi_host import Refusal, stack_outputs
from ..text.report import report
from ..text.spelling import Spelling
from ..update.update import Update
from .cluster import Unanswered

OUTPUT = "stableVersion"


async def check_proven(stack: str, update: Update, spelling: Spelling) -> None:
    """Raises `Refusal` if the update starts a version that the stack does not run as stable."""
    version = started(update.old, update.new)
    if version is None or update.new.skip_transition_checks:
        return
    if "/" not in stack:
        stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}"
    try:
        outputs = await stack_outputs(stack)
    except Exception as error:  # The SDK has no type of its own for it.
        outputs = Unanswered(str(error))
    if refused := unproven(stack, outputs, update.new, version, spelling):
        raise Refusal(refused)


def started(old: Release | None, new: Release) -> str | None:
    """The version that the update starts as canary; None for one that either track of this stack already runs."""
    if not new.canary_replicas:
        return None
    runs = [old.stable.version, old.canary_version if old.canary_replicas else None] if old else []
    # A canary of stable's own version tries other content.
    return None if new.canary_version in (*runs, new.stable.version) else new.canary_version


def unproven(
    stack: str, outputs: Mapping[str, Any] | Unanswered, new: Release, version: str, spelling: Spelling
) -> str | None:
    """Why the canary must not start; None if the other stack, which has these outputs, runs its version as stable."""
    fix: Fix
    if isinstance(outputs, Unanswered) or not outputs.get(OUTPUT):
        never = f"it has no output {OUTPUT}: it was never deployed"
        missing = outputs.reason if isinstance(outputs, Unanswered) else never
        accepted = f"must name a stack that tells what it runs: {literal(missing)}"
        fix = [(("proven_in",), "<stack>"), (("proven_in",), REMOVE)]
        problem = Problem(("proven_in",), stack, accepted, fix)
    elif (proven := outputs[OUTPUT]) == version:
        return None
    else:
        accepted = f"must be what {stack} runs as stable now, which is {literal(proven)}; promote {version} there first"
        fix = [(("canary_version",), proven)]
        if proven == new.stable.version:
            fix = [(("canary_version",), REMOVE), (("canary_replicas",), REMOVE)]
        problem = Problem(("canary_version",), version, accepted, fix)
    headline = f"the canary {version} is not proven elsewhere, and is not started; nothing of this release was changed"
    return report(headline, [problem], spelling)
