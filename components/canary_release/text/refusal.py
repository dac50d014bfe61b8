"""Why an update is refused, and the commands of the shortest way to its goal."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..model.duration import duration
from ..model.merge import difference
from ..model.problem import MISSING, REMOVE, Fix, Problem, literal
from ..model.release import Release
from ..model.share import percentage
from ..model.tree import ABSENT, Object
from ..update.former import unknown_content
from ..update.rules import Broken, changed_identity
from ..update.update import Update
from ..update.way import shortest_way
from .announcement import sentence
from .differences import deployment_differences, listed, service_differences, template_differences
from .report import report
from .spelling import Spelling, shown

if TYPE_CHECKING:
    from ..gates.sampling import Verdict

UNSET = (None, ABSENT)

Instructions = Callable[[Release, Release, bool], Iterable[str]]
"""Lines that tell the reader how to change the config from the first release to the second. The flag says whether the
first is the one that is refused."""


def refusal(
    name: str, update: Update, broken: Sequence[Broken], spelling: Spelling, step: Instructions | None = None
) -> str:
    """Which rules the update breaks, and the shortest way to its goal: by commands, unless `step` gives other lines."""
    problems = [
        Problem(each.path, MISSING if each.new in UNSET else each.new, literal(f"was {_text(each.old)}: {each.rule}"))
        for each in broken
    ]
    headline = f"CanaryRelease {name!r}: this update is refused, and nothing of this release was changed. It "
    told = report(headline + sentence(update), problems, spelling)
    return f"{told}\n\n{_way(update, spelling, step or _by_commands(spelling))}"


def gate_refusal(name: str, update: Update, verdict: "Verdict", spelling: Spelling) -> str:
    """Why the gates refuse the update, every sample, and what can be done."""
    states = ", ".join(f"{check}: {state.value}" for check, state in verdict.checks.items())
    headline = (
        f"CanaryRelease {name!r}: the gates refuse this update ({states}), and nothing of this release was changed"
    )
    skip = f"{spelling.name('skip_transition_checks')} skips gates and rules in an emergency"
    old = update.old
    if verdict.failed and old and old.canary:
        stable = replace(old.stable, replicas=old.fixed_total or old.stable.replicas)
        stopped = replace(old, stable=stable, canary=replace(old.canary, replicas=0))
        steps = "\n".join(_steps(update.new, [stopped], _by_commands(spelling)))
        way = f"{old.canary_version} keeps {percentage(old.canary_share)} as canary; to stop it:\n{steps}"
    else:
        way = f"when there are answers and enough traffic, run the same command again:\n  {spelling.update}"
    return f"{headline}. It {sentence(update)}\n\n{verdict.table()}\n\n{way}\n{skip}"


def _by_commands(spelling: Spelling) -> Instructions:
    return lambda before, after, is_first: [*_step(before, after, spelling, is_first), spelling.update]


def _way(update: Update, spelling: Spelling, step: Instructions) -> str:
    old, new = update.old, update.new
    assert old is not None  # A first deploy breaks no rule.
    way = shortest_way(old, new, update.finished, may_roll_back=not any(unknown_content(update)))
    if way == [new]:
        return f"when the soak is over, run the same command again:\n  {spelling.update}"
    if way:
        lines = ["allowed instead, one update after the other:", *_steps(new, way, step)]
        if not update.finished:
            skip = spelling.name("skip_transition_checks")
            lines.append(
                f"or, if stable ran {new.stable.version} before the update that did not finish, set {skip} once"
            )
        return "\n".join(lines)
    if any(changed_identity(old, new)):
        declare = "declare a second release beside this one, move its users over, remove this one"
        kept = list(_step(new, old, spelling, is_first=True))
        lines = "\n".join(["", *_indented(kept, "  ", "  ")]) if kept else " undo what is named above"
        return f"no update leads there: {declare}, or keep what runs:{lines}"
    total, share = spelling.name("fixed_total"), spelling.name("max_canary_share")
    return f"no update leads there: {total} leaves no room for one canary pod within {share}"


def _steps(new: Release, way: Sequence[Release], step: Instructions) -> Iterator[str]:
    """The lines of each step. The config already says what is refused: the first step starts from there."""
    for number, (before, after) in enumerate(zip([new, *way], way, strict=False), 1):
        yield from _indented(step(before, after, number == 1), f"  {number}. ", "     ")


def _step(before: Release, after: Release, spelling: Spelling, is_first: bool) -> Iterator[str]:
    """Lines that tell the reader how to change the config from the release before to the one after."""
    had, has = _canary_patch(before), _canary_patch(after)
    patch, source = (spelling.name(name) for name in ("canary_patch", "manifest"))
    source = f"{source} or {spelling.name('patches')}"
    pods = template_differences(before.stable, after.stable)
    around = [*deployment_differences(before, after), *service_differences(before, after)]
    if pods and not is_first:
        # Stable takes what ran as canary.
        yield f"move {patch} into {source}: {listed(pods)}"
        pods = []
    if pods or around:
        yield f"{'undo in' if is_first else 'change again in'} {source}: {listed([*pods, *around])}"
    if has and has != had:
        yield from f"set {spelling.block('canary_patch', has)}".splitlines()
    elif had and not has:
        yield from spelling.lines([(("canary_patch",), REMOVE)])
    yield from spelling.lines(_edits(before, after))


def _edits(before: Release, after: Release) -> Fix:
    old, new = _arguments(before), _arguments(after)
    return [((name,), new.get(name, REMOVE)) for name in {**old, **new} if old.get(name) != new.get(name)]


def _arguments(release: Release) -> dict[str, Any]:
    values: dict[str, Any] = {
        "stable_version": release.stable.version,
        "stable_replicas": release.stable.replicas,
        "max_canary_share": release.max_canary_share,
        "fixed_total": release.fixed_total,
        "container_name": release.container_name,
        "namespace": release.namespace,
        "soak": release.soak_seconds and duration(release.soak_seconds),
    }
    if release.canary:
        values |= {"canary_version": release.canary.version, "canary_replicas": release.canary.replicas}
    return {name: value for name, value in values.items() if value is not None}


def _canary_patch(release: Release) -> Object:
    """What makes the canary's Deployment from stable's; empty if they are equal."""
    if release.canary is None:
        return {}
    return difference("Deployment", release.stable.deployment, release.canary.deployment)


def _indented(lines: Iterable[str], first: str, rest: str) -> Iterator[str]:
    for index, line in enumerate(lines):
        yield f"{rest if index else first}{line}"


def _text(value: Any) -> str:
    return "not set" if value in UNSET or value == {} else shown(value)
