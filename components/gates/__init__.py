"""Checks on a canary's metrics that an update must pass: what they are, and how they are asked and judged."""

from .contract import Check, Gates, parsed, problems

__all__ = ["Check", "Gates", "parsed", "problems"]
