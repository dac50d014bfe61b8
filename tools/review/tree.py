"""The component's functions for trees. They come from their file: the review runs where no package is installed."""

import runpy
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from canary_release.model.tree import get, number_at, object_at, objects_at, text_at
else:
    _tree = runpy.run_path(str(Path(__file__).parents[2] / "components/canary_release/model/tree.py"))
    get, number_at, object_at, objects_at, text_at = map(
        _tree.get, ("get", "number_at", "object_at", "objects_at", "text_at")
    )

__all__ = ["get", "number_at", "object_at", "objects_at", "text_at"]
