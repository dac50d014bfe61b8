"""Every bad config, and every bad set of arguments, is refused with the text that stands beside it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components import CanaryRelease, checks

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


@pytest.mark.parametrize("digest", ["", "@sha256:" + "ab" * 32])
def test_the_fix_of_an_image_never_changes_a_version_that_is_set(digest: str):
    args = {"app": "shop", "image": f"registry:5000/shop:v1{digest}", "stable_version": "v2"}
    [problem] = checks.problems(args)
    assert problem.fix == [("image", "registry:5000/shop")]


def test_the_fix_of_an_image_proposes_only_a_version_that_is_accepted():
    [image, _] = sorted(checks.problems({"app": "shop", "image": "shop:"}), key=lambda problem: problem.path)
    assert image.fix == [("image", "shop")]


@pytest.mark.parametrize("canary", [{"canary_version": 1.1}, {"canaryVersion": "v2"}])
def test_a_canary_version_that_is_wrong_is_not_missing_as_well(canary: dict[str, Any]):
    args = {"app": "shop", "image": "shop", "stable_version": "v1", "canary_replicas": 1}
    [problem] = checks.problems({**args, **canary})
    assert problem.path in canary


@pytest.mark.parametrize(
    ("stable", "canary", "total", "instead"),
    [
        (3, 2, 4, "; or set {canary_replicas} to 1 or {fixed_total} to 5"),
        (3, 2, 8, "; or set {fixed_total} to 5"),
        (3, 0, 4, "; or set {fixed_total} to 3"),
    ],
    ids=["either track", "no such share", "no canary"],
)
def test_each_number_of_a_wrong_total_that_alone_mends_it_is_told(stable: int, canary: int, total: int, instead: str):
    args = {"app": "shop", "image": "shop", "stable_version": "v1", "canary_version": "v2"}
    [problem] = checks.problems({**args, "stable_replicas": stable, "canary_replicas": canary, "fixed_total": total})
    assert problem.accepted.endswith(instead)


@pytest.mark.parametrize("version", ["2024-01-02 00:00:00 +0000 UTC", "shop@sha256:" + "ab" * 32, "a/b/v1"])
def test_no_part_of_what_is_no_image_is_proposed_as_a_version(version: str):
    [problem] = checks.problems({"app": "shop", "image": "shop", "stable_version": version})
    assert problem.fix == [("stable_version", "<tag>")]


def test_arguments_that_are_no_dict_are_refused_in_words(run: Callable):
    with pytest.raises(pulumi.RunError, match="as a dict, not list"):
        run(lambda: CanaryRelease("shop", []))  # pyright: ignore[reportArgumentType] # wrong on purpose


def test_an_output_of_a_resource_is_refused_as_an_argument(run: Callable):
    def program():
        namespace = pulumi.Output.from_input("shop")
        args: Any = {"app": "shop", "image": "shop", "stable_version": "v1", "namespace": namespace}
        CanaryRelease("shop", args)

    with pytest.raises(pulumi.RunError, match=r"namespace: a Python Output\n +must be text itself, not an output"):
        run(program)


def test_every_case_has_its_message_and_every_message_its_case():
    for folder in ("bad_configs", "bad_arguments"):
        cases = {path.stem for path in (TESTS / folder).glob("*.yaml")}
        messages = {path.name.removesuffix(".txt").removesuffix(".engine") for path in (TESTS / folder).glob("*.txt")}
        assert cases == messages
