"""What of a Deployment or Service differs, in words: `environment of container web, annotations of the pods`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from ..model.deployment import TEMPLATE
from ..model.fields import merge_key
from ..model.release import Release, Track
from ..model.tree import ABSENT, Change, Object, Path, changes, get, with_value

MOST_WORDS = 4
"""Differences that one line names."""

NAMES = {"env": "environment", "envFrom": "environment"}
"""Fields that have a word of their own; the others are called what Kubernetes calls them."""
PARTED = ("resources", "securityContext", "lifecycle", "metadata")
"""Fields that are named by their members, as people do: limits, runAsUser, preStop, annotations."""
CONTAINERS = {"containers": "container", "initContainers": "init container", "ephemeralContainers": "container"}


def template_differences(old: Track, new: Track) -> list[str]:
    """What of the pods differs besides the version; empty if they run the same."""
    return _differences("Deployment", old.deployment, new.deployment, TEMPLATE, "the pods")


def deployment_differences(old: Release, new: Release) -> list[str]:
    """What of stable's Deployment differs outside its pods."""

    def rest(track: Track) -> Object:
        return with_value(without_namespace(track.deployment), TEMPLATE, ABSENT)

    return _differences("Deployment", rest(old.stable), rest(new.stable), (), f"Deployment {new.name}")


def service_differences(old: Release, new: Release) -> list[str]:
    """What of the Services differs: each as `Service shop: ports`, or that it comes or goes."""
    before, after = (
        {each["metadata"]["name"]: without_namespace(each) for each in release.services} for release in (old, new)
    )
    found: list[str] = []
    for name in {**before, **after}:
        if name not in before or name not in after:
            found.append(f"Service {name}: {'new' if name in after else 'gone'}")
        elif words := _differences("Service", before[name], after[name], (), ""):
            found.append(f"Service {name}: {listed(words)}")
    return found


def without_namespace(object_: Object) -> Object:
    """A copy without its namespace, which is an argument of the release."""
    return with_value(object_, ("metadata", "namespace"), ABSENT)


def listed(words: Sequence[str], most: int = MOST_WORDS) -> str:
    """The words in one line of bounded length."""
    more = [f"{len(words) - most} more"] if len(words) > most else []
    return ", ".join([*words[:most], *more])


def _differences(kind: str, old: Object, new: Object, start: Path, whole: str) -> list[str]:
    before, after = (_by_key(kind, start, get(tree, start, {})) for tree in (old, new))
    found = [_words(each, whole) for change in changes(before, after) for each in _parts(change)]
    if not found and get(old, start) != get(new, start):
        found = [f"the order of a list in {whole}" if whole else "the order of a list"]
    return list(dict.fromkeys(found))


def _by_key(kind: str, path: Path, value: Any) -> Any:
    """The value with the items of lists by their merge key, so that one that comes or goes moves none of the others."""
    if isinstance(value, Mapping):
        members = cast(Mapping[str, Any], value).items()
        return {name: _by_key(kind, (*path, name), each) for name, each in members}
    if not isinstance(value, list):
        return value
    items = cast(list[Any], value)
    inside = [_by_key(kind, (*path, index), item) for index, item in enumerate(items)]
    key = merge_key(kind, path)
    keys = [str(get(item, (key,))) if key else None for item in items]
    return dict(zip(keys, inside, strict=True)) if key and len({*keys}) == len(items) else inside


def _parts(change: Change) -> Iterator[Change]:
    """The change; for a whole field of `PARTED` or `CONTAINERS` that comes or goes, one change for each member."""
    given = change.new if change.old is ABSENT else change.old
    if change.path[-1] in (*PARTED, *CONTAINERS) and isinstance(given, Mapping) and ABSENT in (change.old, change.new):
        for name in cast(Mapping[str, Any], given):
            yield Change((*change.path, name), get(change.old, (name,)), get(change.new, (name,)))
    else:
        yield change


def _words(change: Change, whole: str) -> str:
    _, *path = change.path if change.path[0] == "spec" else (None, *change.path)
    if len(path) > 1 and path[0] in CONTAINERS:
        title = f"{CONTAINERS[str(path[0])]} {path[1]}"
        if len(path) == 2:
            return f"{title} (new)" if change.old is ABSENT else f"{title} (gone)"
        return f"{_field(path[2:])} of {title}"
    field = _field(path)
    return f"{field} of {whole}" if whole else field


def _field(path: Sequence[str | int]) -> str:
    part = path[1] if len(path) > 1 and path[0] in PARTED and isinstance(path[1], str) else path[0]
    return NAMES.get(str(part), str(part))
