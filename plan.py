"""Rehearses a release: each step's table, rules, changed objects and way back, without engine or cluster."""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import yaml

from components import checks, objects
from components.announcement import announcement, refusal, sentence
from components.problems import PROPERTIES, REMOVE, Fix, Problem, Spelling, config_keys, report, shown
from components.release import Release
from components.transition import broken_rules, shortest_way
from settings import PLAIN_TOKEN, STACK_KEYS, arguments_of, config_of_file, stack_problems
from stack_files import EngineDumper, EngineLoader, project_name

ACCEPTED = """must be a list of steps, each a name and the config that it sets (null takes a key away), such as
  - start: {canaryVersion: v2, canaryReplicas: 1}
  - promote: {stableVersion: v2, canaryReplicas: 0}"""


@dataclass(frozen=True)
class Step:
    """A step of the release: its name, and the config keys that it sets; None takes a key away."""

    name: str
    config: dict[str, Any]


def read_steps(path: Path) -> list[Step]:
    """The steps of a YAML file. Raises `ValueError` if it has none."""
    try:
        with path.open("rb") as file:
            listed = yaml.load(file, Loader=EngineLoader)
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"{path} {ACCEPTED}\n{error}") from error
    if not isinstance(listed, list) or not listed:
        raise ValueError(f"{path} {ACCEPTED}")
    return [_step(path, number, entry) for number, entry in enumerate(cast(list[Any], listed), 1)]


def _step(path: Path, number: int, entry: Any) -> Step:
    entries = list(cast(dict[Any, Any], entry).items()) if isinstance(entry, dict) else []
    if len(entries) != 1 or not isinstance(entries[0][1], dict):
        raise ValueError(f"{path} {ACCEPTED}\nstep {number} is {shown(entry)}")
    name, config = entries[0]
    return Step(str(name), {str(key): value for key, value in cast(dict[Any, Any], config).items()})


def rehearse(stack: str, config: dict[str, Any], steps: Sequence[Step]) -> Iterator[str]:
    """What each step does, from the stack's config on. Raises `ValueError` at the first that is not allowed."""
    if problems := _problems(config, stack):
        raise ValueError(report(f"the config of stack {stack} is invalid", problems, config_keys(stack)))
    released = _release(config)
    for number, step in enumerate(steps, 1):
        title = f"step {number} of {len(steps)}, {step.name}"
        spelling = _step_spelling(step, config)
        config = {key: value for key, value in {**config, **step.config}.items() if value is not None}
        if problems := _problems(config, stack):
            [line] = spelling.lines([each for problem in problems for each in problem.fix])
            told = report(f"{title}: its config is invalid", [replace(each, fix=()) for each in problems], spelling)
            raise ValueError(f"{told}\n\n  fix: {line}")
        goal = _release(config)
        if broken := broken_rules(released, goal):
            raise ValueError(f"{title}\n{refusal(goal.name, released, goal, broken, spelling)}")
        lines = [title, announcement(released, goal), *_changed_objects(released, goal), _way_back(released, goal)]
        yield "\n".join(lines)
        released = goal


def _problems(config: dict[str, Any], stack: str) -> list[Problem]:
    plain = [PLAIN_TOKEN] if isinstance(config.get("prometheusToken"), str) else []
    return [*checks.problems(arguments_of(config), STACK_KEYS), *stack_problems(config, stack), *plain]


def _release(config: dict[str, Any]) -> Release:
    return Release.of(cast(Any, arguments_of(config)))


def _step_spelling(step: Step, before: Mapping[str, Any]) -> Spelling:
    """A fix is the step as a line of the plan, with this and every earlier fix in it."""
    config = dict(step.config)

    def line(fix: Fix) -> list[str]:
        for path, value in fix:
            key, *way = [path] if path in config else _fields(path)
            config[key] = edited(config.get(key, before.get(key)), way, value)
        kept = {key: value for key, value in config.items() if value is not None or key in before}
        style: dict[str, Any] = {"default_flow_style": True, "sort_keys": False, "allow_unicode": True}
        text = cast(str, yaml.dump({step.name: kept}, Dumper=EngineDumper, width=sys.maxsize, **style))
        return [f"- {text.strip()[1:-1]}"]

    return replace(PROPERTIES, spelled=line, update="next step")


def _fields(path: str) -> Iterator[Any]:
    """`env[0].value` → env, 0, value."""
    for quoted, index, name in re.findall(r'\["((?:\\"|[^"])*)"\]|\[(\d+)\]|([^.\[]+)', path):
        yield int(index) if index else name or quoted.replace('\\"', '"')


def edited(value: Any, way: Sequence[Any], new: Any) -> Any:
    """A copy of the value in which what lies at the end of the way is set, or taken away by `REMOVE`."""
    if not way:
        return None if new is REMOVE else new
    items: dict[Any, Any] = dict(enumerate(cast(list[Any], value))) if isinstance(value, list) else dict(value or {})
    items[way[0]] = edited(items.get(way[0]), way[1:], new)
    if new is REMOVE and len(way) == 1:
        del items[way[0]]
    return list(items.values()) if isinstance(value, list) else items


def _changed_objects(old: Release, new: Release) -> Iterator[str]:
    before, after = objects.manifests(old), objects.manifests(new)
    for each in {**before, **after}:
        title = " ".join(each)
        if each not in before or each not in after:
            yield f"{'creates' if each in after else 'deletes'} {title}"
        else:
            yield from (f"changes {title}: {change}" for change in changes(before[each], after[each]))


def changes(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """The innermost fields of two manifests that differ: `spec.replicas 1 => 2`."""
    if isinstance(old, dict) and isinstance(new, dict):
        before, after = cast(dict[str, Any], old), cast(dict[str, Any], new)
        for key in {**before, **after}:
            yield from changes(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list) and len(cast(list[Any], old)) == len(cast(list[Any], new)):
        for index, (before, after) in enumerate(zip(cast(list[Any], old), cast(list[Any], new), strict=True)):
            yield from changes(before, after, f"{path}[{index}]")
    elif old != new:
        yield f"{path} {'not set' if old is None else shown(old)} => {'not set' if new is None else shown(new)}"


def _way_back(old: Release, new: Release) -> str:
    way = shortest_way(new, old)
    steps = [sentence(before, after) for before, after in zip([new, *way], way, strict=False)]
    return f"way back: {', then '.join(steps) if steps else 'none'}"


def main() -> None:
    """Prints the rehearsal. Exits with 1 if a step is refused or nothing can be read."""
    parser = argparse.ArgumentParser(prog="make plan", description=__doc__)
    parser.add_argument("steps", type=Path, help=f"YAML file, which {ACCEPTED}")
    parser.add_argument("--stack", default="dev", help="the release starts from its file (default: %(default)s)")
    given = parser.parse_args()
    project = project_name()
    try:
        for text in rehearse(given.stack, config_of_file(given.stack, project), read_steps(given.steps)):
            print(f"{text}\n", flush=True)
    except ValueError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
