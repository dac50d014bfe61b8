"""A plugin in Python, for the stand-in language host: the package in its folder, installed there and started."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGES = "venv"
"""Where the package is installed: the folder that the official host makes its virtual environment in."""


def install(folder: Path) -> bytes:
    """Installs the package of a plugin's folder into that folder, as the official host does; returns pip's output."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    # Not isolated, so that nothing is downloaded: pulumi and setuptools are in the virtual environment.
    command = [*pip, "--no-build-isolation", "--upgrade", "--target", str(folder / PACKAGES), str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError(f"pip could not install {folder}:\n{done.stdout.decode()}")
    return done.stdout


def start(folder: Path, request: Any) -> subprocess.Popen[bytes]:
    """Starts the installed package of a plugin's folder, which serves the components that it exports."""
    import importlib.metadata  # Every preview starts the host, and few a plugin.

    packages = folder / PACKAGES
    (package,) = importlib.metadata.distributions(path=[str(packages)])
    inherited = dict(entry.split("=", 1) for entry in request.env) or os.environ
    return subprocess.Popen(
        [sys.executable, "-m", "pulumi.run.plugin", package.metadata["Name"], *request.args],
        cwd=request.pwd,
        env={**inherited, "PYTHONPATH": str(packages)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
