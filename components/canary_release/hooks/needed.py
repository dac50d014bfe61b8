"""The namespace of a release, and the ConfigMaps and Secrets without which its pods do not start."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from ..model.release import Release
from ..update.content import template
from .cluster import Cluster

REFERENCES = {
    "configMap": "configmap",
    "configMapRef": "configmap",
    "configMapKeyRef": "configmap",
    "secret": "secret",
    "secretRef": "secret",
    "secretKeyRef": "secret",
    "imagePullSecrets": "secret",
}
"""Fields of a pod whose value names an object, and kubectl's word for its kind."""


def missing(release: Release, kind: str, cluster: Cluster) -> list[str]:
    """The objects of a kind that pods need and that are not there, as kubectl writes them: `secret/token`.

    kubectl prints only names, but needs the right to get the objects. Raises `KubectlError`.
    """
    needed = dict.fromkeys(each for each in needs(release) if each.startswith(f"{kind}/"))
    if not needed:
        return []
    found = cluster.ask("get", *needed, "--namespace", release.namespace, "--ignore-not-found", "--output=name")
    return [each for each in needed if each not in found.split()]


def not_there(namespace: str, needed: Sequence[str]) -> str | None:
    """The warning for objects that are missing; None if none are."""
    if not needed:
        return None
    if f"namespace/{namespace}" in needed:
        fix = f"kubectl create namespace {namespace}"
        return f"there is no namespace {namespace}. Make it by `{fix}`, unless this program makes it"
    return f"namespace {namespace} lacks {', '.join(needed)}. Pods refer to these, and may not start without them"


def needs(release: Release) -> Iterator[str]:
    """The objects that the pods of both tracks need, as `missing` writes them."""
    yield f"namespace/{release.namespace}"
    for track in filter(None, (release.stable, release.canary)):
        yield from _named(template(track.deployment)["spec"])


def _named(tree: Any) -> Iterator[str]:
    if isinstance(tree, list):
        for item in cast(list[Any], tree):
            yield from _named(item)
    for field, value in cast(Mapping[str, Any], tree).items() if isinstance(tree, Mapping) else ():
        for each in cast(list[Any], value) if isinstance(value, list) else [value]:
            if field in REFERENCES and isinstance(each, Mapping):
                reference = cast(Mapping[str, Any], each)
                # A volume names its Secret by a field of its own.
                name = reference.get("name") or reference.get("secretName")
                if name and not reference.get("optional"):
                    yield f"{REFERENCES[field]}/{name}"
        yield from _named(value)
