"""Checks of names: selectors must name labels that pods have, probes and Services must name ports."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .deployment import (
    CONTAINERS,
    INIT_CONTAINERS,
    LABELLED,
    MATCH_LABELS,
    POD,
    TEMPLATE_LABELS,
    containers,
    ports,
    protocol,
    serving_containers,
)
from .given import Given
from .problem import MISSING, REMOVE, Problem, did_you_mean, literal, misspelt, nearest, unknown
from .tree import ABSENT, Path, get

ASKED = tuple(
    (*action, handler, "port")
    for action in (
        ("livenessProbe",),
        ("readinessProbe",),
        ("startupProbe",),
        ("lifecycle", "postStart"),
        ("lifecycle", "preStop"),
    )
    for handler in ("httpGet", "tcpSocket")
)
"""Where a container's probes and lifecycle hooks name one of its ports."""

NUMBER = "; a number needs no name"

ONCE_IN_POD = {
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
ONCE_IN_CONTAINER = {"ports": ("containerPort", "protocol"), "env": ("name",), "volumeDevices": ("devicePath",)}
"""Lists with the fields that a server-side apply tells the items apart by: kubernetes#113482."""

FREE_LABEL = "release-track"
"""A label to propose where the usual one is taken."""

Labels = Mapping[str, str]


def labels_of(deployment: Given, key: str, track: str) -> dict[str, str]:
    """The labels of the track's pods."""
    return {**deployment.get(TEMPLATE_LABELS, {}), key: track}


def pod_problems(deployment: Given, key: str, track: str) -> Iterator[Problem]:
    """Labels, ports and volumes that the track's Deployment names and does not have, and names that it has twice."""
    yield from _selector(deployment, labels_of(deployment, key, track), key)
    found = list(containers(deployment.object, INIT_CONTAINERS, CONTAINERS))
    volumes = _items(deployment, (*POD, "volumes"))
    yield from _repeated(deployment, [path for path, _ in found], "name")
    yield from _repeated(deployment, volumes, "name")
    for name, keys in ONCE_IN_POD.items():
        yield from _twice(deployment, _items(deployment, (*POD, name)), *keys)
    for path, container in found:
        yield from _repeated(deployment, _items(deployment, (*path, "ports")), "name")
        for name, keys in ONCE_IN_CONTAINER.items():
            yield from _twice(deployment, _items(deployment, (*path, name)), *keys)
        yield from _mounts(deployment, _items(deployment, (*path, "volumeMounts")), volumes)
        known = [port["name"] for port in ports(container) if "name" in port]
        for place in ASKED:
            port = get(container, place)
            if isinstance(port, str) and port not in known:
                what = f"a port that container {container['name']} names"
                yield unknown(deployment.origin((*path, *place)), port, what, known, NUMBER)


def _items(given: Given, path: Path) -> list[Path]:
    """The paths of the items in a list."""
    return [(*path, index) for index in range(len(given.get(path, [])))]


def _twice(given: Given, items: Iterable[Path], *fields: str) -> Iterator[Problem]:
    """Items that are the same to the API server as an item before: a server-side apply refuses them."""
    seen: dict[tuple[Any, ...], Path] = {}
    for item in items:
        values = tuple(given.get((*item, name), "TCP" if name == "protocol" else None) for name in fields)
        if values in seen:
            where, listed = given.origin((*item, fields[0])), literal(" ".join(map(str, values)))
            accepted = f"must stand once in {item[-2]}: an earlier item has {listed}, and the API server refuses both"
            # Of two variables of one name, the last one counts.
            gone = seen[values] if item[-2] == "env" else item
            yield Problem(where, values[0], accepted, [(given.origin(gone), REMOVE)])
        seen[values] = item


def _repeated(given: Given, items: Iterable[Path], field: str) -> Iterator[Problem]:
    """Items with a value that an item before has."""
    seen: dict[str, str] = {}
    for item in items:
        value = given.get((*item, field), None)
        if value in seen:
            where = given.origin((*item, field))
            accepted = f"must be another {field}: an earlier item of {seen[value]} has it"
            yield Problem(where, value, accepted, [(where, f"<{field}>")])
        elif value is not None:
            seen[value] = str(item[-2])


def _mounts(deployment: Given, mounts: list[Path], volumes: list[Path]) -> Iterator[Problem]:
    yield from _repeated(deployment, mounts, "mountPath")
    names = [deployment.get((*path, "name")) for path in volumes]
    for mount in mounts:
        name, where = deployment.get((*mount, "name")), deployment.origin((*mount, "name"))
        if name not in names:
            yield unknown(where, name, "the name of a volume", names, only=False)


def _selector(deployment: Given, labels: Labels, key: str) -> Iterator[Problem]:
    wanted = deployment.get(MATCH_LABELS, {})
    expressions = deployment.get(("spec", "selector", "matchExpressions"), [])
    if not {**wanted, key: ""}.keys() - {key} and not expressions:
        where = deployment.origin(MATCH_LABELS)
        accepted = "must hold a label of the application: the release adds only the one that tells the tracks apart"
        found = {name: value for name, value in labels.items() if name != key}
        yield Problem(where, dict(wanted), accepted, [(where, found or {"app": deployment.name})])
    for name, value in wanted.items():
        if name != key and labels.get(name) != value:
            has = f"which has {literal(labels[name])}" if name in labels else "which lacks it"
            where, accepted = deployment.origin((*MATCH_LABELS, name)), f"must be a label of the pod template, {has}"
            yield Problem(where, value, accepted, [(deployment.origin((*TEMPLATE_LABELS, name)), value)])
    for index, expression in enumerate(expressions):
        if not matches(expression, labels):
            where = deployment.origin(("spec", "selector", "matchExpressions", index))
            pods = _listed({name: each for name, each in labels.items() if name != key or expression["key"] == key})
            yield Problem(where, expression, f"must match the pods of the template: {pods}", [(where, REMOVE)])


def matches(expression: Mapping[str, Any], labels: Labels) -> bool:
    """Whether an expression of a selector matches the labels."""
    has, values = expression["key"] in labels, expression.get("values", [])
    if expression["operator"] == "In":
        return has and labels[expression["key"]] in values
    if expression["operator"] == "NotIn":
        return not has or labels[expression["key"]] not in values
    # What is no operator at all, the API server tells.
    return has is not (expression["operator"] == "DoesNotExist")


def service_problems(
    service: Given, deployment: Given, others: Sequence[Labels], key: str, track: str
) -> Iterator[Problem]:
    """Labels and ports of the Service that no pod of the track has, if the Service serves this track.

    `others` are the labels of other pods of the manifest.
    """
    selector: Labels = service.get(("spec", "selector"), {})
    # What the Deployment selects, and its pods lack, is told there.
    wanted: Labels = deployment.get(MATCH_LABELS, {})
    own: Labels = {**wanted, **deployment.get(TEMPLATE_LABELS, {})}
    own = {name: value for name, value in own.items() if name != key}
    wrong = {name: value for name, value in selector.items() if value not in (own.get(name), wanted.get(name))}
    wrong.pop(key, None)
    if not selector or (wrong and own and _is_of_others(selector, wrong, own, others)):
        where, whole = service.origin(("spec", "selector")), service.layers[0].path
        accepted = f"selects none of the pods of {literal(deployment.name)}, which have {_listed(own)}: "
        accepted += "correct the labels, or put a Service of other pods into another file"
        is_known = not selector or any(selector.items() <= each.items() for each in others)
        gone = [(whole if where[0] == "manifest" else where, REMOVE)]
        yield Problem(where, dict(selector), accepted, gone if is_known or where[0] != "manifest" else ())
        return
    served = selector.get(key, track)
    if served not in ("stable", "canary"):
        where, meant = service.origin(("spec", "selector", key)), nearest(served, ("stable", "canary"))
        accepted = f"must be stable or canary: {literal(key)} tells the tracks apart{did_you_mean(meant)}"
        yield Problem(where, served, accepted, [(where, meant or REMOVE)])
    if served == track:
        for name, value in wrong.items() if own else ():
            yield _unselected(service, name, value, own)
        yield from _target_ports(service, deployment)
        yield from _port_names(service)


def _is_of_others(selector: Labels, wrong: Labels, own: Labels, others: Sequence[Labels]) -> bool:
    """Whether a Service with these wrong labels is in front of other pods, and not a misspelt one of these."""
    lacking = [name for name, value in wrong.items() if _meant(name, value, own) is None]
    return (
        any(selector.items() <= each.items() for each in others)
        or any(name in own for name in lacking)
        or (bool(lacking) and 2 * len(wrong) >= len(selector))
    )


def _meant(name: str, value: str, own: Labels) -> str | None:
    """The pods' label that a wrong one is meant as: one whose value is misspelt, or one of the same value."""
    if name in own:
        return name if misspelt(value, own[name]) else None
    return next((each for each, has in own.items() if has == value), None)


def _unselected(service: Given, name: str, value: str, own: Labels) -> Problem:
    where = service.origin(("spec", "selector", name))
    meant = None if name in own else _meant(name, value, own)
    accepted = f"must be a label of the pods, which have {_listed(own)}{did_you_mean(meant and literal(meant))}"
    fix: list[tuple[Path, Any]] = [(where, own[name])] if name in own else [(where, REMOVE)]
    if meant:
        fix.append(((*where[:-1], meant), own[meant]))
    return Problem(where, value, accepted, fix)


def _listed(labels: Labels) -> str:
    return literal(", ".join(f"{name}: {value}" for name, value in labels.items())) or "none"


def _port_names(service: Given) -> Iterator[Problem]:
    items = _items(service, ("spec", "ports"))
    yield from _repeated(service, items, "name")
    yield from _twice(service, items, "port", "protocol")
    for item in items if len(items) > 1 else ():
        if service.get((*item, "name"), None) is None:
            number, where = service.get((*item, "port")), service.origin((*item, "name"))
            accepted = f"is required in port {number}: a Service with several ports names each"
            if service.layers[1:]:
                accepted += "; a patch changes the port whose number it gives, and adds one where none has it"
            yield Problem(where, MISSING, accepted, [(where, f"port-{number}")])


def _target_ports(service: Given, deployment: Given) -> Iterator[Problem]:
    everything = [port for _, each in serving_containers(deployment.object) for port in ports(each)]
    for index, port in enumerate(service.get(("spec", "ports"), [])):
        target, kind = port.get("targetPort"), protocol(port)
        known = [each for each in everything if protocol(each) == kind]
        names = [each["name"] for each in known if "name" in each]
        if target and isinstance(target, str) and target not in names:
            where = service.origin(("spec", "ports", index, "targetPort"))
            what = f"a {kind} port that a container of {deployment.name} names"
            problem = unknown(where, target, what, names, NUMBER)
            numbers = [(where, each["containerPort"]) for each in known]
            yield problem if names or not numbers else replace(problem, fix=numbers[:1])


def track_label(deployment: Given) -> str:
    """The label that tells the tracks apart: one of the selector that is `stable` already, else `track`."""
    stable = [name for name, value in deployment.get(MATCH_LABELS, {}).items() if value == "stable"]
    return "track" if "track" in stable or not stable else stable[0]


def track_label_problems(deployment: Given, key: str) -> Iterator[Problem]:
    """The track label with another value: the release would overwrite it."""
    values = {(*place, key): deployment.get((*place, key)) for place in LABELLED}
    wrong = {deployment.origin(path): value for path, value in values.items() if value not in (ABSENT, "stable")}
    for where, value in wrong.items():
        accepted = f"must be stable: {literal(key)} is the label that tells the tracks apart"
        fix = [(each, "stable") for each in wrong]
        if value == "canary":
            accepted += ", and the release makes the canary's Deployment itself"
        elif values[(*MATCH_LABELS, key)] != "stable":
            accepted += ". Rename this one, or give selector and pod template another label whose value is stable, "
            accepted += f"such as {FREE_LABEL}"
            fix = [(deployment.origin((*path, FREE_LABEL)), "stable") for path in (MATCH_LABELS, TEMPLATE_LABELS)]
        yield Problem(where, value, accepted, fix)
        return
