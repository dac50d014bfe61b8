"""Two stacks that declare the same objects undo each other's updates. Only their files show it."""

from collections.abc import Collection, Iterator
from pathlib import Path

from canary_release.model.objects import manifests
from canary_release.model.parsing import Parsed, parse
from canary_release.model.problem import Problem, literal
from canary_release.model.release import Release

from .arguments import arguments_of
from .context import CONTEXT
from .files import Config, ConfigError, read_config, stacks

Names = Collection[tuple[str, str]]
"""Kinds and names of objects."""


def names_of(release: Release) -> Names:
    """The objects that a release declares, or will once it has a canary."""
    return {*manifests(release), ("Deployment", release.canary_name)}


def declared_in(
    names: Names, namespace: str, context: str | None, folder: Path = Path(), but: str | None = None
) -> Iterator[tuple[Config, list[str]]]:
    """The stacks whose files declare some of these objects in this namespace and context, and which objects.

    `but` is left out. An invalid stack file declares nothing, because an update of that stack is refused.
    """
    for stack in stacks(folder):
        if stack == but:
            continue
        try:
            config = read_config(stack, folder)
        except ConfigError:
            continue
        if config.values.get(CONTEXT) != context:
            continue
        parsed = parse(arguments_of(config))
        if isinstance(parsed, Parsed) and parsed.release.namespace == namespace:
            same = [" ".join(each) for each in names_of(parsed.release) if each in names]
            if same:
                yield config, sorted(same)


def sibling_problems(config: Config, release: Release) -> Iterator[Problem]:
    """The other stacks that declare objects of this one."""
    context = config.values.get(CONTEXT)
    for other, same in declared_in(names_of(release), release.namespace, context, but=config.stack):
        accepted = f"must not be that of {other.file}, which declares the same in one namespace of one context: "
        accepted += f"{', '.join(same)}; or remove that file"
        fix = [(("namespace",), "<another namespace>")]
        yield Problem(("namespace",), release.namespace, literal(accepted), fix)
