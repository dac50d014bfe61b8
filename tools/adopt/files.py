"""Manifest and stack file of a release, as text."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from canary_release.model.engine_yaml import LINE_BREAKS
from canary_release.model.image import ImageReference, version_problem
from canary_release.model.scalars import scalar
from canary_release.model.tree import Object

from .live import Application
from .namespace import AdoptionError, Namespace

FIRST = ("apiVersion", "kind", "metadata", "name", "image", "replicas", "selector", "type")
LAST = ("template", "initContainers", "containers", "volumes")
"""Fields that a reader looks for first, and those that are long; the others stand between them by their names."""
RANKS = {name: rank for rank, name in [*enumerate(FIRST, -len(FIRST)), *enumerate(LAST, 1)]}


class Dumper(yaml.SafeDumper):
    """Text of several lines as a block, and quoted what kubectl would read as something else than text."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None if _is_text(text) else "'"
    if set(text) & LINE_BREAKS:
        style = '"'
    represent: Any = cast(Any, dumper).represent_scalar
    return represent("tag:yaml.org,2002:str", text, style=style)


def _is_text(text: str) -> bool:
    """Whether kubectl reads it as text also without quotes."""
    try:
        return isinstance(scalar(text, None, plain=True), str)
    except ValueError:
        return False


Dumper.add_representer(str, _text)


def manifest_text(objects: Sequence[Object]) -> str:
    """The objects as documents of YAML, in an order of fields that does not depend on theirs."""
    style: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 100}
    return cast(str, yaml.dump_all(map(_ordered, objects), Dumper=Dumper, **style))


def _ordered(value: Any) -> Any:
    if isinstance(value, list):
        return [_ordered(item) for item in cast(list[Any], value)]
    if not isinstance(value, dict):
        return value
    members = cast(Object, value)
    return {name: _ordered(members[name]) for name in sorted(members, key=lambda name: (RANKS.get(name, 0), name))}


def stack_text(project: str, namespace: Namespace, application: Application, manifest: Path) -> str:
    """The stack file of the release that runs what runs now. Raises `AdoptionError` if its image names no version."""
    version = ImageReference.parse(application.image).version
    if version is None or version_problem(version):
        raise AdoptionError(
            f"its image {application.image} names no fixed version: set a tag, wait for the rollout, and repeat"
        )
    config = {
        "manifest": manifest.name,
        "namespace": namespace.name,
        "stableVersion": version,
        "stableReplicas": application.replicas,
    }
    if len(application.containers) > 1:
        config["containerName"] = application.container_name
    lines = ["config:", f"  kubernetes:context: {json.dumps(namespace.cluster.context)}"]
    lines += [f"  {project}:{key}: {json.dumps(value)}" for key, value in config.items()]
    return "\n".join(lines) + "\n"


def write(path: Path, text: str) -> str:
    """Writes the file, unless it is there and says the same. Raises `AdoptionError` if it says something else."""
    if not path.exists():
        path.write_text(text, encoding="utf-8")
        return f"wrote {path}"
    if path.read_text(encoding="utf-8") != text:
        raise AdoptionError(f"{path} is there already and says something else: rename it, or delete it")
    return f"{path} is there already and says the same"
