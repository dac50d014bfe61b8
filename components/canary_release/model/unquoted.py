"""Values that stand without quotes in a stack file: YAML reads 1.10 as 1.1, and the program sees that alone."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path as File
from typing import Any, cast

from .documents import read_documents
from .engine_yaml import Date, engine_scalar
from .image import version_problem
from .problem import Problem, Unshown, literal
from .tree import ABSENT, Path, get

MIDNIGHT = " 00:00:00 +0000 UTC"
"""What the engine adds to a date without a time that stands without quotes."""


def engine_text(value: Any) -> str:
    """What the engine hands to the program for a scalar of the file."""
    return str(value) if isinstance(value, str) else json.dumps(value)


def is_unquoted(value: Any) -> bool:
    """Whether YAML reads something else than text, or a date."""
    return isinstance(value, bool | int | float | Date)


def as_written(problem: Problem, written: Any) -> Problem:
    """The problem of a value that must be text, with the text that the file has: 0644 and 1.10, which YAML reads as 420
    and 1.1."""
    wrong = is_unquoted(problem.value) and list(problem.fix) == [(problem.path, engine_text(problem.value))]
    if not wrong or not isinstance(written, str):
        return problem
    return replace(problem, value=Unshown(written), fix=[(problem.path, written)])


def must_be_quoted(file: str, value: Any) -> str:
    """What is accepted in place of a value that stands without quotes in this file."""
    kind = "boolean" if isinstance(value, bool) else "date" if isinstance(value, str) else "number"
    read = engine_text(value).removesuffix(MIDNIGHT)
    return literal(f"must be quoted in {file}: unquoted, YAML reads it as the {kind} {read}")


def unquoted_versions(file: File, versions: Mapping[str, str]) -> Iterator[Problem]:
    """Versions, by argument, that a program has from a stack file in which they stand without quotes.

    Nothing tells which key a program reads: what counts is that the file has this text nowhere, but a value without
    quotes that the engine hands over as this text. A file that cannot be read shows nothing.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError):
        return
    documents, faults = read_documents(text, engine_scalar)
    if faults or not documents or not (config := documents[0].below.get("config")):
        return
    found = list(scalars(config.value, config.written))
    for name, version in versions.items():
        read_so = [(value, written) for _, value, written in found if engine_text(value) == version]
        others = [written for value, written in read_so if is_unquoted(value) and written != version]
        if others and len(others) == len(read_so) and version_problem(others[0]) is None:
            value = next(value for value, written in read_so if written == others[0])
            yield Problem((name,), others[0], must_be_quoted(file.name, value))


def scalars(value: Any, written: Any, path: Path = ()) -> Iterator[tuple[Path, Any, str]]:
    """Path, value and written text of everything that is neither an object nor a list."""
    if isinstance(value, Mapping):
        for name, item in cast(Mapping[str, Any], value).items():
            yield from scalars(item, get(written, (name,)), (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(cast(list[Any], value)):
            yield from scalars(item, get(written, (index,)), (*path, index))
    elif written is not ABSENT:
        yield path, value, str(written)
