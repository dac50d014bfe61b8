"""The Pulumi engine and its plugins: the machine's own where there are any, else those the sandbox builds or brings."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from sandbox import build
from sandbox.environment import BIN, PULUMI_HOME, SOURCES, VENV, installed, sandbox_environment, write

PROVIDER_VERSION = "4.34.2"
PLUGIN = f"plugins/resource-kubernetes-v{PROVIDER_VERSION}"
DOWNLOAD_SECONDS = 60


def prepare() -> None:
    """Engine, Python language host and Kubernetes provider are ready to run; prints which are used."""
    engine = _engine()
    language_host = _language_host()
    print(f"using {engine}, {language_host}, {_provider()}", flush=True)


def _engine() -> str:
    own = BIN / "pulumi"
    if official := installed("pulumi"):
        own.unlink(missing_ok=True)
        return f"the engine {official}"
    program = build.build_go("engine")
    # A hard link: the engine looks for its language host beside its own file and warns of one found elsewhere.
    if not (own.exists() and own.samefile(program)):
        own.parent.mkdir(exist_ok=True)
        own.unlink(missing_ok=True)
        own.hardlink_to(program)
    return f"the engine {build.ENGINE_VERSION} built here"


def _language_host() -> str:
    own = BIN / "pulumi-language-python"
    if official := installed("pulumi-language-python"):
        own.unlink(missing_ok=True)
        return f"the language host {official}"
    write(own, script("language_host.py"), 0o755)
    return "the sandbox's stand-in for the language host"


def _provider() -> str:
    """PULUMI_HOME is always the sandbox's: the operator's plugin is linked into it, their login stays out of it."""
    plugin = PULUMI_HOME / PLUGIN
    stand_in = plugin / "pulumi-resource-kubernetes"
    users = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / PLUGIN
    if users != plugin and users.is_dir():
        if not plugin.is_symlink():
            shutil.rmtree(plugin, ignore_errors=True)
        build.link(plugin, users)
        return f"the Kubernetes provider {users}"
    if plugin.is_symlink():
        plugin.unlink()
    if not stand_in.is_file() and _download():
        return f"the Kubernetes provider {PROVIDER_VERSION}, downloaded"
    if stand_in.is_file() and stand_in.stat().st_size > 4096:
        return f"the Kubernetes provider {PROVIDER_VERSION}"
    write(stand_in, script("provider.py"), 0o755)
    return "the sandbox's stand-in for the Kubernetes provider"


def _download() -> bool:
    command = ["pulumi", "plugin", "install", "resource", "kubernetes", PROVIDER_VERSION]
    try:
        done = subprocess.run(command, capture_output=True, env=sandbox_environment(), timeout=DOWNLOAD_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def script(name: str, *options: str) -> str:
    """A shell script that runs one of the sandbox's files with the options, and hands its own arguments on."""
    return f'#!/bin/sh\nexec {shlex.join([str(VENV / "bin/python"), str(SOURCES / name), *options])} "$@"\n'
