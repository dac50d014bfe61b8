"""What `container` and `pod` may hold: the fields that pulumi_kubernetes knows, less those that the release owns.

It reads pulumi_kubernetes' types and nothing else of Pulumi.
"""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Union, cast, get_args, get_origin

import pulumi_kubernetes.core.v1 as core

# The only source of a field's manifest name and type beside each other; pinned with pulumi in requirements.txt.
from pulumi._types import input_type_py_to_pulumi_names, input_type_types, is_input_type, unwrap_type

from .objects import HANDLERS
from .problems import MISSING, REMOVE, Fix, Problem, child, did_you_mean, nearest, typed, unquoted
from .release import PRE_STOP_SECONDS

OWNED = {
    "container": {
        "name": "is owned by the release: set {container_name} instead",
        "image": "is owned by the release: set {image} and {stable_version} or {canary_version} instead",
        "ports": "is owned by the release: set {container_port} instead; other ports work without being listed",
    },
    "pod": {
        "containers": "is owned by the release: set {container} instead; sidecars go into initContainers",
        "restartPolicy": "is owned by the release: pods of a Deployment always restart",
    },
}
QUANTITY = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?")
QUANTITY_MAPS = ("requests", "limits", "overhead", "capacity")
QUANTITY_FIELDS = ("sizeLimit", "divisor")
DEFAULT_GRACE_SECONDS = 30
"""Kubernetes' own terminationGracePeriodSeconds."""

Values = Mapping[str, Any]


def container_problems(values: Values) -> Iterator[Problem]:
    """Problems of the argument `container`, which is merged over the release's own container."""
    container: Values = values.get("container", {})
    yield from _fields("container", container, core.ContainerArgs, OWNED["container"])
    probe = container.get("readinessProbe", {})
    path = "container.readinessProbe"
    if probe is None and values.get("service_type") != "none":
        yield Problem(
            path, None, "is required: without it a pod gets requests before it can answer them", [(path, REMOVE)]
        )
    elif isinstance(probe, Mapping) and values.get("readiness_path"):
        for way in HANDLERS:
            if way in probe:
                accepted = "must not be set beside {readiness_path}: both say how readiness is probed"
                yield Problem(f"{path}.{way}", cast(Values, probe)[way], accepted, [("readiness_path", REMOVE)])


def pod_problems(values: Values) -> Iterator[Problem]:
    """Problems of the argument `pod`, which is merged over the release's own pod spec."""
    pod: Values = values.get("pod", {})
    yield from _fields("pod", pod, core.PodSpecArgs, OWNED["pod"])
    grace = pod.get("terminationGracePeriodSeconds", DEFAULT_GRACE_SECONDS)
    own_hook = "preStop" in (values.get("container", {}).get("lifecycle") or {})
    if isinstance(grace, int) and grace <= PRE_STOP_SECONDS and not own_hook:
        path = "pod.terminationGracePeriodSeconds"
        accepted = (
            f"must be more than {PRE_STOP_SECONDS}: that long a pod keeps serving until every node has dropped it"
        )
        yield Problem(path, grace, accepted, [(path, DEFAULT_GRACE_SECONDS)])


def _fields(path: str, given: Any, kind: type, owned: Mapping[str, str], complete: bool = False) -> Iterator[Problem]:
    if not isinstance(given, Mapping):
        accepted = f"must be an object with fields of a Kubernetes {_kind_name(kind)}"
        yield Problem(path, given, accepted, [(path, REMOVE)])
        return
    known = input_type_types(kind)
    for name, value in cast(Values, given).items():
        below = child(path, name)
        if name in owned:
            yield Problem(below, value, owned[name], [(below, REMOVE)])
        elif name not in known:
            meant = nearest(name, known.keys() - owned.keys())
            fix: list[tuple[str, Any]] = [(below, REMOVE)]
            if meant and meant not in given:
                fix.append((f"{path}.{meant}", value))
            yield Problem(below, value, f"is not a field of a Kubernetes {_kind_name(kind)}{did_you_mean(meant)}", fix)
        elif name == "port" and isinstance(value, str) and value.isdecimal():
            yield Problem(below, value, "must be a number: text is the name of a port", typed(below, value, int(value)))
        elif value is not None:
            yield from (
                _quantities(below, name, value)
                if name in QUANTITY_MAPS + QUANTITY_FIELDS
                else _value(below, value, known[name])
            )
    if complete:
        names = input_type_py_to_pulumi_names(kind)
        for name, parameter in inspect.signature(kind).parameters.items():
            if parameter.default is inspect.Parameter.empty and cast(Values, given).get(names[name]) is None:
                below = child(path, names[name])
                yield Problem(below, MISSING, f"is required in a Kubernetes {_kind_name(kind)}", [(below, "<value>")])


