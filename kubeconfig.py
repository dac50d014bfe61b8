"""The kubeconfig that the Kubernetes provider uses: `kubernetes:kubeconfig` (path or text), else kubectl's own.

And kubectl itself, which is run here alone.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import yaml


def servers(given: str | None) -> dict[str, str]:
    """Address of the API server of each context, by the context's name; empty where there is none.

    A text that is no YAML has no context. Its error is told to nobody: it would quote a secret.
    """
    try:
        files = [_object(yaml.safe_load(text)) for text in _texts(given)]
    except yaml.YAMLError:
        return {}
    addresses = {name: str(cluster.get("server") or "") for name, cluster in _named(files, "clusters", "cluster")}
    return {
        name: addresses.get(str(context.get("cluster")), "") for name, context in _named(files, "contexts", "context")
    }


def kubectl(*arguments: str, stdin: str | None = None, seconds: int | None = None) -> str:
    """What kubectl prints. Raises `ValueError` with the reason if it fails, is missing, or takes longer.

    What its client library logs on the way is no reason, unless there is no other.
    """
    command = ["kubectl", *arguments]
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds)
    except FileNotFoundError:
        raise ValueError("there is no kubectl on PATH") from None
    except subprocess.TimeoutExpired:
        raise ValueError(f"kubectl had no answer after {seconds} s") from None
    if done.returncode:
        told = done.stderr.strip().splitlines()
        words = [line for line in told if not re.match(r"[EWIF]\d{4} ", line)]
        raise ValueError("\n".join(words or told) or f"kubectl ended with {done.returncode}")
    return done.stdout


@contextmanager
def kubectl_options(given: str | None) -> Generator[list[str]]:
    """Options with which kubectl uses the same one; a text lies in a private file for as long as the block runs."""
    if not given or _is_file(given):
        yield ["--kubeconfig", str(Path(given).expanduser())] if given else []
        return
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(given)
        file.flush()
        yield ["--kubeconfig", file.name]


def _texts(given: str | None) -> list[str]:
    if given and not _is_file(given):
        return [given]
    paths = given or os.environ.get("KUBECONFIG") or "~/.kube/config"
    files = [Path(path).expanduser() for path in paths.split(os.pathsep) if path]
    return [file.read_text(encoding="utf-8") for file in files if file.is_file()]


def _is_file(given: str) -> bool:
    # A text as long as a kubeconfig is no name that the system would look up.
    return "\n" not in given and not given.startswith("{") and Path(given).expanduser().is_file()


def _named(files: Sequence[Mapping[str, Any]], section: str, part: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    # Of two entries with one name kubectl takes the first, and a dict keeps the last.
    for file in reversed(files):
        for entry in reversed([_object(entry) for entry in cast(list[Any], file.get(section) or [])]):
            yield str(entry.get("name")), _object(entry.get(part))


def _object(value: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, dict) else {}
