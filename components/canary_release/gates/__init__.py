"""Checks on a canary that an update must pass: what they are, and how they are asked and judged."""

from .contract import Gates
from .parsing import parse_gates

__all__ = ["Gates", "parse_gates"]
