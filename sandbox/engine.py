"""The Pulumi engine and its plugins: the machine's own where there are any, else those that the sandbox builds."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from sandbox import build
from sandbox.environment import BIN, PULUMI_HOME, SOURCES, VENV, SandboxError, installed, write

PLUGIN = f"plugins/resource-kubernetes-v{build.PROVIDER_VERSION}"
PROVIDER = "pulumi-resource-kubernetes"
PROVIDER_FILES = ("schema.json", "terraform-mapping.json")


def programs() -> list[str]:
    """The programs that this machine lacks."""
    return [*([] if installed("pulumi") else ["pulumi"]), *([] if _own_plugin() else ["provider"])]


def prepare() -> None:
    """Engine, Python language host and Kubernetes provider are ready to run; prints which are used."""
    print(f"using {_engine()}, {_language_host()}, {_provider()}", flush=True)


def _engine() -> str:
    own = BIN / "pulumi"
    if official := installed("pulumi"):
        own.unlink(missing_ok=True)
        return f"the engine {official}"
    # The engine looks for its language host beside its own file and warns of one found elsewhere.
    _hard_link(build.program("pulumi"), own)
    return f"the engine {build.ENGINE_VERSION} built here"


def _language_host() -> str:
    own = BIN / "pulumi-language-python"
    if official := installed("pulumi-language-python"):
        own.unlink(missing_ok=True)
        return f"the language host {official}"
    runner = build.program(f"{own.name}-exec")
    if not runner.is_file():
        write(runner, (_module("github.com/pulumi/pulumi/sdk/v3") / "python/cmd" / runner.name).read_text())
    write(own, language_host(str(runner)), 0o755)
    return "the sandbox's stand-in for the language host"


def _own_plugin() -> Path | None:
    """The official plugin of the machine's user."""
    folder = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / PLUGIN
    return folder if folder != PULUMI_HOME / PLUGIN and (folder / PROVIDER).is_file() else None


def _provider() -> str:
    """PULUMI_HOME is always the sandbox's: the plugin is brought there, since the engine follows no linked folder."""
    plugin = PULUMI_HOME / PLUGIN
    if own := _own_plugin():
        for file in own.iterdir():
            if file.is_file():
                _hard_link(file, plugin / file.name)
        return f"the Kubernetes provider {own}"
    _hard_link(build.program("provider"), plugin / PROVIDER)
    for name in PROVIDER_FILES:
        if not (plugin / name).is_file():
            write(plugin / name, (_module(build.PROVIDER_MODULE) / "cmd" / PROVIDER / name).read_text())
    return f"the Kubernetes provider {build.PROVIDER_VERSION} built here"


def _module(name: str) -> Path:
    """The folder of a Go module that the programs are built from."""
    command = ["go", "-C", str(SOURCES / "programs"), "mod", "download", "-json", name]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **build.GO_ENVIRONMENT})
    if done.returncode:
        raise SandboxError(f"the module {name} cannot be read:\n{done.stderr or done.stdout}")
    return Path(json.loads(done.stdout)["Dir"])


def _hard_link(file: Path, link: Path) -> None:
    """The same file under another name; a copy where that name lies on another disk."""
    if link.exists() and link.samefile(file):
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    temporary = link.with_name(f"{link.name}.{os.getpid()}")
    try:
        temporary.hardlink_to(file)
    except OSError:
        shutil.copy2(file, temporary)
    temporary.replace(link)


def language_host(runner: str) -> str:
    """A shell script that starts the sandbox's stand-in for a language host. An interrupt must not end its imports."""
    command = shlex.join([str(VENV / "bin/python"), str(SOURCES / "language_host.py"), runner])
    return f"#!/bin/sh\ntrap '' INT\nexec {command} \"$@\"\n"
