"""The document of one finished update: what was changed, by whom, and what the gates said."""

import json
import os
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Literal, NamedTuple

from typing_extensions import TypedDict

from ..gates.comparison import Kept
from ..gates.contract import State
from ..gates.sampling import Sample, Verdict
from ..model.moment import moment
from ..model.problem import Problem, literal
from ..model.release import Release, Track
from ..pulumi_host import Refusal
from ..text.announcement import contents
from ..text.report import report
from ..text.spelling import Spelling
from ..update.rules import kind
from ..update.update import Update

SCHEMA = 2
FOLDER = ("evidence_folder",)
ACTORS = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_REQUESTEDFOR")
COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "BUILD_SOURCEVERSION")
"""Environment variables that name them, of GitHub, GitLab, Jenkins and Azure."""


class TrackExposure(TypedDict):
    """A track: the version it runs and its number of pods."""

    version: str
    replicas: int


class Exposure(TypedDict):
    """Who runs what; without a canary Deployment `canary` is null."""

    stable: TrackExposure
    canary: TrackExposure | None
    canaryShare: float
    """Share of the canary's pods in all pods, in percent with one decimal."""


class Gated(TypedDict):
    """What the gates came to: the states of all and of each gate, and every sample."""

    state: State
    checks: dict[str, State]
    samples: list[Sample]


class UpdateDocument(TypedDict):
    """One document. `schema` grows when a field changes its meaning or goes; new fields may come without."""

    schema: Literal[2]
    project: str
    stack: str
    release: str
    """Pulumi's name of the component."""
    deployment: str
    """Name of the stable Deployment."""
    namespace: str
    kind: str
    """What the update was: `promote`, `widen` and so on."""
    repairs: bool
    """Whether the update before it did not finish: then `before` is what that one wanted."""
    checksSkipped: bool
    """Whether `skipTransitionChecks` was set: then neither rules nor gates were asked."""
    contents: list[str]
    """What else changed than versions and replicas, in words and without values: `changes limits of container web`."""
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


class Times(NamedTuple):
    """When the update began, when its gates were asked and had answered, and when it ended: in seconds since 1970."""

    began: float
    asked: float
    judged: float
    ended: float


def document_of(
    names: tuple[str, str, str],
    update: Update,
    verdict: Verdict | None,
    times: Times,
    environment: Mapping[str, str] = os.environ,
) -> UpdateDocument:
    """The document. `names` are project, stack and component."""
    old, new = update.old, update.new
    project, stack, release = names
    gates = Gated(state=verdict.state, checks=dict(verdict.checks), samples=list(verdict.samples)) if verdict else None
    return {
        "schema": SCHEMA,
        "project": project,
        "stack": stack,
        "release": release,
        "deployment": new.name,
        "namespace": new.namespace,
        "kind": kind(old, new).name.lower(),
        "repairs": not update.finished,
        "checksSkipped": new.skip_transition_checks,
        "contents": contents(update),
        "before": _exposure(old) if old else None,
        "after": _exposure(new),
        "gates": gates,
        "startedAt": moment(times.began),
        "finishedAt": moment(times.ended),
        "seconds": round(times.ended - times.began, 3),
        "gateSeconds": round(times.judged - times.asked, 3) if verdict else 0,
        "actor": next(filter(None, map(environment.get, ACTORS)), None),
        "commit": next(filter(None, map(environment.get, COMMITS)), None),
    }


def prepare(folder: Path, spelling: Spelling) -> None:
    """Makes the folder, and makes sure that it can be written to. Raises `Refusal` if it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        accepted = f"must be a folder that this user may make and write to: {error.strerror}"
        problem = Problem(FOLDER, str(folder), literal(accepted), [(FOLDER, "<folder>")])
        raise Refusal(
            report(
                "the document of this update cannot be written, and nothing of this release was changed",
                [problem],
                spelling,
            )
        ) from error


def write(folder: Path, document: UpdateDocument, ended: float) -> Path:
    """Writes the document to a new file, whose name sorts by time. `ended`: seconds since 1970. Raises `OSError`."""
    text = json.dumps(document, indent=2, ensure_ascii=False, default=asdict) + "\n"
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(ended)) + f".{int(ended % 1 * 1e6):06d}Z"
    path = folder / f"{stamp}-{_file_name(document['stack'], document['release'])}"
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return path


def recorded(folder: Path, stack: str, release: str) -> dict[str, Kept]:
    """The newest evidence of each gate: the next look goes on from there.

    The newest one is that of the latest block, by Prometheus' clock: the names of the files may be of a clock that was
    set back.
    """
    found: dict[str, Kept] = {}
    # The pattern may also match files of another stack.
    for path in folder.glob(f"*-{_file_name(stack, release)}"):
        with suppress(OSError, ValueError, TypeError, KeyError):  # It may be of another version, or cut short.
            document = json.loads(path.read_text(encoding="utf-8"))
            if (document["stack"], document["release"]) == (stack, release) and document["gates"]:
                samples: list[dict[str, Any]] = document["gates"]["samples"]
                for check, given in ((each["check"], each["evidence"]) for each in samples if each["evidence"]):
                    kept = Kept(**(given | {"logs": tuple(given["logs"])}))
                    if check not in found or found[check].until <= kept.until:
                        found[check] = kept
    return found


def _file_name(stack: str, release: str) -> str:
    return re.sub(r"[^\w.-]", "-", f"{stack}-{release}") + ".json"


def _exposure(release: Release) -> Exposure:
    canary = _pods(release.canary) if release.canary else None
    return {"stable": _pods(release.stable), "canary": canary, "canaryShare": release.canary_share}


def _pods(track: Track) -> TrackExposure:
    return {"version": track.version, "replicas": track.replicas}
