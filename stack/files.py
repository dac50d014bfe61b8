"""The config of a stack, as the engine hands it to the program, read without an engine.

It is the stack file over the defaults of Pulumi.yaml. Every value is text: objects and lists are JSON. Encrypted
values and those of an ESC environment are missing: only the engine knows them.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from canary_release.model.documents import Fault, Node, read_documents
from canary_release.model.engine_yaml import engine_scalar
from canary_release.model.problem import MISSING, Place, Problem, Unshown, did_you_mean, literal, nearest
from canary_release.model.tree import Path as FieldPath
from canary_release.model.tree import get, whole_numbers
from canary_release.text.report import MANIFEST, report
from canary_release.text.spelling import ARGUMENTS, camel

PROJECT_FILE = "Pulumi.yaml"
STACK_FILE_KEYS = ("config", "environment", "secretsprovider", "encryptedkey", "encryptionsalt")
"""What the engine reads of a stack file."""
NOT_SHOWN = Unshown("[not shown]")
_EMPTY = Node({}, {}, 1, {}, 1)


class ConfigError(ValueError):
    """A file cannot be read as config. The text says which one, what is wrong, and in which line."""


@dataclass(frozen=True)
class Entry:
    """The value of a config key, as a file has it."""

    file: str
    value: Any
    """As the engine reads it. A date that is not quoted is a `Date`."""
    written: Any
    """The same with the text that the file has in place of each scalar."""
    node: Node | None = None
    """Where it stands in the file; None if a plan gives it."""

    @property
    def is_secret(self) -> bool:
        """Whether the value is encrypted, or a part of it."""
        return _has_secret(self.value)

    @property
    def text(self) -> str:
        """What the engine makes of it."""
        if isinstance(self.value, str):
            return str(self.value)
        return json.dumps(whole_numbers(self.value), sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True)
class Config:
    """The config of one stack. Keys have their namespace: `canary:stableVersion`, `kubernetes:context`."""

    project: str
    stack: str
    own: Mapping[str, Entry]
    """What the stack file sets."""
    defaults: Mapping[str, Entry]
    """What Pulumi.yaml sets where the stack file is silent."""
    required: frozenset[str] = frozenset()
    """Keys that Pulumi.yaml declares without a default: the engine refuses a stack without them."""
    has_environment: bool = False
    """Whether the stack file takes values from ESC."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with the stack file beside its config."""
    engine_values: Mapping[str, str] | None = None
    """Every value, as an engine handed it over; None without one. With it, the files only show what is not quoted."""
    engine_secrets: frozenset[str] = frozenset()
    """Keys that the engine handed over as secrets."""

    @property
    def file(self) -> str:
        """Name of the stack file."""
        return stack_file(self.stack).name

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """What the files say of each key."""
        return {**self.defaults, **self.own}

    @cached_property
    def secrets(self) -> frozenset[str]:
        """The keys whose values are encrypted."""
        if self.engine_values is not None:
            return self.engine_secrets
        return frozenset(key for key, entry in self.entries.items() if entry.is_secret)

    @cached_property
    def values(self) -> dict[str, str]:
        """The text of each key. Without an engine, encrypted values are not in it."""
        if self.engine_values is not None:
            return dict(self.engine_values)
        return {key: entry.text for key, entry in self.entries.items() if key not in self.secrets}

    def key(self, name: str) -> str:
        """The whole key of one of the project's own."""
        return f"{self.project}:{name}"

    def entry(self, name: str) -> Entry | None:
        """The entry of one of the project's own keys; None where the value is not from a file."""
        return self._entry(self.key(name))

    def _entry(self, key: str) -> Entry | None:
        entry = self.entries.get(key)
        if entry and self.engine_values is not None and not _says_same(self.engine_values.get(key, ""), entry.text):
            return None
        return entry

    def get(self, name: str) -> str:
        """The text of one of the project's own keys; empty where it is not set."""
        return self.values.get(self.key(name), "")

    def placed(self, problem: Problem) -> Problem:
        """The problem with the line of its key, where a file has that. A path in `manifest` leads to another file."""
        name = str(problem.path[0])
        entry = self._entry(name if ":" in name else self.key(camel(name)))
        missing = problem.value is MISSING and len(problem.path) == 1
        if problem.place or missing or name == MANIFEST or entry is None or entry.node is None:
            return problem
        return replace(problem, place=Place(entry.file, _line(entry.node, problem.path[1:])))

    def changed(self, entries: Mapping[str, Entry | None]) -> "Config":
        """The config with these entries in the stack file; None takes a key out of the file."""
        own = {**self.own, **entries}
        return replace(self, own={key: entry for key, entry in own.items() if entry is not None})

    def only_the_engine_knows(self) -> list[str]:
        """Sentences that say what is not known here; empty if an engine handed everything over."""
        if self.engine_values is not None:
            return []
        known: list[str] = []
        if self.has_environment:
            known.append(f"{self.file} has an `environment`: its values are not seen here, only the engine knows them")
        if "kubernetes:kubeconfig" in self.secrets:
            known.append("kubernetes:kubeconfig is encrypted, only the engine knows it: kubectl's own is taken here")
        return known


def stack_file(stack: str, folder: Path = Path()) -> Path:
    """The path of a stack file."""
    return folder / f"Pulumi.{stack}.yaml"


def stacks(folder: Path = Path()) -> list[str]:
    """The stacks that have a file, by name."""
    return sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in folder.glob("Pulumi.*.yaml"))


def project_name(folder: Path = Path()) -> str:
    """The name of the project. Raises `ConfigError`."""
    return _project(folder)[0]


