"""Every bad stack file is refused with the text that stands beside it, which is what its reader sees.

What is wrong with arguments, manifests and patches by themselves has its cases in tests/unit/model/bad.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest

from ..conftest import ROOT, Recorder

CONFIGS = sorted((ROOT / "tests" / "bad_configs").glob("*.yaml"))


@pytest.mark.parametrize("case", CONFIGS, ids=lambda case: case.stem)
def test_a_bad_config_is_refused_in_words_before_anything_is_registered(
    case: Path, run_stack: Callable[[Path], Recorder], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    registered: list[str] = []
    monkeypatch.setattr(Recorder, "new_resource", lambda _, args: registered.append(args.name))
    stack_file = Path(shutil.copy(case, tmp_path / "Pulumi.dev.yaml"))
    with pytest.raises(pulumi.RunError) as refusal:
        run_stack(stack_file)
    assert str(refusal.value) == case.with_suffix(".txt").read_text().rstrip("\n")
    assert registered == []


def test_every_case_has_its_message_and_every_message_its_case():
    folder = CONFIGS[0].parent
    messages = {path.name.removesuffix(".txt").removesuffix(".engine") for path in folder.glob("*.txt")}
    assert {path.stem for path in CONFIGS} == messages
