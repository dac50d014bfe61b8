"""Runs the engine and reads its document."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any

Document = dict[str, Any]
"""What `pulumi preview --json` and `pulumi refresh --preview-only --json` print."""


def run(command: Sequence[str], stack: str) -> tuple[int, Document]:
    """Exit code and document of a command on a stack, `organization/stack` or `stack`."""
    words = ["pulumi", *command, "--json", "--non-interactive", "--stack", stack]
    try:
        done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        return 127, document_of(127, "", f"error: pulumi cannot be run: {error}")
    return done.returncode, document_of(done.returncode, done.stdout, done.stderr)


def document_of(code: int, stdout: str, stderr: str) -> Document:
    """The document that was printed. Of a command that failed without saying why in it, the reason is added."""
    try:
        document: Document = json.loads(stdout)
    except ValueError:
        document = {"diagnostics": [{"severity": "error", "message": stdout}]} if stdout.strip() else {}
    if code and not said(document, "error"):
        reason = stderr.strip() or f"pulumi ended with {code} and said nothing"
        document.setdefault("diagnostics", []).append({"severity": "error", "message": reason})
    return document


def said(document: Document, severity: str) -> list[str]:
    """What the engine and the program said: as `info`, `warning` or `error`."""
    found = [each for each in document.get("diagnostics", []) if each["severity"] == severity]
    return [each["message"].rstrip() for each in found]
