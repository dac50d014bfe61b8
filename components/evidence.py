"""The record of one finished update, for those who ask later what was changed, by whom, and on which grounds."""

import json
import os
import re
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from typing_extensions import TypedDict

from .exposure import Track
from .gates.comparison import State
from .gates.sampling import Sample, Verdict, utc
from .release import Release
from .transition import kind

SCHEMA = 1
ACTORS = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_REQUESTEDFOR")
COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "BUILD_SOURCEVERSION")
"""Environment variables that name them, of GitHub, GitLab, Jenkins and Azure."""


class Pods(TypedDict):
    """A track: the version it runs and its number of pods."""

    version: str
    replicas: int


class Exposure(TypedDict):
    """Who runs what; without a canary Deployment `canary` is null."""

    stable: Pods
    canary: Pods | None
    canaryShare: float
    """Share of the canary's pods in all pods, in percent with one decimal."""


class Gated(TypedDict):
    """What the gates came to: the states of all and of each check, and every sample."""

    state: State
    checks: dict[str, State]
    samples: list[Sample]


class Evidence(TypedDict):
    """One document. `schema` grows when a field changes its meaning or goes; new fields may come without."""

    schema: Literal[1]
    project: str
    stack: str
    release: str
    """Pulumi's name of the component."""
    app: str
    namespace: str
    kind: str
    """What the update was: `promote`, `widen` and so on."""
    repairs: bool
    """Whether the update before it did not finish: then `before` is what that one wanted."""
    checksSkipped: bool
    """Whether `skipTransitionChecks` was set: then neither rules nor gates were asked."""
    before: Exposure | None
    """Null for the first deploy."""
    after: Exposure
    gates: Gated | None
    """Null if none were asked."""
    startedAt: str
    finishedAt: str
    """UTC, as in 2026-11-24T22:15:30Z."""
    seconds: float
    """From the start, before the gates, until every pod was ready."""
    gateSeconds: float
    """How much of it the gates took."""
    actor: str | None
    commit: str | None


def evidence(
    names: tuple[str, str, str],
    old: Release | None,
    finished: bool,
    new: Release,
    verdict: Verdict | None,
    times: tuple[float, float, float],
    environment: Mapping[str, str] = os.environ,
) -> Evidence:
    """The document. `names` are project, stack and component; `times` in seconds since 1970 are the start, the end of
    the gates and the end.
    """
    began, judged, ended = times
    project, stack, release = names
    return {
        "schema": SCHEMA,
        "project": project,
        "stack": stack,
        "release": release,
        "app": new.app,
        "namespace": new.namespace,
        "kind": kind(old, new).name.lower(),
        "repairs": not finished,
        "checksSkipped": new.skip_transition_checks,
        "before": _exposure(old) if old else None,
        "after": _exposure(new),
        "gates": _gated(verdict) if verdict else None,
        "startedAt": utc(began),
        "finishedAt": utc(ended),
        "seconds": round(ended - began, 3),
        "gateSeconds": round(judged - began, 3) if verdict else 0,
        "actor": next(filter(None, map(environment.get, ACTORS)), None),
        "commit": next(filter(None, map(environment.get, COMMITS)), None),
    }


def write(folder: Path, document: Evidence, ended: float) -> Path:
    """Writes the document to a file of its own, whose name sorts by time. Raises `OSError`."""
    text = json.dumps(document, indent=2, ensure_ascii=False, default=asdict) + "\n"
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(ended)) + f".{int(ended % 1 * 1e6):06d}Z"
    names = re.sub(r"[^\w.-]", "-", f"{document['stack']}-{document['release']}")
    path = folder / f"{stamp}-{names}.json"
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return path


def _exposure(release: Release) -> Exposure:
    canary = _pods(release.canary) if release.canary else None
    return {"stable": _pods(release.stable), "canary": canary, "canaryShare": release.canary_share}


def _pods(track: Track) -> Pods:
    return {"version": track.version, "replicas": track.replicas}


def _gated(verdict: Verdict) -> Gated:
    return {"state": verdict.state, "checks": dict(verdict.checks), "samples": list(verdict.samples)}
