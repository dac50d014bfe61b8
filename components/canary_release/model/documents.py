"""Reads YAML with the line of every value, within bounds of depth and size. It reports faults and guesses nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast

import yaml  # comes with pulumi

from .scalars import TAG
from .tree import Path

DEEPEST = 100
"""Levels of objects and lists. Kubernetes' own types have about 20."""
LARGEST = 100_000
"""Values of one document, with all that its aliases stand for: more is no Deployment, but would fill the memory."""

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Resolve = Callable[[str, str | None, bool], Any]
"""The value of a scalar: of its text, its tag, and whether it is plain. Raises ValueError, which says what is wrong."""


class UnreadableError(Exception):
    """A fault behind which nothing can be read: its line, and what is accepted."""

    def __init__(self, line: int, accepted: str):
        super().__init__(accepted)
        self.line, self.accepted = line, accepted


@dataclass(frozen=True)
class Node:
    """A value of the file with the nodes below it: those of fields by name, those of items by position."""

    value: Any
    written: Any
    """The value with the text that the file has in place of each scalar."""
    line: int
    below: dict[str | int, "Node"]
    size: int


@dataclass(frozen=True)
class Fault:
    """What is wrong at one place of the text."""

    path: Path
    """Begins with the document's number."""
    line: int
    value: Any
    accepted: str
    spare: int | None = None
    """The line in which something begins that must go."""


def read_documents(text: str, resolve: Resolve) -> tuple[list[Node], list[Fault]]:
    """The nodes of all documents before the first that is not YAML, and everything that is wrong."""
    reader = _Reader(text, resolve)
    return reader.documents(), reader.faults


@dataclass
class _Reader:
    text: str
    resolve: Resolve
    faults: list[Fault] = field(default_factory=list[Fault])
    anchors: dict[str, Node | None] = field(default_factory=dict[str, Node | None])
    """None while the node that the anchor stands for is being read."""

    def add(self, path: Path, line: int, value: Any, accepted: str, spare: int | None = None) -> None:
        self.faults.append(Fault(path, line, value, accepted, spare))

    def documents(self) -> list[Node]:
        """The nodes of all documents before the first that is not YAML."""
        found: list[Node] = []
        try:
            read: Any = cast(Any, yaml).parse
            self.events: Iterator[Any] = read(self.text, Loader=Loader)
            for event in self.events:
                if isinstance(event, yaml.DocumentStartEvent):
                    self.anchors = {}
                    found.append(self.node(next(self.events), (len(found),)))
        except UnreadableError as error:
            self.add((len(found),), error.line, self.line(error.line).strip(), error.accepted)
        except yaml.reader.ReaderError as error:
            line = self.text.encode()[: error.position].count(b"\n") + 1
            self.add((len(found),), line, f"U+{error.character:04X}", "must be text: YAML has no such character")
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            tab = "\t" in self.line(line) and "cannot start any token" in str(error.problem)
            why = "indented by spaces, not by tabs" if tab else f"YAML: {error.problem}"
            if error.context_mark and error.context_mark.line + 1 != line:
                why += f" {error.context}, which begins in line {error.context_mark.line + 1}"
            self.add((len(found),), line, self.line(line).strip(), f"must be {why}")
        return found

    def line(self, number: int) -> str:
        """The text of a line, which counts from 1."""
        return next(iter(self.text.splitlines()[number - 1 : number]), "")

    def node(self, event: Any, path: Path, line: int = 0) -> Node:
        """The node that begins with the event. It stands in the line of its name, if it has one."""
        line = line or event.start_mark.line + 1
        if len(path) > DEEPEST:
            raise UnreadableError(line, f"must not nest deeper than {DEEPEST} levels")
        if isinstance(event, yaml.AliasEvent):
            node = self.anchors.get(event.anchor)
            if node is None:
                why = "contains itself" if event.anchor in self.anchors else "is not defined before"
                raise UnreadableError(line, f"must be YAML: the anchor {event.anchor} {why}")
            return replace(node, line=line)
        if event.anchor:
            self.anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = self.scalar(event, path, line)
        else:
            below = self.fields(path) if isinstance(event, yaml.MappingStartEvent) else self.items(path)
            value: Any = {name: child.value for name, child in below.items()}
            written: Any = {name: child.written for name, child in below.items()}
            if isinstance(event, yaml.SequenceStartEvent):
                value, written = list(value.values()), list(written.values())
            node = Node(value, written, line, below, 1 + sum(child.size for child in below.values()))
            if node.size > LARGEST:
                raise UnreadableError(
                    line, f"must not hold more than {LARGEST} values, with what its aliases stand for"
                )
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def scalar(self, event: yaml.ScalarEvent, path: Path, line: int) -> Node:
        value = None
        try:
            value = self.resolve(event.value, event.tag, event.implicit[0])
        except ValueError as error:
            self.add(path, line, event.value, f"must be a value of JSON: {error}")
        return Node(value, event.value, line, {}, 1)

    def items(self, path: Path) -> dict[str | int, Node]:
        below: dict[str | int, Node] = {}
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            below[len(below)] = self.node(event, (*path, len(below)))
        return below

    def fields(self, path: Path) -> dict[str | int, Node]:
        below: dict[str | int, Node] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if _is_merge(event):
                below |= self.merged(path)
                continue
            key = self.node(event, path)
            name = self.name(key, path)
            node = self.node(next(self.events), (*path, name), key.line)
            if name in lines:
                accepted = f"must stand once: it stands in line {lines[name]}, too"
                self.add((*path, name), key.line, node.value, accepted, lines[name])
            below[name], lines[name] = node, key.line
        return below

    def name(self, key: Node, path: Path) -> str:
        if isinstance(key.value, str | bool | int):
            return str(key.value).lower() if isinstance(key.value, bool) else str(key.value)
        self.add(path, key.line, key.value, "must have text as the name of a field (quote it)")
        return ""

    def merged(self, path: Path) -> dict[str | int, Node]:
        """The fields that a merge key brings."""
        event = next(self.events)
        node = self.node(event, path)
        several = isinstance(event, yaml.SequenceStartEvent)
        sources = list(node.below.values()) if several else [node]
        if not all(isinstance(source.value, dict) for source in sources):
            self.add(path, node.line, node.value, "must be an object, or a list of objects, behind a merge key (<<)")
            return {}
        fields: dict[str | int, Node] = {}
        for source in reversed(sources):
            fields |= source.below
        return fields


def _is_merge(event: Any) -> bool:
    plain = isinstance(event, yaml.ScalarEvent) and event.value == "<<"
    return plain and (event.implicit[0] or event.tag == f"{TAG}merge")
