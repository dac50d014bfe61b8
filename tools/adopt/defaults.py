"""The manifest of a live object: the values that somebody chose, without those that the API server fills in."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

from canary_release.model.deployment import LAST_APPLIED, REVISION
from canary_release.model.tree import ABSENT, Object, Path, get, same, with_value, without_nulls

BOOKKEEPING = (LAST_APPLIED, REVISION)
"""Annotations of the cluster's own tools."""
CARRIED = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort", "nodePort")
"""Fields of a Service that the API server allocates once, and keeps when a later manifest is silent about them."""
SELECTED = (("spec", "selector"), ("spec", "template", "metadata", "labels"))

Ask = Callable[..., tuple[Object, Sequence[Object | None]]]
"""What the API server would make of a live object if it were this, or one of the others: None if it refuses."""


def manifest_of(live: Object, ask: Ask) -> Object:
    """The smallest object from which the API server makes the live one.

    A value of the last `kubectl apply` stays, even if it is a default. A value that changed since is as it is live.
    """
    written = last_applied(live)
    manifest = {**_decided(live, written), "spec": without_nulls(live["spec"])}
    paths = [path for path in _fields(manifest["spec"], ("spec",)) if _may_be_filled_in(path, live, written)]
    whole, answers = ask(manifest, *(with_value(manifest, path, ABSENT) for path in paths))
    filled_in = [path for path, answer in zip(paths, answers, strict=True) if _is_same(answer, whole)]
    return _without(manifest, list(_outermost(filled_in)), ask)


def last_applied(live: Object) -> Object:
    """What the last `kubectl apply` gave; empty where nobody applied."""
    try:
        found = json.loads(get(live, ("metadata", "annotations", LAST_APPLIED), "{}"))
    except json.JSONDecodeError:
        return {}
    return cast(Object, found) if isinstance(found, dict) else {}


def _decided(live: Object, written: Object) -> Object:
    """Kind, name, labels and annotations."""
    metadata = live["metadata"]
    annotations: dict[str, str] = metadata.get("annotations", {})
    kept = {key: value for key, value in annotations.items() if key not in BOOKKEEPING}
    if live["kind"] == "Service" and written:
        # Controllers of load balancers write annotations on a Service: these are not part of its manifest.
        kept = {key: value for key, value in kept.items() if key in get(written, ("metadata", "annotations"), {})}
    parts = {"name": metadata["name"], "labels": metadata.get("labels"), "annotations": kept}
    return {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": {name: value for name, value in parts.items() if value},
    }


def _fields(value: Any, path: Path) -> Iterator[Path]:
    """The path of every member of an object, at any depth."""
    if isinstance(value, dict):
        for name, member in sorted(cast(Object, value).items()):
            yield (*path, name)
            yield from _fields(member, (*path, name))
    elif isinstance(value, list):
        for index, item in enumerate(cast(list[Any], value)):
            yield from _fields(item, (*path, index))


def _may_be_filled_in(path: Path, live: Object, written: Object) -> bool:
    if any(path[: len(each)] == each for each in SELECTED) or same(get(written, path), get(live, path)):
        return False
    if live["kind"] != "Service" or path[-1] not in CARRIED:
        return True
    # The dry run always returns these fields, so it cannot tell whether somebody asked for them.
    managed = {field[-1] for field in _fields(live["metadata"].get("managedFields", []), ())}
    return get(live, path) != "None" and f"f:{path[-1]}" not in managed


def _is_same(answer: Object | None, whole: Object) -> bool:
    return answer is not None and same(answer["spec"], whole["spec"])


def _outermost(paths: Iterable[Path]) -> Iterator[Path]:
    last: Path | None = None
    for path in paths:
        if last is None or path[: len(last)] != last:
            last = path
            yield path


def _without(manifest: Object, filled_in: list[Path], ask: Ask) -> Object:
    """The manifest without as many of these fields as can go together."""
    while filled_in:
        smaller = manifest
        for path in filled_in:
            smaller = with_value(smaller, path, ABSENT)
        whole, [answer] = ask(manifest, smaller)
        if _is_same(answer, whole):
            return smaller
        # Two fields may each be filled in from the other, as serviceAccount and serviceAccountName are: the last stays.
        lost = [path for path in filled_in if not same(get(answer, path), get(whole, path))]
        filled_in.remove((lost or filled_in)[-1])
    return manifest
