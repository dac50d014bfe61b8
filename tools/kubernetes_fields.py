"""The fields of Deployment and Service, as an API server has them, for components/canary_release/model/kubernetes.json.

kubectl get --raw /openapi/v2 | python -m tools.kubernetes_fields > components/canary_release/model/kubernetes.json
"""

import json
import re
import sys
from collections.abc import Mapping
from typing import Any

ROOTS: tuple[str, ...] = ("io.k8s.api.apps.v1.Deployment", "io.k8s.api.core.v1.Service")
PLAIN = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "object",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "string",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
}
"""Definitions without fields of their own."""

Schema = Mapping[str, Any]


def fields(document: Schema) -> dict[str, Any]:
    """Each type that Deployment and Service reach, by its short name, from an OpenAPI v2 document.

    A type has `fields` (name and type), `required` (names) and `merge` (the lists that a strategic patch merges: name
    and merge key, which is null for a list of scalars). A type is string, int32, int64, boolean, int-or-string,
    quantity, object, another type's name, `list of …` or `map of …`.
    """
    found: dict[str, Schema] = {}
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        schema: Schema = document["definitions"][name]
        known = found.setdefault(_short(name), schema)
        if known is not schema:
            raise ValueError(f"two types have the short name {_short(name)}")
        references = re.findall(r'"#/definitions/([^"]+)"', json.dumps(schema["properties"]))
        waiting += [each for each in references if each not in PLAIN and _short(each) not in found]
    return {name: _type(found[name]) for name in sorted(found)}


def text(types: Mapping[str, Any]) -> str:
    """The file's text: one type a line."""
    return "{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(types[name])}" for name in types) + "\n}\n"


def _type(schema: Schema) -> dict[str, Any]:
    properties: Mapping[str, Schema] = schema["properties"]
    merge = {
        name: field.get("x-kubernetes-patch-merge-key")
        for name, field in sorted(properties.items())
        if "merge" in field.get("x-kubernetes-patch-strategy", "").split(",")
    }
    return {
        "fields": {name: _name(properties[name]) for name in sorted(properties)},
        **({"required": sorted(schema["required"])} if "required" in schema else {}),
        **({"merge": merge} if merge else {}),
    }


def _name(field: Schema) -> str:
    if "$ref" in field:
        reference = field["$ref"].rpartition("/")[2]
        return PLAIN.get(reference, _short(reference))
    if field["type"] == "array":
        return f"list of {_name(field['items'])}"
    if field["type"] == "object":
        return f"map of {_name(field['additionalProperties'])}"
    return str(field["format"] if field["type"] == "integer" else field["type"])


def _short(name: str) -> str:
    return name.rpartition(".")[2]


if __name__ == "__main__":
    sys.stdout.write(text(fields(json.load(sys.stdin))))