def _kind_name(kind: type) -> str:
    return kind.__name__.removesuffix("Args")


def _value(path: str, value: Any, annotation: Any) -> Iterator[Problem]:
    wanted: Any = unwrap_type(annotation)
    if wanted is Any:
        return
    if get_origin(wanted) is Union:
        wanted = tuple(option for option in get_args(wanted) if option in (int, str, float, bool))
    if isinstance(wanted, type) and is_input_type(wanted):
        # A lifecycle or probe is merged over the default's fields: only what stands alone must be complete.
        yield from _fields(path, value, wanted, {}, complete="[" in path or wanted.__name__.endswith("ActionArgs"))
    elif _is(wanted, Mapping):
        if not isinstance(value, Mapping):
            yield Problem(path, value, "must be an object", [(path, REMOVE)])
            return
        for name, item in cast(Values, value).items():
            yield from _value(child(path, name), item, get_args(wanted)[1])
    elif _is(wanted, Sequence):
        if not isinstance(value, list):
            yield Problem(path, value, "must be a list", [(path, [value])])
            return
        # From the end: a fix that takes an item away moves those behind it.
        for index, item in reversed(list(enumerate(cast(list[Any], value)))):
            yield from _value(f"{path}[{index}]", item, get_args(wanted)[0])
    else:
        yield from _scalar(path, value, wanted)


def _is(annotation: Any, kind: type) -> bool:
    origin = get_origin(annotation)
    return isinstance(origin, type) and issubclass(origin, kind)


def _scalar(path: str, value: Any, wanted: Any) -> Iterator[Problem]:
    kinds = cast(tuple[type, ...], wanted if isinstance(wanted, tuple) else (wanted,))
    if isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds):
        return
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    fix: Fix = [(path, REMOVE)]
    hint, meant = "", unquoted(value)
    if str in kinds and isinstance(value, int | float | date):
        # YAML turns `value: 1` and `value: true` into something that the API server refuses.
        hint, fix = " (quote it)", [(path, str(value).lower() if isinstance(value, bool) else str(value))]
    elif type(meant) in kinds:
        # An item of a list cannot be taken away to be set: those behind it would move.
        hint, fix = " (without quotes)", fix if path.endswith("]") else typed(path, value, meant)
    yield Problem(path, value, f"must be {' or '.join(words[kind] for kind in kinds)}{hint}", fix)


def _quantities(path: str, name: str, value: Any) -> Iterator[Problem]:
    if name in QUANTITY_MAPS:
        if not isinstance(value, Mapping):
            yield Problem(path, value, "must be an object of quantities", [(path, {"cpu": "100m", "memory": "128Mi"})])
            return
        for resource, quantity in cast(Values, value).items():
            yield from _quantity(child(path, resource), quantity)
    else:
        yield from _quantity(path, value)


def _quantity(path: str, value: Any) -> Iterator[Problem]:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not QUANTITY.fullmatch(str(value)):
        # 512MB and 512mib are what people write for 512M and 512Mi.
        meant = re.fullmatch(r"([0-9.]+)\s*([kmgtpe])(i?)b?", str(value).lower())
        proposal = (
            f"{meant[1]}{'k' if meant[2] == 'k' and not meant[3] else meant[2].upper()}{meant[3]}" if meant else ""
        )
        accepted = "must be a Kubernetes quantity such as 100m, 0.5, 128Mi or 1G"
        yield Problem(path, value, accepted, [(path, proposal if QUANTITY.fullmatch(proposal) else "<quantity>")])
