"""Canary releases on plain Kubernetes: two Deployments and their Services; the share of pods is that of connections."""

from .component import CanaryRelease
from .model.contract import CanaryReleaseArgs
from .pulumi_host import end_quietly_on_interrupt

__all__ = ["CanaryRelease", "CanaryReleaseArgs", "end_quietly_on_interrupt"]