def read_config(stack: str, folder: Path = Path()) -> Config:
    """The config of a stack that has a file. Raises `ConfigError`."""
    path = stack_file(stack, folder)
    if not path.is_file():
        known = stacks(folder)
        one = f"the stack must be one of {', '.join(known)}" if known else "no stack has a file"
        raise ConfigError(f"there is no {path.name}: {one}{did_you_mean(nearest(stack, known))}")
    project, defaults, required = _project(folder)
    document = read_document(path)
    if not isinstance(document.node.value, dict):
        raise document.error(document.node, "must be an object, in which `config` holds config keys and their values")
    fields = document.node.below
    own = _stack_entries(document, project) if "config" in fields else {}
    return Config(project, stack, own, defaults, required, "environment" in fields, tuple(_misspelt(document)))


def _misspelt(document: "Document") -> Iterator[Problem]:
    """Keys beside `config` that the engine passes over although one of its own is meant."""
    for name, node in document.node.below.items():
        meant = nearest(str(name), STACK_FILE_KEYS)
        if meant and name not in STACK_FILE_KEYS:
            place, accepted = Place(document.file, node.line), f"is not a key of a stack file{did_you_mean(meant)}"
            yield Problem((str(name),), NOT_SHOWN, accepted, place=place)


@dataclass(frozen=True)
class Document:
    """The first document of a file in YAML."""

    file: str
    node: Node
    """As the engine reads it."""
    shows_values: bool

    def entry(self, *path: str | int) -> Entry:
        """The value at the path."""
        node = self.node
        for part in path:
            node = node.below[part]
        return Entry(self.file, node.value, node.written, node)

    def error(self, node: Node, accepted: str) -> ConfigError:
        """The error of a value that cannot be read past."""
        return _error(self.file, [Fault((), node.line, node.value, accepted)], self.shows_values)


def read_document(path: Path, shows_values: bool = False) -> Document:
    """The first document of a file, or an object without fields. Raises `ConfigError`, which shows no secret."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _error(path.name, [Fault((), 1, None, "must be text in UTF-8")], False) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    # A token, or the password in an address, may stand in the next line, too.
    shows_values = shows_values and not re.search("token|@", text, re.IGNORECASE)
    nodes, faults = read_documents(text, engine_scalar)
    if faults:
        raise _error(path.name, faults, shows_values)
    node = nodes[0] if nodes and nodes[0].value is not None else _EMPTY
    return Document(path.name, node, shows_values)


def _error(file: str, faults: Sequence[Fault], shows_values: bool) -> ConfigError:
    found = ((each, each.value if shows_values else NOT_SHOWN) for each in sorted(faults, key=lambda each: each.line))
    problems = [
        Problem(("", *each.path[1:]), value, literal(each.accepted), place=Place(file, each.line))
        for each, value in found
    ]
    return ConfigError(report(f"{file} cannot be read", problems, ARGUMENTS))


def whole_key(key: str, project: str) -> str:
    """The key with its namespace: without one it is the project's. `a:config:b` is an old way to write `a:b`."""
    namespace, _, name = key.rpartition(":") if ":" in key else (project, "", key)
    return f"{namespace.removesuffix(':config')}:{name}"


def _stack_entries(document: Document, project: str) -> dict[str, Entry]:
    node = document.node.below["config"]
    if node.value is not None and not isinstance(node.value, dict):
        raise document.error(node, "must be an object of config keys and their values")
    entries: dict[str, Entry] = {}
    for key, value in node.below.items():
        whole = whole_key(str(key), project)
        if whole in entries or not re.fullmatch("[^:]+:[^:]+", whole):
            accepted = f"must stand once, as <name>, a key of {project}, or as <namespace>:<name>"
            raise _error(document.file, [Fault((), value.line, str(key), accepted)], shows_values=True)
        entries[whole] = document.entry("config", key)
    return entries


def _project(folder: Path) -> tuple[str, dict[str, Entry], frozenset[str]]:
    """The project's name, its defaults, and the keys that have none."""
    document = read_document(folder / PROJECT_FILE)
    fields = document.node.below
    name, config = (fields.get(key, document.node) for key in ("name", "config"))
    if "name" not in fields or not isinstance(name.value, str) or not name.value:
        raise document.error(name, "must have a name, which is text")
    if "config" in fields and not isinstance(config.value, dict | None):
        raise document.error(config, "must be an object of config keys")
    entries: dict[str, Entry] = {}
    required: set[str] = set()
    for key, declared in config.below.items() if "config" in fields else ():
        whole = whole_key(str(key), name.value)
        given = [part for part in ("value", "default") if get(declared.value, (part,), None) is not None]
        if not isinstance(declared.value, dict) and declared.value is not None:
            entries[whole] = document.entry("config", key)
        elif given:
            entries[whole] = document.entry("config", key, given[-1])
        elif whole.startswith(f"{name.value}:"):
            required.add(whole)
    return name.value, entries, frozenset(required)


def _says_same(text: str, other: str) -> bool:
    """Whether two texts are equal, or are the same value of JSON, whose numbers can be written in several ways."""
    try:
        return text == other or json.loads(text) == json.loads(other)
    except (ValueError, RecursionError):
        return False


def _line(node: Node, path: FieldPath) -> int:
    """The line of what stands at the path, or of the deepest object on the way to it."""
    below = node.below.get(path[0]) if path else None
    return _line(below, path[1:]) if below else node.line


def _has_secret(value: Any) -> bool:
    """As the engine sees it: an object with nothing but `secure`, whose value is text, at any depth."""
    if isinstance(value, list):
        return any(map(_has_secret, cast(list[Any], value)))
    if not isinstance(value, dict):
        return False
    members = cast(dict[str, Any], value)
    return (len(members) == 1 and isinstance(members.get("secure"), str)) or any(map(_has_secret, members.values()))
