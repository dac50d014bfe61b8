"""Steps as lines of a plan: those that mend a step, and those of the shortest way."""

from collections.abc import Iterator, Mapping
from typing import Any

from canary_release.model.engine_yaml import one_line
from canary_release.model.merge import difference
from canary_release.model.problem import REMOVE, Fix
from canary_release.model.release import Release
from canary_release.model.tree import ABSENT, with_value
from canary_release.text.spelling import PROPERTIES
from canary_release.update.content import tracks
from canary_release.update.rules import kind
from stack.arguments import ARGUMENT_NAMES, STACK_KEYS, arguments_of
from stack.files import Config, Entry
from stack.settings import Settings, settings_of

Entries = Mapping[str, Entry | None]

SOURCES = ("manifest", "patches", "containerName")
"""Keys that say what stable's pods are, besides the version."""
TRACKS = ("stableVersion", "stableReplicas", "canaryVersion", "canaryReplicas", "canaryPatch")


def fixed_line(name: str, entries: Entries, before: Config, fixes: Fix) -> str:
    """The step as a line of a plan, with all fixes in it. Other keys start from the config before it."""
    values = {_short(before, key): entry and entry.value for key, entry in entries.items()}
    for path, value in fixes:
        key = _short(before, PROPERTIES.name(str(path[0])))
        own = before.own.get(before.key(key))
        found = with_value(values.get(key, own and own.value), path[1:], ABSENT if value is REMOVE else value)
        if found is not ABSENT:
            values[key] = found
        elif own:
            values[key] = None
        else:
            values.pop(key, None)
    return _line(name, values)


class WayLines:
    """The lines of the shortest way to a step's goal: one for each release on it, relative to the line before. Each has
    the name of what it does."""

    def __init__(self, before: Config, goal: Config, released: Release) -> None:
        self._config, self._goal, self._release = before, goal, released

    def __call__(self, _before: Release, after: Release, _is_first: bool) -> Iterator[str]:
        for config in self._candidates(after):
            settings = settings_of(config)
            if isinstance(settings, Settings) and tracks(settings.parsed.release) == tracks(after):
                name = kind(self._release, after).name.lower().replace("_", "-")
                yield _line(name, _changed(self._config, config))
                self._config, self._release = config, settings.parsed.release
                return
        yield "no line of a plan says this step: change the manifest for it"

    def _candidates(self, after: Release) -> Iterator[Config]:
        """Configs that may describe the release; those that change least come first."""
        for config in self._sources():
            for is_explicit in (False, True):
                versions = config.changed(self._versions(after, is_explicit))
                yield versions
                yield versions.changed(self._of_goal(("canaryPatch",)))
                alone = versions.changed({config.key("canaryPatch"): None})
                yield alone
                # Without a patch, a canary of stable's version is no canary.
                without = {config.key(name): None for name in ("canaryVersion", "canaryReplicas")}
                settings = settings_of(alone.changed(without))
                if after.canary and isinstance(settings, Settings):
                    stable = settings.parsed.release.stable.deployment
                    patch = difference("Deployment", stable, after.canary.deployment)
                    yield alone.changed({config.key("canaryPatch"): _entry(patch)})

    def _sources(self) -> Iterator[Config]:
        """Configs with the pods that stable may run: those before, the goal's, or those of the canary's patch."""
        owned = {self._config.key(name) for name in (*SOURCES, *TRACKS)}
        rest = {key: self._goal.own.get(key) for key in (*self._goal.own, *self._config.own) if key not in owned}
        config = self._config.changed(rest)
        yield config
        yield config.changed(self._of_goal(SOURCES))
        given = arguments_of(self._config)
        if tried := given.get("canary_patch"):
            moved = [*given.get("patches", []), {"kind": "Deployment", **tried}]
            yield config.changed({config.key("patches"): _entry(moved)})

    def _of_goal(self, names: tuple[str, ...]) -> Entries:
        return {self._goal.key(name): self._goal.own.get(self._goal.key(name)) for name in names}

    def _versions(self, after: Release, is_explicit: bool) -> Entries:
        """Entries of versions and replicas: of all (`is_explicit`), or only of those that change."""
        before, wanted = _figures(self._release), _figures(after)
        return {
            self._config.key(name): None if value is None else _entry(value)
            for name, value in wanted.items()
            if is_explicit or before[name] != value
        }


def _figures(release: Release) -> dict[str, Any]:
    inputs = release.inputs()
    return {name: inputs.get(name) for name in TRACKS if name != "canaryPatch"}


def _entry(value: Any) -> Entry:
    return Entry("the plan", value, value)


def _changed(before: Config, after: Config) -> dict[str, Any]:
    known = [before.key(name) for name in (*ARGUMENT_NAMES, *STACK_KEYS)]
    keys = [*known, *(key for key in {**before.own, **after.own} if key not in known)]
    changed: dict[str, Any] = {}
    for key in keys:
        was, now = before.own.get(key), after.own.get(key)
        if (was and was.text) != (now and now.text):
            changed[_short(before, key)] = now and now.value
    return changed


def _short(config: Config, key: str) -> str:
    return key.removeprefix(f"{config.project}:")


def _line(name: str, values: Mapping[str, Any]) -> str:
    return f"- {one_line({name: dict(values)})[1:-1]}"
