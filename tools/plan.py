"""Rehearses a plan: each step's table, rules, changed objects and way back, without engine or cluster."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from canary_release.model.objects import manifests
from canary_release.model.problem import SECRET, Place, Problem
from canary_release.model.release import Release
from canary_release.model.tree import ABSENT, changes
from canary_release.model.tree import Path as FieldPath
from canary_release.text.announcement import announcement, sentence
from canary_release.text.refusal import refusal
from canary_release.text.report import report
from canary_release.text.spelling import PROPERTIES, config_keys, field_path, shown, written
from canary_release.update.former import former_stable
from canary_release.update.refused import broken_by_update
from canary_release.update.update import Update
from canary_release.update.way import shortest_way
from stack.context import CONTEXT
from stack.files import Config, Document, Entry, read_config, read_document, whole_key
from stack.settings import Settings, deployable

from .plan_lines import WayLines, fixed_line

ACCEPTED = """a list of steps, each a name and the config that it sets (null takes a key away), such as
  - start: {canaryVersion: v2, canaryReplicas: 1}
  - promote: {stableVersion: v2, canaryReplicas: 0}"""


class RehearsalError(ValueError):
    """A step is not allowed, or cannot be read; the text says why."""


@dataclass(frozen=True)
class Step:
    """A step of the plan: its name, and what it makes of the stack file; None takes a key away."""

    name: str
    entries: dict[str, Entry | None]
    """By whole key: `canary:canaryVersion`."""
    places: dict[str, Place]
    """Where each key stands in the plan."""


def read_steps(path: Path, project: str) -> list[Step]:
    """The steps of a YAML file. Raises `ConfigError` if it has none."""
    document = read_document(path, shows_values=True)
    if not isinstance(document.node.value, list) or not document.node.below:
        raise document.error(document.node, f"must be {ACCEPTED}")
    return [_step(document, int(number), project) for number in document.node.below]


def _step(document: Document, number: int, project: str) -> Step:
    node = document.node.below[number]
    if not isinstance(node.value, dict) or len(node.below) != 1:
        raise document.error(node, f"must be a step with one name; a plan is {ACCEPTED}")
    [(name, config)] = node.below.items()
    if not isinstance(config.value, dict):
        raise document.error(config, f"must be an object of config keys and their values; a plan is {ACCEPTED}")
    entries: dict[str, Entry | None] = {}
    places: dict[str, Place] = {}
    for key, value in config.below.items():
        whole = whole_key(str(key), project)
        entries[whole] = None if value.value is None else document.entry(number, name, key)
        places[whole] = Place(document.file, value.line)
    return Step(str(name), entries, places)


@dataclass
class Rehearsal:
    """Goes through the steps of a plan for one stack."""

    config: Config
    told: set[str] = field(default_factory=set[str])
    """Lines that were shown already: additions and warnings are shown once."""

    def rehearse(self, steps: Sequence[Step]) -> Iterator[str]:
        """Additions and warnings, then what each step does. Raises `RehearsalError` at the first refused step."""
        settings = deployable(self.config)
        if isinstance(settings, list):
            stack = self.config.stack
            text = report(f"the config of stack {stack} is invalid", settings, config_keys(stack, self.config.project))
            raise RehearsalError("\n".join([text, *self._unknown()]))
        if first := "\n".join([*self._unknown(), *_not_asked(settings), *self._once(settings)]):
            yield first
        released, former = settings.parsed.release, None
        for number, step in enumerate(steps, 1):
            title = f"step {number} of {len(steps)}, {step.name}"
            goal_config = self.config.changed(step.entries)
            settings = deployable(goal_config)
            if isinstance(settings, list):
                raise RehearsalError(self._invalid(title, step, settings))
            if (there := goal_config.values.get(CONTEXT)) != self.config.values.get(CONTEXT):
                moved = Problem((CONTEXT,), there, "must stay: what runs in another cluster is another release")
                raise RehearsalError(self._invalid(title, step, [moved]))
            update = Update(released, settings.parsed.release, former_stable=former)
            self._check(title, goal_config, update)
            lines = [title, announcement(update), *self._once(settings), *_changed_objects(released, update.new)]
            yield "\n".join([*lines, _way_back(released, update.new)])
            self.config, released, former = goal_config, update.new, former_stable(update)

    def _unknown(self) -> Iterator[str]:
        yield from (f"warning: {sentence}" for sentence in self.config.only_the_engine_knows())

    def _once(self, settings: Settings) -> Iterator[str]:
        """Additions and warnings that were not told before."""
        parsed = settings.parsed
        additions = [f"  {field_path(path)}: {written(value)}" for path, value in parsed.additions]
        if new := [line for line in additions if line not in self.told]:
            yield from ["adds where the manifest is silent:", *new]
        warnings = [f"warning: {each}" for each in parsed.warnings]
        yield from (each for each in warnings if each not in self.told)
        self.told |= {*additions, *warnings}

    def _invalid(self, title: str, step: Step, problems: Sequence[Problem]) -> str:
        text = report(f"{title}: its config is invalid", [self._placed(each, step) for each in problems], PROPERTIES)
        # The line would show what the problem hides.
        hides = any(each.value is SECRET for each in problems)
        fixes = [fix for each in problems for fix in each.fix if not _is_in_file(each, fix[0])]
        if fixes and not hides:
            text += f"\n\n  fix: {fixed_line(step.name, step.entries, self.config, fixes)}"
        return "\n".join([text, *self._unknown()])

    def _placed(self, problem: Problem, step: Step) -> Problem:
        """The problem with its place in the plan, and with no fix but those that change the manifest's file."""
        name = PROPERTIES.name(str(problem.path[0]))
        place = problem.place or step.places.get(name if ":" in name else self.config.key(name))
        return replace(problem, fix=[fix for fix in problem.fix if _is_in_file(problem, fix[0])], place=place)

    def _check(self, title: str, goal: Config, update: Update) -> None:
        # When a step is run is not known.
        broken = broken_by_update(update, now=None)
        if update.old and broken:
            lines = WayLines(self.config, goal, update.old)
            raise RehearsalError(f"{title}\n{refusal(update.new.name, update, broken, PROPERTIES, lines)}")


