"""The one error for everything that is wrong: what, which value, what is accepted, and the fix."""

from collections.abc import Iterator, Sequence

from ..model.problem import Problem, Unshown
from ..model.tree import Path
from .spelling import Spelling, field_path, in_source, shortened, shown

MANIFEST = "manifest"
MOST_CHARACTERS = 1000
"""The longest sentence of a problem: it may quote what is given."""


def report(headline: str, problems: Sequence[Problem], spelling: Spelling) -> str:
    """The error in plain text. What stands in the manifest's file is told with file and line."""

    class Names(dict[str, str]):
        def __missing__(self, name: str) -> str:
            return spelling.name(name)

    lines = [headline]
    for problem in problems:
        value = problem.value.text if isinstance(problem.value, Unshown) else shown(problem.value)
        lines += [
            "",
            f"  {_where(problem, spelling)}: {value}",
            f"    {shortened(problem.accepted.format_map(Names()), MOST_CHARACTERS)}",
        ]
        lines += [f"    fix: {line}" for line in _fixes(problem, spelling)]
    return "\n".join(lines)


def _where(problem: Problem, spelling: Spelling) -> str:
    if problem.place is None:
        return spelling.path(problem.path)
    place = f"{problem.place.file}:{problem.place.line}"
    is_within = problem.path[0] == MANIFEST
    inside = field_path(_in_object(problem.path)) if is_within else spelling.path(problem.path)
    return f"{place}: {inside}" if inside else place


def _fixes(problem: Problem, spelling: Spelling) -> Iterator[str]:
    place = problem.place
    if place is None:
        yield from spelling.lines(problem.fix)
        return
    yield from spelling.lines([(path, value) for path, value in problem.fix if path[0] != MANIFEST])
    edits = [(_in_file(path, problem.path), value) for path, value in problem.fix if path[0] == MANIFEST]
    yield from (f"in {place.file}: {line}" for line in in_source(":")(edits))


def _in_file(path: Path, beside: Path) -> str:
    """The path in the file; one of another object than the problem's names that object by its position."""
    if inside := field_path(_in_object(path)):
        return inside if path[:2] == beside[:2] else f"{field_path(path[1:2])}.{inside}"
    return "this object" if path[:2] == beside[:2] else f"object {field_path(path[1:2])}"


def _in_object(path: Path) -> Path:
    """The part of the path below the object of the manifest."""
    return path[2:]
