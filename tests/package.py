"""The component as `pip install ./components` gives it to another program."""

import shutil
import subprocess
import sys
from pathlib import Path

COMPONENTS = Path(__file__).parents[1] / "components"


def install(folder: Path) -> Path:
    """Installs the package under the folder; returns where, for PYTHONPATH. The builder leaves files: not in ours."""
    source = shutil.copytree(COMPONENTS, folder / "components", ignore=shutil.ignore_patterns("venv", "build"))
    # Nothing is downloaded: the builder, pulumi and pulumi-kubernetes are those of the virtual environment.
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(folder / "site-packages"), str(source)], check=True)
    return folder / "site-packages"
