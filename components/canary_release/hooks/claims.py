"""What the releases of one program may not share: names, pods that a selector reaches, and node ports."""

from collections.abc import Iterator, Mapping
from typing import Any

import pulumi

from ..model.deployment import MATCH_LABELS, TEMPLATE_LABELS
from ..model.problem import Problem, literal
from ..model.release import Release
from ..model.tree import get
from ..pulumi_host import Declared, Refusal, identity, program, provider_of
from ..text.report import report
from ..text.spelling import Spelling

TOLD = ("manifest",)
"""Path of every problem here: the manifest names what collides."""


def claim(name: str, release: Release, opts: pulumi.ResourceOptions | None, spelling: Spelling) -> None:
    """Declares the release to the others of the program. Raises `Refusal` if it collides with one of them."""
    program.begin()
    own = Declared(name, identity(provider_of(opts)), release)
    if any(other.name == name for other in program.declared):
        raise Refusal(f"CanaryRelease {name!r} needs another name: another release of this program has it")
    found = {other.name: list(_collisions(own, other)) for other in program.declared if other.cluster == own.cluster}
    if problems := [problem for each in found.values() for problem in each]:
        text = report(f"CanaryRelease {name!r} collides with another one and was not declared", problems, spelling)
        # The error alone would not keep the engine from updating the other one.
        program.collisions.update({other: text for other, each in found.items() if each})
        raise Refusal(text)
    program.declared.append(own)


def collision(name: str) -> str | None:
    """Why a later release of this program was refused, if it was for what this one has."""
    return program.collisions.get(name)


def _collisions(own: Declared, other: Declared) -> Iterator[Problem]:
    release = own.release
    if release.namespace == other.release.namespace:
        taken = set(_names(other.release))
        for kind, name in _names(release):
            if (kind, name) in taken:
                what = f"the {kind} {name} in namespace {release.namespace}"
                yield _problem(name, "must give names that no other release has", other, f"already has {what}")
        yield from _selected(own, other)
    taken_ports = dict(_node_ports(other.release))
    for port, service in _node_ports(release):
        if port in taken_ports:
            what = f"already has the node port {port[0]} of Service {taken_ports[port]}"
            yield _problem(port[0], f"must give Service {service} a node port of its own", other, what)


def _problem(value: Any, accepted: str, other: Declared, has: str) -> Problem:
    return Problem(TOLD, value, literal(f"{accepted}: CanaryRelease {other.name!r} {has}"))


def _names(release: Release) -> Iterator[tuple[str, str]]:
    # The canary's name is claimed even without a canary: a later start must not fail.
    yield from (("Deployment", release.name), ("Deployment", release.canary_name))
    yield from (("Service", service["metadata"]["name"]) for service in release.services)


def _selected(own: Declared, other: Declared) -> Iterator[Problem]:
    """Pods of one release that an object of the other selects; told once."""
    for mine, theirs, whose in (
        (own, other, "its pods would be selected, too"),
        (other, own, "it would select these pods, too"),
    ):
        pods = [get(deployment, TEMPLATE_LABELS) for deployment in theirs.deployments]
        for title, selector in _selectors(mine):
            if any(selector.items() <= labels.items() for labels in pods):
                accepted = f"must select no pods of another release: {title} selects {_listed(selector)}"
                yield _problem(dict(selector), accepted, other, f"runs in the same namespace, and {whose}")
                return


def _selectors(declared: Declared) -> Iterator[tuple[str, Mapping[str, str]]]:
    for service in declared.release.services:
        yield f"Service {service['metadata']['name']}", service["spec"]["selector"]
    for deployment in declared.deployments:
        if labels := get(deployment, MATCH_LABELS, {}):
            yield f"Deployment {deployment['metadata']['name']}", labels


def _listed(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in labels.items())


def _node_ports(release: Release) -> Iterator[tuple[tuple[int, str], str]]:
    for service in release.services:
        for port in get(service, ("spec", "ports"), []):
            if node_port := port.get("nodePort"):
                yield (node_port, port.get("protocol", "TCP")), service["metadata"]["name"]