def _not_asked(settings: Settings) -> Iterator[str]:
    asked = {"provenIn": settings.arguments.get("proven_in"), "gates": settings.arguments.get("gates")}
    if names := [name for name, value in asked.items() if value]:
        yield f"not asked by a rehearsal: {', '.join(names)}"


def _is_in_file(problem: Problem, path: FieldPath) -> bool:
    """Whether a fix changes the manifest's file, and no key."""
    return problem.place is not None and path[0] == "manifest"


def _changed_objects(old: Release, new: Release) -> Iterator[str]:
    before, after = manifests(old), manifests(new)
    for each in {**before, **after}:
        title = " ".join(each)
        if each not in before or each not in after:
            yield f"{'creates' if each in after else 'deletes'} {title}"
            continue
        for change in changes(before[each], after[each]):
            values = ("not set" if value is ABSENT else shown(value) for value in (change.old, change.new))
            yield f"changes {title}: {field_path(change.path)} {' => '.join(values)}"


def _way_back(old: Release, new: Release) -> str:
    way = shortest_way(new, old)
    steps = [sentence(Update(before, after)) for before, after in zip([new, *way], way, strict=False)]
    return f"way back: {', then '.join(steps) if steps else 'none'}"


def main() -> None:
    """Prints the rehearsal. Exits with 1 if a step is refused or nothing can be read."""
    parser = argparse.ArgumentParser(prog="make plan", description=__doc__)
    parser.add_argument("steps", type=Path, help=f"YAML file with {ACCEPTED}")
    parser.add_argument("--stack", default="dev", help="the plan starts from its file (default: %(default)s)")
    given = parser.parse_args()
    try:
        config = read_config(given.stack)
        if not given.steps.name:
            raise RehearsalError(f"PLAN is missing: make plan STACK={given.stack} PLAN=<file with the steps>")
        for text in Rehearsal(config).rehearse(read_steps(given.steps, config.project)):
            print(f"{text}\n", flush=True)
    except ValueError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
