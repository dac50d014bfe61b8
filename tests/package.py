"""The component as `pip install` gives it to another program."""

import shutil
import subprocess
import sys
from pathlib import Path

COMPONENTS = Path(__file__).parents[1] / "components"
LEFT_BEHIND = ("venv", "build", "*.egg-info")
"""What the builder and the engine leave in the folder."""


def wheel(folder: Path) -> Path:
    """Builds the package under the folder; returns the wheel. The builder leaves files: not in ours."""
    source = shutil.copytree(COMPONENTS, folder / "components", ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(folder / "dist"), str(source))
    (built,) = (folder / "dist").iterdir()
    return built


def install(folder: Path) -> Path:
    """Installs the package under the folder; returns where, for PYTHONPATH."""
    pip("install", "--target", str(folder / "site-packages"), str(wheel(folder)))
    return folder / "site-packages"


def tagged(folder: Path, bare: Path) -> None:
    """Makes a bare repository whose tag v0.1.0 holds the package; works in the folder."""
    shutil.copytree(COMPONENTS, folder / "components", ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    author = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    for command in (
        ("init", "--quiet"),
        ("add", "--all"),
        (*author, "commit", "--quiet", "--message", "release"),
        ("tag", "v0.1.0"),
        ("clone", "--quiet", "--bare", ".", str(bare)),
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)


def pip(command: str, *arguments: str) -> None:
    """Runs pip. Nothing is downloaded: builder, pulumi and pulumi-kubernetes are those of the virtual environment."""
    quiet = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([sys.executable, "-m", "pip", command, *quiet, *arguments], check=True)
