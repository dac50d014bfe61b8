"""The component as an installed package: what it holds, and what a type checker says of its use."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import components

from ..package import install
from .conftest import ROOT

USE = """\
from canary_release import CanaryRelease, CanaryReleaseArgs
from pulumi import Output

args: CanaryReleaseArgs = {"app": "web", "image": "example/web", "stable_version": "v1", "canary_replicas": 1}
web = CanaryRelease("web", args)
share: Output[float] = web.canary_share
port: Output[int | None] = web.node_port
CanaryRelease("misspelt", {"app": "web", "image": "example/web", "stable_version": "v1", "canary_replica": 1})
CanaryRelease("text", {"app": "web", "image": "example/web", "stable_version": "v1", "stable_replicas": "2"})
CanaryRelease("missing", {"app": "web", "stable_version": "v1"})
CanaryRelease("an output", {"app": "web", "image": "example/web", "stable_version": web.stable_version})
"""
REJECTED = {
    8: '"canary_replica" is an undefined item in type "CanaryReleaseArgs"',
    9: '"Literal[\'2\']" is not assignable to "int"',
    10: '"image" is required in "CanaryReleaseArgs"',
    11: '"Output[str]" is not assignable to "str"',
}


@pytest.fixture(scope="module")
def site_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the package is installed."""
    return install(tmp_path_factory.mktemp("package"))


def errors(folder: Path, site_packages: Path) -> list[tuple[str, int, str]]:
    """File, line and text of every error that pyright in strict mode finds in the folder's programs."""
    config = {"typeCheckingMode": "strict", "pythonVersion": "3.10", "extraPaths": [str(site_packages)]}
    config |= {"venvPath": str(ROOT), "venv": ".venv", "reportMissingTypeStubs": False, "include": ["."]}
    (folder / "pyrightconfig.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "pyright", "--outputjson", "--project", str(folder)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    assert found["summary"]["filesAnalyzed"] > 0
    told: list[dict[str, Any]] = found["generalDiagnostics"]
    return [(each["file"], each["range"]["start"]["line"] + 1, each["message"]) for each in told]


def test_a_program_elsewhere_imports_the_installed_component(site_packages: Path, tmp_path: Path):
    program = "import canary_release; print(canary_release.__file__, *canary_release.__all__)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(site_packages)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str(site_packages / "canary_release" / "__init__.py"), *components.__all__]


def test_the_installed_package_holds_its_types_and_nothing_of_this_project(site_packages: Path):
    assert (site_packages / "canary_release" / "py.typed").is_file()
    assert {path.name for path in site_packages.iterdir()} == {"canary_release", "canary_release-0.1.0.dist-info"}


def test_a_type_checker_rejects_each_bad_use_and_nothing_else(site_packages: Path, tmp_path: Path):
    (tmp_path / "use.py").write_text(USE)
    found = errors(tmp_path, site_packages)
    assert [line for _, line, _ in found] == list(REJECTED)
    for _, line, message in found:
        assert REJECTED[line] in message


@pytest.mark.parametrize("example", ["python", "python-consumer"])
def test_the_examples_in_python_pass_the_type_checker(example: str, site_packages: Path, tmp_path: Path):
    shutil.copy(ROOT / "examples" / example / "__main__.py", tmp_path)
    assert errors(tmp_path, site_packages) == []
