"""Stack files, as the engine reads them."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import yaml  # comes with pulumi

from components.problems import child

Scalar = tuple[str, Any, str]
"""Path, value and text of what is neither map nor list."""


class EngineLoader(yaml.SafeLoader):
    """YAML as the engine reads it: 1e3 and 0o17 are numbers, too, and so is many a commit's short name; text are yes,
    off, 12:30 and a day that no calendar has.
    """


class EngineDumper(yaml.SafeDumper):
    """Quotes text that the engine would read as something else."""


def _boolean(_: Any, node: Any) -> Any:
    return {"true": True, "false": False}.get(node.value.lower(), node.value)


def _sexagesimal(loader: Any, node: Any) -> Any:
    kind = node.tag.rpartition(":")[2]
    return node.value if ":" in node.value else getattr(loader, f"construct_yaml_{kind}")(node)


def _number(_: Any, node: Any) -> float:
    text = node.value.replace("_", "")
    return int(text, 0) if "o" in text else float(text)


def _date(loader: Any, node: Any) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        return node.value


_resolver: Any = EngineLoader
_resolver.add_implicit_resolver(
    "!number", re.compile(r"[-+]?((\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d{1,3}|0o[0-7_]+)\Z"), list("-+.0123456789")
)
_resolver.add_implicit_resolver("tag:yaml.org,2002:timestamp", re.compile(r"\d{4}-\d\d?-\d\d?\Z"), list("0123456789"))
_resolver.add_constructor("!number", _number)
_resolver.add_constructor("tag:yaml.org,2002:bool", _boolean)
for _kind in ("int", "float"):
    _resolver.add_constructor(f"tag:yaml.org,2002:{_kind}", _sexagesimal)
_resolver.add_constructor("tag:yaml.org,2002:timestamp", _date)
EngineDumper.yaml_implicit_resolvers = _resolver.yaml_implicit_resolvers


def project_name() -> str:
    """The project's name, where no engine tells it."""
    return str(yaml.safe_load(Path("Pulumi.yaml").read_text(encoding="utf-8"))["name"])


def config_in(path: Path, loader: type[yaml.BaseLoader | yaml.SafeLoader] = EngineLoader) -> dict[str, Any]:
    """Config by key with its namespace. Raises `yaml.YAMLError`, which names the file."""
    # As bytes: then also the errors of its encoding name the file.
    with path.open("rb") as file:
        return _object(_object(yaml.load(file, Loader=loader)).get("config"))


def _object(value: Any) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def scalars(path: Path, project: str, *groups: Iterable[str]) -> list[list[Scalar]]:
    """Everything below the keys of each group, for each group a list, which is empty without a file."""
    typed, written = (config_in(path), config_in(path, yaml.BaseLoader)) if path.exists() else ({}, {})

    def below(key: str) -> Iterator[Scalar]:
        return _leaves(key, typed.get(f"{project}:{key}"), written.get(f"{project}:{key}"))

    return [[scalar for key in group for scalar in below(key)] for group in groups]


def _leaves(path: str, typed: Any, written: Any) -> Iterator[Scalar]:
    if isinstance(typed, dict) and isinstance(written, dict):
        for (name, value), text in zip(cast(dict[Any, Any], typed).items(), cast(Any, written).values(), strict=False):
            yield from _leaves(child(path, str(name)), value, text)
    elif isinstance(typed, list) and isinstance(written, list):
        for index, (value, text) in enumerate(zip(cast(Any, typed), cast(Any, written), strict=False)):
            yield from _leaves(f"{path}[{index}]", value, text)
    elif isinstance(written, str):
        yield path, typed, written
