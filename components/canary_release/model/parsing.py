"""The one place where arguments become a valid release, or all their problems."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from . import checks
from .additions import Addition, with_additions
from .application import Application, application
from .arguments import argument_problems, outputs_in, proven_in_problems, soak_problems, version_problems
from .contract import DEFAULTS
from .deployment import labelled, with_image
from .duration import duration_seconds
from .given import Given, Layer
from .manifest import ManifestError, Source, read_manifest
from .others import named
from .problem import Problem
from .references import track_label
from .release import Release, Track
from .tree import ABSENT, Object, get, whole_numbers, with_value, without_nulls
from .warnings import warnings
from .well_formed import mended, well_formed


@dataclass(frozen=True)
class Parsed:
    """What valid arguments say."""

    release: Release
    additions: tuple[Addition, ...]
    """What the release adds to the stable Deployment, where the manifest has no such field."""
    warnings: tuple[str, ...]
    """Sentences that each preview shows: see `warnings`."""
    others: tuple[tuple[str, str], ...]
    """Kind and name of each object of the manifest that is left to whoever applies it."""


def parse(args: Mapping[str, Any], other_keys: Collection[str] = ()) -> Parsed | list[Problem]:
    """The release that the arguments describe, or every problem of theirs. None is as good as absent.

    `other_keys` are known to the program, so that a misspelt one may be meant as one of them.
    """
    given = {name: value for name, value in args.items() if value is not None}
    problems = [problem for name, value in given.items() for problem in outputs_in(value, (name,))]
    bad = {str(problem.path[0]) for problem in problems}
    values = whole_numbers({name: value for name, value in given.items() if name not in bad})
    problems += [each for each in argument_problems(values, other_keys) if each.path[0] not in bad]
    bad |= {str(path[0]) for each in problems for path in (each.path, *(path for path, _ in each.fix))}
    usable = {**DEFAULTS, **{name: value for name, value in values.items() if name not in bad}}
    problems += [*version_problems(usable), *soak_problems(usable), *proven_in_problems(usable)]
    problems += checks.canary_problems(usable, bad)
    found, source = Application(), None
    if "manifest" in usable:
        try:
            objects, source = _objects(usable["manifest"])
            found = application([without_nulls(each) for each in objects], usable.get("patches", []))
        except ManifestError as error:
            problems += error.problems
    problems += found.problems
    stable, services = _well_formed(found, source, problems)
    canary = stable and _canary(stable, usable, problems)
    problems += checks.count_problems(usable, stable, bad)
    parsed = stable and canary and _parsed(usable, stable, canary, services, found.others, problems)
    return parsed if parsed and not problems else [_placed(each, source) for each in _once(problems)]


def _objects(manifest: Any) -> tuple[list[Any], Source | None]:
    if isinstance(manifest, list):
        return cast(list[Any], manifest), None
    objects, source = read_manifest(manifest)
    return whole_numbers(objects), source


def _well_formed(
    found: Application, source: Source | None, problems: list[Problem]
) -> tuple[Given | None, list[Given]]:
    services: list[Given] = []
    for each in found.services:
        service, wrong = well_formed(each, source=source)
        problems += wrong
        services += [service] if service else []
    stable, wrong = well_formed(found.deployment, source=source) if found.deployment else (None, [])
    problems += wrong
    return stable, services


def _canary(stable: Given, values: Mapping[str, Any], problems: list[Problem]) -> Given | None:
    """The Deployment with the canary's patch; that of stable where there is none."""
    if not (patch := values.get("canary_patch")):
        return stable
    owned = list(checks.canary_patch_problems(patch, stable, track_label(stable)))
    layer = mended(Layer(("canary_patch",), patch), owned)
    canary, wrong = well_formed(stable.with_layer(layer), len(stable.layers))
    problems += [*owned, *wrong]
    return canary


def _parsed(
    values: Mapping[str, Any],
    stable: Given,
    canary: Given,
    services: Sequence[Given],
    others: Sequence[Object],
    problems: list[Problem],
) -> Parsed | None:
    """What the arguments say; None if they have problems, which are added to `problems`."""
    problems += checks.naming_problems(values, stable, services)
    problems += checks.paused_problems([stable, canary])
    problems += checks.reference_problems(stable, canary, services, others)
    problems += checks.claim_problems(values, stable, canary, others)
    container_name, wrong = checks.released_container(values, stable)
    problems += wrong
    if container_name is None:
        return None
    if wrong := list(checks.image_problems(stable, canary, container_name)):
        problems += wrong
        return None
    label, fixed_total = track_label(stable), values.get("fixed_total")
    namespace = values.get("namespace") or stable.get(("metadata", "namespace"), "default")
    in_namespace = [with_value(each.object, ("metadata", "namespace"), namespace) for each in services]
    sharing = [each for each in in_namespace if label not in get(each, ("spec", "selector"), {})]

    def complete(deployment: Given) -> tuple[Object, tuple[Addition, ...]]:
        completed, added = with_additions(deployment, sharing, container_name, fixed_total is not None)
        completed = with_image(labelled(completed, label, ABSENT), container_name, None)
        completed = with_value(completed, ("metadata", "namespace"), namespace)
        return with_value(completed, ("spec", "replicas"), ABSENT), added

    (stable_deployment, added), (canary_deployment, _) = complete(stable), complete(canary)
    problems += checks.total_problems(
        values, {"stable": (stable, stable_deployment), "canary": (canary, canary_deployment)}
    )
    problems += checks.equal_problems(values, stable_deployment, canary_deployment)
    if problems:
        return None
    version = values.get("canary_version")
    replicas = values.get("stable_replicas", stable.get(("spec", "replicas"), 1))
    release = Release(
        stable=Track(values["stable_version"], replicas, stable_deployment),
        canary=None if version is None else Track(version, values["canary_replicas"], canary_deployment),
        services=tuple(in_namespace),
        container_name=container_name,
        track_label=label,
        max_canary_share=values["max_canary_share"],
        fixed_total=fixed_total,
        soak_seconds=duration_seconds(values.get("soak", "")),
        skip_transition_checks=values["skip_transition_checks"],
    )
    return Parsed(release, added, tuple(warnings(release, named(others))), named(others))


def _once(problems: Sequence[Problem]) -> Iterator[Problem]:
    """What is wrong with both tracks is told once."""
    told: set[tuple[Any, str]] = set()
    for problem in problems:
        if (key := (problem.path, problem.accepted)) not in told:
            told.add(key)
            yield problem


def _placed(problem: Problem, source: Source | None) -> Problem:
    if source is None or problem.path[0] != "manifest":
        return problem
    return replace(problem, place=source.place(problem.path[1:]))
