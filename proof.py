"""Refuses to start a canary whose version is not what another stack runs as stable: `provenIn` names that stack."""

from typing import Any

import pulumi
from pulumi import ResourceHookArgs, ResourceHookBinding

from components.problems import REMOVE, Problem, Spelling, literal, report
from components.release import Release
from components.update_hook import before_change, errors_with_text

OUTPUT = "stableVersion"


def proof(stack: str | None, spelling: Spelling) -> ResourceHookBinding:
    """Hooks for a `CanaryRelease`, in previews and updates; none without a stack, which is a fully qualified name."""
    if not stack:
        return ResourceHookBinding()

    async def check(args: ResourceHookArgs) -> None:
        new = Release.of_inputs(args.new_inputs or {})
        version = started(Release.of_inputs(args.old_inputs) if args.old_inputs else None, new)
        if version and not new.skip_transition_checks:
            with errors_with_text(f"what {stack} runs could not be read"):
                # No StackReference: that would be read in every update, and another stack's end would stop a rollback.
                refused = unproven(stack, await _outputs(stack), new, version, spelling)
            if refused:
                raise pulumi.RunError(refused)

    return before_change("proof", check)


def started(old: Release | None, new: Release) -> str | None:
    """The version that the update starts as canary. What this stack runs in either track already, it does not start."""
    if not new.canary_replicas:
        return None
    runs = [old.stable.version, old.canary_version if old.canary_replicas else None] if old else []
    return None if new.canary_version in runs else new.canary_version


def unproven(stack: str, outputs: dict[str, Any] | str, new: Release, version: str, spelling: Spelling) -> str | None:
    """Why the canary must not start; None if the other stack runs its version as stable.

    `outputs` are that stack's, or the reason why there are none.
    """
    if isinstance(outputs, str) or not outputs.get(OUTPUT):
        missing = outputs if isinstance(outputs, str) else f"it has no output {OUTPUT}: it was never deployed"
        accepted = f"must name a stack that tells what it runs: {literal(missing)}"
        problem = Problem("provenIn", stack, accepted, [("provenIn", "<stack>"), ("provenIn", REMOVE)])
    elif (proven := outputs[OUTPUT]) == version:
        return None
    else:
        accepted = f"must be what {stack} runs as stable now, which is {literal(proven)}; promote {version} there first"
        fix = [("canary_version", proven)]
        if proven == new.stable.version:
            fix = [("canary_version", REMOVE), ("canary_replicas", REMOVE)]
        problem = Problem("canary_version", version, accepted, fix)
    headline = f"the canary {version} is not proven elsewhere, and is not started; nothing was changed"
    return report(headline, [problem], spelling)


async def _outputs(stack: str) -> dict[str, Any] | str:
    try:
        # What a StackReference asks for.
        answer = await pulumi.runtime.invoke_async("pulumi:pulumi:readStackOutputs", {"name": stack})
    except Exception as error:
        return str(error).rpartition("returned an error: ")[2]
    return answer["outputs"]
