"""The contract of gates: checks that an update must pass. docs/gates.md has every field with meaning and unit."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .selector import Selector

LONGEST_SECONDS = 3600
"""From the first sample of a gate to its last."""

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": lambda value, bound: value <= bound,
    ">=": lambda value, bound: value >= bound,
    "<": lambda value, bound: value < bound,
    ">": lambda value, bound: value > bound,
}
CONDITION = re.compile(r"\s*(<=|>=|<|>)\s*(-?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*")


class State(str, Enum):
    """What a sample or a gate came to."""

    SUCCESS = "success"
    FAILURE = "failure"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class _Common:
    name: str
    count: int
    interval_seconds: int
    initial_delay: int
    error_limit: int
    dry_run: bool


@dataclass(frozen=True)
class Threshold(_Common):
    """A gate on one number of the canary."""

    source: str
    """`query`, `command` or `web`."""
    asked: str | Sequence[str]
    success: str | None
    failure: str | None
    failure_limit: int
    no_data: State

    def fails(self, samples: Sequence[State]) -> bool:
        """Whether more of these samples are failures than `failureLimit` allows."""
        return samples.count(State.FAILURE) > self.failure_limit

    def state(self, value: float) -> State:
        """What a sample with this value is."""
        failed, succeeded = _holds(self.failure, value), _holds(self.success, value)
        if failed or (self.failure is None and not succeeded):
            return State.FAILURE
        return State.SUCCESS if succeeded or self.success is None else State.INCONCLUSIVE


@dataclass(frozen=True)
class Comparison(_Common):
    """A gate on the canary's share of bad requests against stable's."""

    total: Selector
    other: Selector
    other_is_good: bool
    worse_by: float
    tolerance: float
    burst: int
    false_alarms: float
    """Its part of what was stated for all."""


Gate = Threshold | Comparison
"""A gate, complete."""


PRESETS: dict[str, dict[str, str]] = {
    "http": {"total": "http_requests_total", "bad": 'http_requests_total{code=~"5.."}'},
    "istio": {
        "total": 'istio_requests_total{reporter="destination"}',
        "bad": 'istio_requests_total{reporter="destination",response_code=~"5.."}',
    },
    "nginx": {
        "total": 'nginx_vts_server_requests_total{host="*",code=~"[1-5]xx"}',
        "bad": 'nginx_vts_server_requests_total{host="*",code="5xx"}',
    },
}
"""Prometheus' client for Go, Istio's sidecars, and nginx-module-vts in the pods."""

NUMBERS: dict[str, tuple[float, float, float]] = {
    "count": (1, 1, 100),
    "intervalSeconds": (60, 1, LONGEST_SECONDS),
    "initialDelay": (0, 0, LONGEST_SECONDS),
    "consecutiveErrorLimit": (4, 0, 100),
    "failureLimit": (0, 0, 99),
    "burst": (1, 1, 1000),
    "worseBy": (0.01, 0.001, 0.999),
    "tolerance": (1.2, 1.0, 10.0),
    "falseAlarms": (0.01, 0.0001, 0.1),
}
"""Default, smallest and largest value of each number; whole ones are whole."""
DEFAULTS: dict[str, Any] = {
    **{name: default for name, (default, _, _) in NUMBERS.items()},
    "dryRun": False,
    "noData": State.INCONCLUSIVE.value,
}


def _holds(condition: str | None, value: float) -> bool:
    if condition is None or not (parts := CONDITION.fullmatch(condition)):
        return False
    return OPERATORS[parts[1]](value, float(parts[2]))
