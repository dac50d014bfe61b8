"""A program in TypeScript, for the stand-in language host: run by its own SDK, and the SDKs of plugins that it uses."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any


def generate_sdk(schema: str, folder: str) -> None:
    """Writes the package's SDK for TypeScript into the folder, by the engine's own generator."""
    engine = Path(__file__).parent / "engine"
    command = ["go", "-C", str(engine), "run", "-pgo=off", "-buildvcs=false", "./nodejs_sdk", folder]
    done = subprocess.run(command, input=schema, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise RuntimeError(f"the SDK could not be generated:\n{done.stdout}")


def run(request: Any, engine_address: str) -> int:
    """Runs a TypeScript program to its end with the SDK that the program has installed; returns its exit code."""
    folder = Path(request.info.program_directory)
    settings = {
        "monitor": request.monitor_address,
        "engine": engine_address,
        "organization": request.organization,
        "project": request.project,
        "stack": request.stack,
        "parallel": request.parallel,
        "pwd": request.pwd,
        "root-directory": request.info.root_directory,
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    command = ["node", "node_modules/@pulumi/pulumi/cmd/run", *options, *(["--dry-run"] if request.dryRun else [])]
    environment = {
        **os.environ,
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        "PULUMI_NODEJS_TYPESCRIPT": "true",
    }
    return subprocess.call([*command, request.info.entry_point], cwd=folder, env=environment, stdin=subprocess.DEVNULL)
