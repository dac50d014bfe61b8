"""Values of a stack file that need quotes and have none. Only the file shows them."""

from collections.abc import Iterator, Mapping

from canary_release.model.engine_yaml import Date
from canary_release.model.image import version_problem
from canary_release.model.problem import Problem, literal
from canary_release.model.tree import get
from canary_release.model.unquoted import MIDNIGHT, as_written, is_unquoted, must_be_quoted, scalars

from .files import Entry

VERSIONS = ("stable_version", "canary_version")


def written_versions(entries: Mapping[str, Entry]) -> dict[str, str]:
    """The versions, by argument, that the file has without quotes and that YAML reads as something else."""
    found = {name: entries[name] for name in VERSIONS if name in entries}
    return {name: entry.written for name, entry in found.items() if is_unquoted(entry.value)}


def version_problems(entries: Mapping[str, Entry]) -> Iterator[Problem]:
    """A problem for each of `written_versions` whose text is a version once it is quoted."""
    for name, written in written_versions(entries).items():
        if version_problem(written) is None:
            entry = entries[name]
            yield Problem((name,), written, must_be_quoted(entry.file, entry.value), [((name,), written)])


def date_problems(name: str, entry: Entry) -> Iterator[Problem]:
    """Dates inside an object: the program sees 2026-11-23 as `2026-11-23 00:00:00 +0000 UTC`, and `pulumi stack init`
    writes that into the file."""
    for path, value, text in scalars(entry.value, entry.written):
        written = text.removesuffix(MIDNIGHT)
        if isinstance(value, Date) or written != text:
            meant = literal(f"must be quoted in {entry.file}: unquoted, YAML reads it as a date")
            yield Problem((name, *path), text, meant, [((name, *path), written)])


def with_written_fix(problem: Problem, entries: Mapping[str, Entry]) -> Problem:
    """The problem with a fix that quotes what the file says."""
    name, *path = problem.path
    entry = entries.get(str(name))
    return as_written(problem, get(entry.written, path, None)) if entry else problem
