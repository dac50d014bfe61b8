"""One object of a release: the manifest's object with the patches over it, and which of them gave each value."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from .fields import merge_key
from .merge import merged
from .tree import ABSENT, Object, Path, get


@dataclass(frozen=True)
class Layer:
    """The manifest's object, or a patch over it."""

    path: Path
    """Where it was given: `("manifest", 0)`, `("patches", 1)` or `("canary_patch",)`."""
    object: Object


@dataclass(frozen=True)
class Given:
    """An object as the manifest and the patches give it: the manifest's layer comes first."""

    kind: str
    layers: tuple[Layer, ...]

    @cached_property
    def object(self) -> Object:
        """The manifest's object with all patches over it."""
        first, *patches = (layer.object for layer in self.layers)
        for patch in patches:
            first = merged(self.kind, first, patch)
        return first

    @property
    def name(self) -> str:
        """Its name in the manifest: no patch changes it."""
        return self.layers[0].object["metadata"]["name"]

    def with_layer(self, layer: Layer) -> "Given":
        """The same with one more patch."""
        return Given(self.kind, (*self.layers, layer))

    def get(self, path: Path, default: Any = ABSENT) -> Any:
        """The value at the path."""
        return get(self.object, path, default)

    def origin(self, path: Path) -> Path:
        """Where the value at the path was given: in the last layer that holds it. If none does, in the first of the
        layers that hold most of the path.
        """
        found = [(layer, self._held(layer.object, path)) for layer in self.layers]
        for layer, held in reversed(found):
            if len(held) == len(path):
                return (*layer.path, *held)
        layer, held = max(found, key=lambda each: len(each[1]))
        return (*layer.path, *held, *path[len(held) :])

    def is_taken_away(self, path: Path) -> bool:
        """Whether a patch sets to null, or by `$patch`, what stands at the path or around it."""
        patches = [layer.object for layer in self.layers[1:]]
        return any(_takes_away(patch, self._held(patch, path)) for patch in patches)

    def _held(self, tree: Any, path: Path) -> Path:
        """As much of the path as the layer's tree holds, with the positions that list items have in this tree."""
        held: Path = ()
        for length, part in enumerate(path):
            if isinstance(part, int):
                key, item = merge_key(self.kind, path[:length]), self.get(path[: length + 1])
                found = get(tree, held, None)
                items = cast(list[Any], found) if isinstance(found, list) else []
                same = [
                    at for at, each in enumerate(items) if (get(each, (key,)) == item[key] if key else each == item)
                ]
                if not same:
                    return held
                part = part if part in same else same[0]
            if get(tree, (*held, part)) is ABSENT:
                return held
            held = (*held, part)
        return held


def _takes_away(patch: Any, path: Path) -> bool:
    around = [get(patch, path[:length]) for length in range(len(path) + 1)]
    return around[-1] is None or any(isinstance(each, Mapping) and "$patch" in each for each in around)
