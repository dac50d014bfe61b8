"""The component as an installed package: what it holds, and what a type checker says of its use."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import canary_release

from ...package import COMPONENTS, pip, tagged
from ..conftest import ROOT

USE = """\
from canary_release import CanaryRelease, CanaryReleaseArgs
from pulumi import Output

args: CanaryReleaseArgs = {"manifest": "app.yaml", "stable_version": "v1", "canary_replicas": 1}
web = CanaryRelease("web", args)
share: Output[float] = web.canary_share
port: Output[int | None] = web.node_port
CanaryRelease("a list", {"manifest": [{"kind": "Deployment"}], "stable_version": "v1"})
CanaryRelease("misspelt", {"manifest": "app.yaml", "stable_version": "v1", "canary_replica": 1})
CanaryRelease("text", {"manifest": "app.yaml", "stable_version": "v1", "stable_replicas": "2"})
CanaryRelease("missing", {"manifest": "app.yaml"})
CanaryRelease("an output", {"manifest": "app.yaml", "stable_version": web.stable_version})
"""
REJECTED = {
    9: '"canary_replica" is an undefined item in type "CanaryReleaseArgs"',
    10: '"Literal[\'2\']" is not assignable to "int"',
    11: '"stable_version" is required in "CanaryReleaseArgs"',
    12: '"Output[str]" is not assignable to "str"',
}


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


def imported(site_packages: Path, elsewhere: Path) -> list[str]:
    """The file of the package and the names that it gives, as a program finds them that is not in this repository."""
    program = "import canary_release; print(canary_release.__file__, *canary_release.__all__)"
    environment = {"PYTHONPATH": str(site_packages)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_wheel_holds_types_schema_and_kubernetes_fields_and_nothing_of_this_project(built: Path):
    (wheel,) = (built / "dist").iterdir()
    assert wheel.name == "canary_release-0.1.0-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"canary_release/{name}" for name in ("py.typed", "schema.json", "model/kubernetes.json")} <= set(names)
    assert {name.partition("/")[0] for name in names} == {"canary_release", "canary_release-0.1.0.dist-info"}


def test_a_program_elsewhere_imports_the_installed_component(site_packages: Path, tmp_path: Path):
    expected = [str(site_packages / "canary_release" / "__init__.py"), *canary_release.__all__]
    assert imported(site_packages, tmp_path) == expected


def test_pip_installs_a_tag_of_a_git_repository(tmp_path: Path):
    bare = tmp_path / "canary.git"
    tagged(tmp_path / "source", bare)
    target = tmp_path / "site-packages"
    address = f"git+{bare.as_uri()}@v0.1.0#subdirectory=components"
    pip("install", "--no-build-isolation", "--target", str(target), address)
    assert imported(target, tmp_path)[0] == str(target / "canary_release" / "__init__.py")


def test_a_type_checker_rejects_each_bad_use_and_nothing_else(site_packages: Path, tmp_path: Path):
    (tmp_path / "use.py").write_text(USE)
    found = errors(tmp_path, site_packages)
    assert [line for _, line, _ in found] == list(REJECTED)
    for _, line, message in found:
        assert REJECTED[line] in message


def test_the_examples_in_python_and_the_packages_own_readme_pass_the_type_checker(site_packages: Path, tmp_path: Path):
    for example in ("python", "python-consumer", "template"):
        shutil.copy(ROOT / "examples" / example / "__main__.py", tmp_path / f"{example}.py")
    (shown,) = re.findall(r"^```python\n(.*?)^```", (COMPONENTS / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    (tmp_path / "readme.py").write_text(shown)
    assert errors(tmp_path, site_packages) == []
