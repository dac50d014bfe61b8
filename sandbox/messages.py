"""Manifests in the messages of the provider's protocol: what the engine is told of an object, and tells."""

import json
from typing import Any, cast

from api import Manifest
from google.protobuf import json_format, struct_pb2

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The engine's sign for a value that a preview cannot know."""
BOOKKEEPING = ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision")
"""Annotations of the cluster's own tools."""


def outputs(live: Manifest) -> Manifest:
    """The object as the state keeps it."""
    return live | {"metadata": {key: value for key, value in live["metadata"].items() if key != "managedFields"}}


def imported(live: Manifest) -> Manifest:
    """The inputs of an object that no program declared."""
    kept = ("name", "namespace", "labels", "annotations")
    metadata = {key: value for key, value in live["metadata"].items() if key in kept}
    if annotations := metadata.pop("annotations", None):
        metadata["annotations"] = {key: value for key, value in annotations.items() if key not in BOOKKEEPING}
    return {key: value for key, value in live.items() if key != "status"} | {"metadata": metadata}


def without_allocated(promised: Manifest, inputs: Manifest) -> Manifest:
    """What the API server gives out at the create is unknown in its preview, though the dry run shows an example."""
    promised = json.loads(json.dumps(promised))
    promised.pop("status", None)
    promised["metadata"] |= dict.fromkeys(("uid", "resourceVersion", "creationTimestamp"), UNKNOWN)
    if promised["kind"] == "Service":
        given = inputs.get("spec", {})
        for field in ("clusterIP", "clusterIPs"):
            promised["spec"][field] = given.get(field, UNKNOWN)
        for port, ours in zip(promised["spec"].get("ports", []), given.get("ports", []), strict=False):
            port["nodePort"] = ours.get("nodePort", UNKNOWN)
    return promised


def has_unknown(value: Any) -> bool:
    """Whether a preview cannot know part of it."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in cast("dict[str, Any]", value).values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in cast("list[Any]", value))
    return value == UNKNOWN


def plain(message: Any) -> Manifest:
    """The manifest in a message."""
    return _whole(json_format.MessageToDict(message))


def _whole(value: Any) -> Any:
    """A message knows no integers and keeps null; a manifest has the one and not the other."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: _whole(item) for key, item in items if item is not None}
    if isinstance(value, list):
        return [_whole(item) for item in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def struct(manifest: Manifest) -> struct_pb2.Struct:
    """The message of a manifest."""
    return json_format.ParseDict(manifest, struct_pb2.Struct())
