"""The template of `pulumi new` gives a program that runs."""

import runpy
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from ..conftest import ROOT, Recorder

TEMPLATE = ROOT / "examples" / "template"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project that `pulumi new` makes of the template."""
    folder = Path(shutil.copytree(TEMPLATE, tmp_path / "shop"))
    for file in folder.iterdir():
        file.write_text(file.read_text().replace("${PROJECT}", "shop").replace("${DESCRIPTION}", "Our shop"))
    monkeypatch.chdir(folder)
    return folder


def program(run: Callable[..., Recorder], **config: str) -> Recorder:
    """What the program declares with these keys of the project's namespace."""
    asked = yaml.safe_load((TEMPLATE / "Pulumi.yaml").read_text())["template"]["config"]
    given = {name: each["default"] for name, each in asked.items() if "default" in each} | config
    return run(
        lambda: runpy.run_path("__main__.py", run_name="__main__"),
        config={f"canary:{name}": value for name, value in given.items()},
    )


@pytest.mark.usefixtures("project")
def test_the_defaults_that_pulumi_new_offers_declare_a_release_without_a_canary(run: Callable[..., Recorder]):
    recorder = program(run)
    assert recorder.types.keys() == {"release", "release-stable", "release-shop"}
    stable = recorder.resources["release-stable"]
    assert stable["metadata"]["name"] == "shop"
    assert stable["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":v0.1")


@pytest.mark.usefixtures("project")
def test_two_more_keys_start_a_canary(run: Callable[..., Recorder]):
    recorder = program(run, canaryVersion="v0.2", canaryReplicas="1")
    assert recorder.resources["release-canary"]["spec"]["replicas"] == 1


def test_the_template_names_no_file_outside_itself(project: Path):
    assert {file.name for file in project.iterdir()} == {
        ".gitignore",
        "Pulumi.yaml",
        "__main__.py",
        "app.yaml",
        "requirements.txt",
    }
    assert "../" not in (project / "requirements.txt").read_text()
