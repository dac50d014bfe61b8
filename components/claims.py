"""What the releases of one program may not share: names, the `app` label of a namespace, a node port."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi

from .hosting import is_plugin
from .problems import Problem, Spelling, report
from .release import Release

Claim = tuple[int | str | None, str]
"""Identity of the Kubernetes provider, and what is claimed."""

_owners: dict[Claim, str] = {}
_collisions: dict[str, str] = {}


def claim(owner: str, release: Release, opts: pulumi.ResourceOptions | None, spelling: Spelling) -> None:
    """Take what the release needs for itself. Raises `pulumi.RunError` if another release of this program has it."""
    cluster = _provider(opts)
    problems: list[Problem] = []
    holders: list[str] = []
    for argument, value, what, accepted in _needs(release):
        holder = _owners.setdefault((cluster, what), owner)
        if holder != owner:
            holders.append(holder)
            problems.append(Problem(argument, value, f"{accepted}: CanaryRelease {holder!r} already has {what}"))
    if problems:
        headline = f"CanaryRelease {owner!r} collides with another one and was not declared"
        text = report(headline, problems, spelling)
        _collisions.update(dict.fromkeys(holders, text))
        raise pulumi.RunError(text)


def collision(owner: str) -> str | None:
    """Why a later release of this program was refused, if it was for what this one holds."""
    return _collisions.get(owner)


def forget_claims() -> None:
    """Forget every claim. A program runs once; tests run it many times in one process."""
    _owners.clear()
    _collisions.clear()


def _needs(release: Release) -> Iterator[tuple[str, Any, str, str]]:
    inside = f"in namespace {release.namespace}"
    # The canary's is claimed also without a canary: starting one later must not fail.
    for name in (release.name, release.canary_name):
        yield "name", name, f"the Deployment {name} {inside}", "must give names that no other release has"
    if service := release.service_name:
        yield "service_name", service, f"the Service {service} {inside}", "must be unique in its namespace"
    accepted = "must be unique in its namespace, or each Service selects the pods of both releases"
    yield "app", release.app, f"the label app={release.app} {inside}", accepted
    if release.node_port:
        yield "node_port", release.node_port, f"the node port {release.node_port}", "must be unique in the cluster"


def _provider(opts: pulumi.ResourceOptions | None) -> int | str | None:
    """Two releases with explicit providers may run in two clusters; without one they share the default provider."""
    if opts is None:
        return None
    given = opts.providers if opts.providers is not None else opts.provider
    candidates = given.values() if isinstance(given, Mapping) else given if isinstance(given, Sequence) else [given]
    own = next((each for each in candidates if each and each.package == "kubernetes"), None)
    provider = own or (opts.parent.get_provider("kubernetes:core/v1:Service") if opts.parent else None)
    if provider is None:
        return None
    # A plugin makes an object of its own for every component that is given the same provider.
    return provider.pulumi_resource_name if is_plugin() else id(provider)
