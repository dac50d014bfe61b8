"""What changes when a release adopts what runs, by the API server's dry run."""

from collections.abc import Iterator
from typing import Any

from canary_release.model.objects import FIELD_MANAGER, manifests
from canary_release.model.parsing import Parsed
from canary_release.model.release import Release
from canary_release.model.tree import ABSENT, Change, Object, Path, changes, get, with_value
from canary_release.text.spelling import field_path, shown

from .defaults import BOOKKEEPING
from .live import is_in_place
from .namespace import Namespace

COMPARED = (("metadata", "labels"), ("metadata", "annotations"), ("spec",))
SELECTOR = ("spec", "selector")


def adopting(namespace: Namespace, release: Release, deployment: Object) -> dict[str, list[Change]]:
    """All that changes in the live objects, by kind and name."""
    found: dict[str, list[Change]] = {}
    for (kind, name), wanted in manifests(release).items():
        live = deployment if (kind, name) == ("Deployment", release.name) else namespace.get(kind, name)
        if live is None:
            found[f"{kind} {name}"] = [Change((), ABSENT, "is made: it does not exist yet")]
            continue
        if live is deployment and not is_in_place(release, deployment):
            # The Deployment is made anew: it keeps no field of the one before.
            after, _ = namespace.replaced(with_value(wanted, SELECTOR, get(live, SELECTOR)))
            after = with_value(after, SELECTOR, get(wanted, SELECTOR))
        else:
            after = namespace.applied(wanted, FIELD_MANAGER)
        found[f"{kind} {name}"] = [each for path in COMPARED for each in _changes(path, live, after)]
    return found


def _changes(path: Path, live: Object, after: Object) -> Iterator[Change]:
    before, then = (get(each, path, {}) for each in (live, after))
    for change in changes(before, then):
        if change.path[:1] not in [(each,) for each in BOOKKEEPING]:
            yield Change((*path, *change.path), change.old, change.new)


def told(parsed: Parsed, found: dict[str, list[Change]], in_place: bool) -> str:
    """The changes in words, and whether pods are replaced."""
    release = parsed.release
    lines = [f"  {what}: {in_words(change)}" for what, listed in found.items() for change in listed]
    lines = [f"adopting changes {'this:' if lines else 'nothing'}", *lines]
    if parsed.additions:
        added = ", ".join(field_path(path) for path, _ in parsed.additions)
        lines.append(
            f"of these the release adds, since the manifest is silent: {added}; "
            "to leave one out, set it to null in `patches`"
        )
    stable, changed = release.stable.replicas, found[f"Deployment {release.name}"]
    if not in_place:
        lines += [
            f"every pod is replaced: {stable} new ones come beside the {stable} old ones, which leave once these serve",
            "no request is lost, unless it takes longer than the pods' terminationGracePeriodSeconds",
        ]
    elif any(change.path[:2] == ("spec", "template") for change in changed):
        lines.append("every pod is replaced, by a rolling update")
    else:
        lines.append("no pod is replaced")
    return "\n".join([*lines, *(f"warning: {each}" for each in parsed.warnings)])


def in_words(change: Change) -> str:
    """One change: `spec.replicas 1 => 2`."""
    if not change.path:
        return str(change.new)
    return f"{field_path(change.path)} {_value(change.old)} => {_value(change.new)}"


def _value(value: Any) -> str:
    return "not set" if value is ABSENT else shown(value)
