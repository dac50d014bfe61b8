"""The rooms of the project know each other in one direction, and one file knows what Pulumi keeps private."""

import re
from pathlib import Path

import pytest

from .conftest import ROOT

KNOWS = {
    "model": set[str](),
    "update": {"model"},
    "gates": {"model", "update"},
    "text": {"model", "update", "gates"},
    "pulumi_host": {"model"},
    "hooks": {"model", "update", "gates", "text", "pulumi_host"},
    "kubernetes_object": {"model"},
    "component": {"model", "update", "gates", "text", "pulumi_host", "hooks", "kubernetes_object"},
}
"""What each room of the package may import; the stack may import all of them, tools the stack, too."""
PURE = {"model", "update", "gates", "text"}
PRIVATE = re.compile(r"pulumi\.(_|provider\b|runtime\.(?!is_dry_run))|from pulumi\.(_|runtime|provider)")
PATHS = [
    path
    for folder in ("components/canary_release", "stack", "tools", "__main__.py")
    for path in sorted([*(ROOT / folder).rglob("*.py"), *ROOT.glob(folder)])
    if path.suffix == ".py" and path.name != "__init__.py"
]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_in_one_direction(path: Path):
    text = path.read_text()
    room = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if room == "components":
        room = path.relative_to(ROOT).parts[2].removesuffix(".py")
        above = r"\.\." if path.parent.name == room else r"\."
        allowed = KNOWS[room]
        assert set(re.findall(rf"^\s*from {above}(\w+)", text, re.MULTILINE)) <= allowed
        assert room not in PURE or not re.search(r"^\s*(import|from) pulumi", text, re.MULTILINE)
    others = {"stack": "tools|sandbox|tests", "tools": "sandbox|tests"}.get(room, "stack|tools|sandbox|tests")
    assert not re.search(rf"^\s*(import|from) ({others})\b", text, re.MULTILINE) or room == "__main__"
    assert room == "pulumi_host" or not PRIVATE.search(text)
