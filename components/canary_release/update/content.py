"""What the tracks of a release run, as values that are equal where their pods run the same."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..model.deployment import with_image
from ..model.release import Release, Track
from ..model.tree import Object

UNORDERED = ("env", "ports", "volumeMounts", "volumes")
"""Lists whose order changes nothing: a patch puts a new item first, and a manifest may have it elsewhere."""


@dataclass(frozen=True)
class Pods:
    """The pods of one track."""

    content: str
    """The whole pod template without the track label, as text. Its only use is to be compared."""
    replicas: int


@dataclass(frozen=True)
class Tracks:
    """What users of a release meet. The rules look at nothing else of it."""

    stable: Pods
    canary: Pods | None
    """The canary that is declared, with or without pods."""

    @property
    def running(self) -> Pods | None:
        """The canary that has pods."""
        return self.canary if self.canary and self.canary.replicas else None

    @property
    def canary_replicas(self) -> int:
        """Pods of the canary; 0 without one."""
        return self.canary.replicas if self.canary else 0


def tracks(release: Release) -> Tracks:
    """Contents and replicas of both tracks."""

    def pods(track: Track) -> Pods:
        return Pods(content(track, release.container_name), track.replicas)

    return Tracks(pods(release.stable), pods(release.canary) if release.canary else None)


def content(track: Track, container_name: str) -> str:
    """What the track's pods run; the name is that of the released container."""
    whole = with_image(track.deployment, container_name, track.version)
    return json.dumps(_canonical(template(whole)), sort_keys=True)


def fingerprint(content: str) -> str:
    """A short text that stands for a content."""
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def template(deployment: Object) -> Object:
    """The pod template of a Deployment."""
    return deployment["spec"]["template"]


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _member(name, _canonical(item)) for name, item in cast(Mapping[str, Any], value).items()}
    return [_canonical(item) for item in cast(list[Any], value)] if isinstance(value, list) else value


def _member(name: str, value: Any) -> Any:
    if name not in UNORDERED or not isinstance(value, list):
        return value
    items = cast(list[Any], value)
    return items if name == "env" and _is_read_in_order(items) else sorted(items, key=_text)


def _is_read_in_order(variables: list[Object]) -> bool:
    """Whether the order of the variables matters: a name occurs twice, or `$(NAME)` refers to an earlier one."""
    names = {each["name"] for each in variables}
    return len(names) < len(variables) or "$(" in _text(variables)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
