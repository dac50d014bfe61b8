"""Every bad config, and every bad set of arguments, is refused with the text that stands beside it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest
import yaml

from components import CanaryRelease

TESTS = Path(__file__).parents[1]
CONFIGS = sorted((TESTS / "bad_configs").glob("*.yaml"))
ARGUMENTS = sorted((TESTS / "bad_arguments").glob("*.yaml"))


def expected(case: Path) -> str:
    """The message as reviewed."""
    return case.with_suffix(".txt").read_text().rstrip("\n")


@pytest.mark.parametrize("case", CONFIGS, ids=lambda case: case.stem)
def test_a_bad_config_is_refused_in_words_before_anything_is_registered(
    case: Path, run_stack: Callable, tmp_path: Path
):
    stack_file = Path(shutil.copy(case, tmp_path / "Pulumi.dev.yaml"))
    with pytest.raises(pulumi.RunError) as refusal:
        run_stack(stack_file)
    assert str(refusal.value) == expected(case)


@pytest.mark.parametrize("case", ARGUMENTS, ids=lambda case: case.stem)
def test_bad_arguments_are_refused_in_the_words_of_the_program(case: Path, run: Callable):
    def program():
        for name, args in yaml.safe_load(case.read_text()).items():
            CanaryRelease(name, args)

    with pytest.raises(pulumi.RunError) as refusal:
        run(program)
    assert str(refusal.value) == expected(case)


def test_every_case_has_its_message_and_every_message_its_case():
    for folder in ("bad_configs", "bad_arguments"):
        cases = {path.stem for path in (TESTS / folder).glob("*.yaml")}
        messages = {path.name.removesuffix(".txt").removesuffix(".engine") for path in (TESTS / folder).glob("*.txt")}
        assert cases == messages
