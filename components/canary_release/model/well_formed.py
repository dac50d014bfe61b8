"""Objects of which every field is well formed, and what was not."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from .deployment import CONTAINERS, MATCH_LABELS, TEMPLATE_LABELS
from .fields import field_problems
from .given import Given, Layer
from .manifest import Source
from .problem import MISSING, REMOVE, Problem
from .tree import ABSENT, get, object_at, objects_at, with_value


def well_formed(given: Given, checked: int = 0, source: Source | None = None) -> tuple[Given | None, list[Problem]]:
    """The object with every mistake of its fields mended, so that the other checks can go on; None if they cannot.

    `checked` layers are well formed already. `source` is the manifest's file, if it has one.
    """
    problems: list[Problem] = []
    layers, usable = list(given.layers[:checked]), True
    for layer in given.layers[checked:]:
        partial = bool(layers)
        found = list(field_problems(layer.object, given.kind, partial, at=layer.path))
        found = [source.as_written(each) for each in found] if source else found
        if given.kind == "Deployment" and not partial:
            found = [_with_selector(each, layer) for each in found]
            if is_patch := list(_is_patch(mended(layer, found), found)):
                return None, [*problems, *(each for each in found if each.value is not MISSING), *is_patch]
        problems += found
        layers.append(mended(layer, found))
        usable &= not (found and list(field_problems(layers[-1].object, given.kind, partial)))
    if not usable:
        return None, problems
    whole = Given(given.kind, tuple(layers))
    left = list(field_problems(whole.object, given.kind, partial=False)) if len(layers) > 1 else []
    for each in left:
        # A patch takes away what must be there.
        where = whole.origin(each.path)
        problems.append(Problem(where, None, each.accepted, [(where, REMOVE)]))
    return None if left else whole, problems


def _with_selector(problem: Problem, layer: Layer) -> Problem:
    """The problem of a selector that is missing, with a fix that selects what the template has."""
    if problem.path != (*layer.path, "spec", "selector") or problem.value is not MISSING:
        return problem
    labels = object_at(layer.object, *TEMPLATE_LABELS) or {"app": get(layer.object, ("metadata", "name"))}
    return replace(problem, fix=[((*layer.path, *MATCH_LABELS), labels)])


def _is_patch(layer: Layer, found: Sequence[Problem]) -> Iterator[Problem]:
    """The problem of a Deployment that is only a patch: it has no containers, or neither a selector nor an image."""
    selector, items = (*layer.path, "spec", "selector"), objects_at(layer.object, *CONTAINERS)
    bare = not all("image" in each for each in items) and selector in [each.path for each in found]
    if bare or not isinstance(get(layer.object, CONTAINERS), list):
        accepted = "is required: this is a patch, not a whole Deployment; give all of it, such as the output of "
        accepted += "`kubectl kustomize <folder>`"
        yield Problem(selector if bare and items else (*layer.path, *CONTAINERS), MISSING, accepted)


def mended(layer: Layer, problems: Sequence[Problem]) -> Layer:
    """The layer with the fixes of the problems that are for it, without the values that a fix leaves open."""
    object_ = layer.object
    for path, value in (each for problem in problems for each in problem.fix):
        if path[: len(layer.path)] == layer.path:
            unknown_value = value is REMOVE or (isinstance(value, str) and re.fullmatch("<[a-zA-Z]+>", value))
            object_ = with_value(object_, path[len(layer.path) :], ABSENT if unknown_value else value)
    return Layer(layer.path, object_)
