"""Releases in short: `release("v1*2", "v2+a*1")` has two pods of v1, and one of v2 with the variable EXTRA=a."""

from dataclasses import replace
from itertools import product
from typing import Any

from canary_release.model.parsing import Parsed, parse
from canary_release.model.release import Release, Track
from canary_release.model.tree import Object, with_value
from canary_release.update.content import tracks
from canary_release.update.way import is_valid

ENV = ("spec", "template", "spec", "containers", 0, "env")
MANIFEST: list[Object] = [
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {
                "metadata": {"labels": {"app": "shop"}},
                "spec": {"containers": [{"name": "web", "image": "example/shop", "ports": [{"containerPort": 8080}]}]},
            },
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "shop"},
        "spec": {"selector": {"app": "shop"}, "ports": [{"port": 8080}]},
    },
]


def parsed(**args: Any) -> Release:
    """The release of valid arguments."""
    found = parse({"manifest": MANIFEST, "stable_version": "v1", **args})
    assert isinstance(found, Parsed), found
    return found.release


BASE = parsed()


def release(stable: str, canary: str | None = None, **changes: Any) -> Release:
    """A release of `MANIFEST` with these tracks; the changes are fields of `Release`."""
    return replace(BASE, stable=track(stable), canary=track(canary) if canary else None, **changes)


def track(text: str, deployment: Object = BASE.stable.deployment) -> Track:
    """`version*replicas` or `version+extra*replicas`."""
    content, _, replicas = text.partition("*")
    version, _, extra = content.partition("+")
    if extra:
        deployment = with_value(deployment, ENV, [{"name": "EXTRA", "value": extra}])
    return Track(version, int(replicas), deployment)


def with_deployment(release: Release, path: tuple[str | int, ...], value: Any) -> Release:
    """The release with the value in the Deployments of both tracks."""

    def changed(track: Track) -> Track:
        return replace(track, deployment=with_value(track.deployment, path, value))

    return replace(release, stable=changed(release.stable), canary=release.canary and changed(release.canary))


def states(limit: int = 50, total: int | None = None, most: int = 4) -> list[Release]:
    """Every valid release over four contents, which are two versions with and without EXTRA, and small counts."""
    contents = ["v1", "v1+a", "v2", "v2+a"]
    canaries = [None, *(f"{each}*{count}" for each in contents for count in range(most))]
    stables = [f"{each}*{count}" for each in contents for count in range(1, most + 1)]
    every = (
        release(stable, canary, max_canary_share=limit, fixed_total=total)
        for stable, canary in product(stables, canaries)
    )
    return [each for each in every if is_valid(tracks(each), each)]
