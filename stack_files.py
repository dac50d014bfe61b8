"""Stack files, as the engine reads them."""

import re
from pathlib import Path
from typing import Any, cast

import yaml  # comes with pulumi


class EngineLoader(yaml.SafeLoader):
    """YAML as the engine reads it: 1e3 and 0o17 are numbers, too, and so is many a commit's short name; a day that no
    calendar has is text.
    """


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
    "!number", re.compile(r"[-+]?((\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]?\d{1,3}|0o[0-7_]+)"), list("-+.0123456789")
)
_resolver.add_constructor("!number", _number)
_resolver.add_constructor("tag:yaml.org,2002:timestamp", _date)


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
