"""Runs a plan to its end, or goes back at the first harm.

What is next is found in the journal, the stack file, Git and the state. So the same command goes on after a kill.
"""

from contextlib import suppress
from dataclasses import replace

from stack.files import stack_file

from .engine import Deployed
from .journal import Journal, PlanError, path_of
from .project import Project

LOOK_SECONDS = 2
SHOWN_SECONDS = 15
"""How often a look is kept for the record."""
GIT_SECONDS = 10
"""How long a run that goes back waits for a remote repository before it updates."""


def run_plan(journal: Journal, project: Project) -> str | None:
    """Goes on with a run to its end. Returns why it went back, if it did.

    Raises `PlanError` where it cannot go on.
    """
    while True:
        _declare(journal, project)
        if journal.harm is None:
            _commit(journal, project)
        else:
            # A new job that finds no commit would give users the bad step again. But a Git server may be away.
            with suppress(PlanError):
                _commit(journal, project, GIT_SECONDS)
        journal, deployed, harm = _update(journal, project)
        if journal.harm is not None:
            if harm is not None:
                raise PlanError(f"the run has not ended: {harm}\nonce that is mended, run the same command again")
            _commit(journal, project)
        elif harm is None:
            journal, harm = _soak(journal, project, deployed)
        at = project.now()
        if harm is not None:
            journal = journal.going_back(at, harm)
        elif journal.goal is journal.steps[-1] or journal.harm is not None:
            project.end(journal.told(at, "ended"))
            return journal.harm
        else:
            journal = journal.advanced(at)
        project.save(journal)
        project.tell(f"goes back: {harm}" if harm else "begins")


def _declare(journal: Journal, project: Project) -> None:
    """The stack file says what the step says."""
    if (text := project.file()) == journal.goal.text:
        return
    if text not in (step.text for step in journal.steps):
        raise _changed(journal.stack)
    project.write(journal.goal.text)


def _changed(stack: str) -> PlanError:
    return PlanError(
        f"somebody else has changed {stack_file(stack)}: restore it by `git checkout {stack_file(stack)}`, or end the "
        f"run: delete {path_of(stack)}, and update the stack by hand"
    )


def _commit(journal: Journal, project: Project, seconds: float | None = None) -> None:
    if journal.commits and not project.is_committed():
        title = f"{journal.goal.name}, step {journal.step} of {len(journal.steps) - 1} of {journal.plan}"
        back = f"back to the config before {journal.plan}"
        project.commit(f"Run on {journal.stack}: {title if journal.harm is None else back}", seconds)


def _update(journal: Journal, project: Project) -> tuple[Journal, Deployed, str | None]:
    """The stack runs what its file says, or the reason why it does not."""
    failure, has_skipped = None, False
    while not (deployed := project.deployed()).is_goal and failure is None:
        project.tell("updates")
        # The update after one without rules asks the rules again: others may have changed the manifest.
        skips_rules = deployed.may_be_refused and not has_skipped
        failure, has_skipped = project.update(journal, skips_rules), has_skipped or skips_rules
        journal = replace(journal.told(project.now(), failure or "updated"), is_updating=False)
        project.save(journal)
    return journal, deployed, None if deployed.is_goal else failure


def _soak(journal: Journal, project: Project, deployed: Deployed) -> tuple[Journal, str | None]:
    """Watches the canary until its soak is over, or there is harm."""
    while True:
        look = project.look(journal, deployed)
        looks, is_first = journal.looks, journal.restarts is None and look.restarts is not None
        if is_first or not looks or look.harm or look.at - float(looks[-1]["at"]) >= SHOWN_SECONDS:
            restarts = look.restarts if is_first else journal.restarts
            journal = replace(journal, looks=(*looks, {"at": look.at, **look.shown}), restarts=restarts)
            project.save(journal)
        if look.harm or not (look.unanswered or deployed.left(look.at)):
            return journal, look.harm
        project.sleep(LOOK_SECONDS)
        if project.file() != journal.goal.text:
            raise _changed(journal.stack)
