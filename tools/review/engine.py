"""Runs the engine and reads its document."""

import subprocess
from collections.abc import Sequence
from typing import Any, cast

from ..answers import parsed
from .tree import get, objects_at, text_at

Document = dict[str, Any]
"""What `pulumi preview --json` and `pulumi refresh --preview-only --json` print."""


def run(command: Sequence[str], stack: str) -> tuple[int, Document]:
    """Exit code and document of a command on a stack, `organization/stack` or `stack`."""
    words = ["pulumi", *command, "--json", "--non-interactive", "--stack", stack]
    try:
        done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", stdin=subprocess.DEVNULL)
    except OSError as error:
        return 127, document_of(127, "", f"error: pulumi cannot be run: {error}")
    return done.returncode, document_of(done.returncode, done.stdout, done.stderr)


def document_of(code: int, stdout: str, stderr: str) -> Document:
    """The document that was printed. Where it is none, or that of a command that failed without saying why in it, the
    reason is added.
    """
    reasons: list[str] = []
    try:
        found = parsed(stdout)
    except ValueError:
        found = None
    document = cast(Document, found) if isinstance(found, dict) else {}
    if found is not document and stdout.strip():
        reasons.append(stdout)
    if code and not reasons and not said(document, "error"):
        reasons.append(stderr.strip() or f"pulumi ended with {code} and said nothing")
    # The engine says at last how long it took. Without that, no step would mean no change.
    if not code and not reasons and get(document, ("duration",), None) is None:
        reasons.append("pulumi ended with 0, but what it printed is not whole")
    told = [{"severity": "error", "message": reason} for reason in reasons]
    return {**document, "diagnostics": [*objects_at(document, "diagnostics"), *told]}


def said(document: Document, severity: str) -> list[str]:
    """What the engine and the program said: as `info`, `warning` or `error`."""
    found = [each for each in objects_at(document, "diagnostics") if text_at(each, "severity") == severity]
    return [text_at(each, "message").rstrip() for each in found]
