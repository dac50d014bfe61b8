"""Deployments and patches of all shapes, made from the fields that Kubernetes knows."""

from typing import Any

from hypothesis import strategies as st

from canary_release.model.fields import LIST_OF, MAP_OF, merged_lists, type_below, types

FIELDS = {
    "Deployment": ["metadata", "spec"],
    "ObjectMeta": ["labels", "finalizers"],
    "DeploymentSpec": ["replicas", "strategy", "template"],
    "DeploymentStrategy": ["type", "rollingUpdate"],
    "RollingUpdateDeployment": ["maxSurge", "maxUnavailable"],
    "PodTemplateSpec": ["metadata", "spec"],
    "PodSpec": ["containers", "volumes", "tolerations", "topologySpreadConstraints", "nodeSelector", "securityContext"],
    "PodSecurityContext": ["runAsUser", "supplementalGroups"],
    "Container": ["env", "ports", "args", "volumeMounts", "resources", "envFrom"],
    "ResourceRequirements": ["limits", "requests"],
    "EnvVar": ["value"],
    "ContainerPort": ["name", "protocol"],
    "Volume": ["emptyDir", "configMap"],
    "EmptyDirVolumeSource": ["medium", "sizeLimit"],
    "ConfigMapVolumeSource": ["name", "items"],
    "Toleration": ["key", "operator"],
    "EnvFromSource": ["prefix"],
    "TopologySpreadConstraint": [],
    "VolumeMount": ["readOnly"],
    "KeyToPath": [],
    "ServiceSpec": ["ports", "selector"],
    "ServicePort": ["name", "targetPort"],
    "Service": ["metadata", "spec"],
}
NAMES = st.sampled_from("abcd")
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": NAMES,
    "int32": st.integers(1, 4),
    "int64": st.integers(1, 3),
    "boolean": st.booleans(),
    "int-or-string": st.integers(1, 4),
    "quantity": st.sampled_from(["1", "2"]),
}
TWICE = ("ContainerPort", "ServicePort", "TopologySpreadConstraint")
"""Items that may have the same merge key."""


@st.composite
def objects(draw: st.DrawFn, type_: str, patch: bool = False) -> Any:
    """A value of a type; as a patch it may hold nulls and directives."""
    if type_ in SCALARS:
        return draw(SCALARS[type_])
    if type_.startswith(LIST_OF):
        return draw(st.lists(objects(type_below(type_, 0)), max_size=3))
    if type_.startswith(MAP_OF):
        values = objects(type_below(type_, "a"))
        return _directed(draw, draw(st.dictionaries(NAMES, values | st.none() if patch else values, max_size=3)), patch)
    required = set(types()[type_].get("required", [])) - {"selector"}
    whole = not patch or (not required and _one_in(draw, 10))
    chosen = [name for name in FIELDS[type_] if draw(st.booleans())]
    value: dict[str, Any] = {"$patch": "replace"} if patch and whole else {}
    for name in [*chosen, *sorted(required - {*chosen})] if whole else chosen:
        value |= _field(draw, type_, name, not whole)
    return value if whole else _directed(draw, value, type_ in ("DeploymentStrategy", "Volume"))


def _one_in(draw: st.DrawFn, number: int) -> bool:
    return draw(st.sampled_from(range(number))) == number // 2


def _directed(draw: st.DrawFn, value: dict[str, Any], patch: bool) -> dict[str, Any]:
    directive = draw(st.sampled_from(["none", "none", "none", "replace", "delete"])) if patch else "none"
    if directive == "replace":
        return {"$patch": "replace", **{name: each for name, each in value.items() if each is not None}}
    if directive == "delete":
        return {"$patch": "delete", **value}
    return value


def _field(draw: st.DrawFn, type_: str, name: str, patch: bool) -> dict[str, Any]:
    below = type_below(type_, name)
    if patch and _one_in(draw, 8):
        return {name: None}
    if name not in merged_lists(type_):
        return {name: draw(objects(below, patch and not below.startswith(LIST_OF)))}
    key, item_type = merged_lists(type_)[name], type_below(below, 0)
    if key is None:
        return {name: draw(st.lists(NAMES, unique=True))}
    unique = patch or item_type not in TWICE
    keys = draw(st.lists(objects(type_below(item_type, key)), max_size=4, unique=unique))
    if patch and _one_in(draw, 8):
        return {name: [{"$patch": "replace"}, *({**draw(objects(item_type)), key: each} for each in keys)]}
    return {
        name: [
            {key: each, "$patch": "delete"}
            if patch and _one_in(draw, 4)
            else {**draw(objects(item_type, patch)), key: each}
            for each in keys
        ]
    }


def manifests(kind: str, patch: bool = False) -> st.SearchStrategy[dict[str, Any]]:
    """Deployments or Services, or patches of them, with more inside than objects from above have."""
    metadata = objects("ObjectMeta", patch).map(lambda fields: {"metadata": fields})
    if kind == "Service":
        return metadata | objects("ServiceSpec", patch).map(lambda spec: {"spec": spec})

    def within(spec: dict[str, Any]) -> dict[str, Any]:
        return {"spec": {"template": {"spec": spec}}}

    container = objects("Container", patch).map(lambda fields: within({"containers": [{**fields, "name": "a"}]}))
    return metadata | objects("Deployment", patch) | objects("PodSpec", patch).map(within) | container


def named(object_: dict[str, Any], kind: str) -> dict[str, Any]:
    """The object as kubectl takes it."""
    api = "apps/v1" if kind == "Deployment" else "v1"
    return {"apiVersion": api, "kind": kind, **object_, "metadata": {**object_.get("metadata", {}), "name": "shop"}}
