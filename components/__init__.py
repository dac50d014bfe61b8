"""Canary releases on plain Kubernetes: two Deployments, one Service; the share of pods is the share of connections."""

from .args import CanaryReleaseArgs
from .canary_release import CanaryRelease
from .gates import Check, Gates
from .interrupts import end_quietly_on_interrupt

__all__ = ["CanaryRelease", "CanaryReleaseArgs", "Check", "Gates", "end_quietly_on_interrupt"]
