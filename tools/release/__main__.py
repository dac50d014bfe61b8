"""Runs the plan that `make plan` rehearses, step by step, each watched during its soak.

At the first harm, also where an update fails, it goes back to the config before the plan. It acts only while it runs.
What was killed or interrupted goes on by the same command.
"""

import argparse
import getpass
import os
import signal
import sys
from pathlib import Path

from pulumi.automation import CommandError

from canary_release.hooks.document import ACTORS
from stack.files import read_config, stack_file
from tools.hold import only_one
from tools.plan import Rehearsal, read_steps
from tools.watch.target import WatchError

from .journal import Journal, PlanError, Step, read
from .project import Project
from .runner import run_plan
from .stack_file import edited
from .telling import Teller

DONE, NOT_ENDED, WENT_BACK = 0, 1, 3
"""Exit codes. After `NOT_ENDED` the same command goes on."""

NO_CIRCLE = "A plan that ends where it begins is not run: let its last step differ"


def begun(project: Project, plan: str, commits: bool) -> Journal | None:
    """A run at its first step; None if nothing is left to do. Raises `ValueError` where it may not begin."""
    config = read_config(project.stack)
    steps = read_steps(Path(plan), config.project)
    texts = [project.file()]
    for step in steps:
        texts.append(edited(texts[-1], step.entries, config))
    if texts[-1] == texts[0]:
        return None
    for _ in Rehearsal(config).rehearse(steps):
        pass  # It raises at the first step that is not allowed.
    if not project.deployed().is_goal:
        raise PlanError(f"stack {project.stack} does not run what {config.file} says: run `pulumi up` first")
    names = ["before", *(step.name for step in steps)]
    made, manifest = tuple(map(Step, names, texts)), Path(config.get("manifest")).read_text(encoding="utf-8-sig")
    return Journal(project.stack, plan, project.now(), _actor(), commits, made, manifest=manifest)


def _actor() -> str:
    try:
        return next(filter(None, map(os.environ.get, ACTORS)), None) or getpass.getuser()
    except (KeyError, OSError):  # In a container, a user may have no name.
        return str(os.getuid())


def run(stack: str, plan: str, commits: str, as_json: bool) -> int:
    """The exit code. Raises `ValueError` where it cannot go on."""
    read_config(stack)
    if not plan:
        raise PlanError(f"PLAN is missing: make release STACK={stack} PLAN=<file with the steps>")
    with only_one(stack), Teller(as_json) as teller:
        project, found = Project(stack, commits == "push", teller), read(stack)
        if found and found.plan != plan:
            raise PlanError(f"a run of {found.plan} is under way: make release STACK={stack} PLAN={found.plan}")
        if (going := found or begun(project, plan, commits != "no")) is None:
            print(f"{stack_file(stack)} says already what {plan} leads to: nothing is left to do. {NO_CIRCLE}")
            return DONE
        project.save(going)
        project.tell("goes on" if found else f"begins, of {plan}")
        why = run_plan(going, project)
    if why is None:
        return DONE
    print(f"went back to the config before {plan}, since\n{why}", file=sys.stderr)
    return WENT_BACK


def main() -> int:
    """The exit code: 0 if the run is done, 3 if it went back, 1 if it did not begin, or has not ended."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("plan", help="PLAN: YAML file with the steps, as `make plan` reads it")
    parser.add_argument("--stack", required=True, help="STACK: the stack that the plan is for")
    parser.add_argument(
        "--commit", choices=("no", "yes", "push"), default="no", help="COMMIT: whether Git gets each step"
    )
    parser.add_argument("--json", action="store_true", help="a JSON object per line")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run(given.stack, given.plan, given.commit, given.json)
    except (ValueError, OSError, WatchError, CommandError) as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\ninterrupted: run the same command again, it continues from here", file=sys.stderr)
    return NOT_ENDED


if __name__ == "__main__":
    sys.exit(main())
