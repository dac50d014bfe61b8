"""Reads a manifest's file as kubectl does, and remembers the line of every value."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any, cast

from .documents import Fault, Node, read_documents
from .problem import Place, Problem, Spare, Unshown, did_you_mean, literal, nearest
from .scalars import scalar
from .tree import Object, Path, get, whole_numbers
from .unquoted import as_written

ENDINGS = (".yaml", ".yml", ".json")
"""How the names of files end that may be manifests."""


HELM = re.compile(r"""[^"'#]*\{\{[^{}]*[.$a-z]""")


class ManifestError(Exception):
    """The file holds no objects. `problems` say why."""

    def __init__(self, problems: list[Problem]):
        super().__init__(*(problem.accepted for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Source:
    """Where the objects of a manifest stand in its file."""

    file: str
    objects: tuple[Node, ...]

    def place(self, path: Path) -> Place:
        """The place of the value at the path, which begins with the object's position; of what it would stand in, if it
        is missing."""
        if not path or not isinstance(path[0], int) or path[0] >= len(self.objects):
            return Place(self.file, 1)
        node = self.objects[path[0]]
        for part in path[1:]:
            if part not in node.below:
                break
            node = node.below[part]
        return Place(self.file, node.line)

    def as_written(self, problem: Problem) -> Problem:
        """The problem with the text of the file where YAML reads a value as something else than text."""
        argument, at, *path = problem.path
        if argument != "manifest" or not isinstance(at, int):
            return problem
        return as_written(problem, get(self.objects[at].written, path, None))


def read_manifest(path: str | File) -> tuple[list[Object], Source]:
    """The objects of a file of YAML documents or Lists, in their order. Empty documents are skipped.

    Raises ManifestError for a file that cannot be read, or that does not hold objects in YAML.
    """
    try:
        text = File(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ManifestError([Problem(("manifest",), str(path), "must be a file of text in UTF-8")]) from None
    except (OSError, ValueError) as error:
        raise ManifestError([_no_file(File(path), error)]) from None
    documents, faults = read_documents(text, scalar)
    found = [each for number, node in enumerate(documents) for each in _objects(node, (number,), faults)]
    if not found and not faults:
        faults.append(Fault((), 1, Unshown("empty"), "must hold a Deployment, but has no objects"))
    if faults:
        # Braces outside of quotes: what YAML makes of them explains nothing.
        template = next((at for at, line in enumerate(text.splitlines(), 1) if HELM.match(line)), None)
        if template and template <= faults[0].line:
            accepted = "is a Helm template: give the output of `helm template`"
            faults = [Fault((), template, text.splitlines()[template - 1].strip(), accepted)]
        raise ManifestError(_problems(str(path), faults, [path for path, _ in found]))
    return [whole_numbers(node.value) for _, node in found], Source(str(path), tuple(node for _, node in found))


def _no_file(file: File, error: OSError | ValueError) -> Problem:
    try:
        files = (each for each in file.parent.iterdir() if each.suffix in ENDINGS and each.is_file())
        known = [str(each) for each in files if b"apiVersion" in each.read_bytes()]
    except (OSError, ValueError):
        known: list[str] = []
    why, meant = (error.strerror if isinstance(error, OSError) else None) or str(error), nearest(str(file), known)
    if isinstance(error, IsADirectoryError):
        why += f"; join its files, or give the output of `kubectl kustomize {file}`"
    accepted = literal(f"must be the path of a file: {why}{did_you_mean(meant)}")
    return Problem(("manifest",), str(file), accepted, [(("manifest",), meant)] if meant else ())


def _objects(node: Node, path: Path, faults: list[Fault]) -> Iterator[tuple[Path, Node]]:
    """The objects of a document, each with its path in it."""
    value, items = node.value, node.below.get("items")
    if value is None and len(path) == 1:
        return
    if not isinstance(value, dict):
        accepted = "must be an object with apiVersion, kind and metadata"
        faults.append(Fault(path, node.line, cast(Any, value), accepted))
    elif items and isinstance(items.value, list) and str(cast(Object, value).get("kind")).endswith("List"):
        for at, item in items.below.items():
            yield from _objects(item, (*path, "items", at), faults)
    else:
        yield path, node


def _problems(file: str, faults: Sequence[Fault], objects: Sequence[Path]) -> list[Problem]:
    """Everything wrong, with paths that begin with the position of the object, whose own path is given."""

    def within(path: Path) -> Path:
        found = ((at, *path[len(object_) :]) for at, object_ in enumerate(objects) if path[: len(object_)] == object_)
        return ("manifest", *next(found, ()))

    return [
        Problem(
            path := within(fault.path),
            fault.value,
            literal(fault.accepted),
            [(path, Spare(fault.spare))] if fault.spare else (),
            Place(file, fault.line),
        )
        for fault in sorted(faults, key=lambda each: each.line)
    ]
