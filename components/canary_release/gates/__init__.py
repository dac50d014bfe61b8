"""Gates, the checks of a canary that an update must pass: what they are, and how they are asked and judged."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..model.problem import Problem

if TYPE_CHECKING:
    from .contract import Gate


@dataclass(frozen=True)
class Gates:
    """The gates, and where their queries go."""

    checks: tuple["Gate", ...] = ()
    prometheus_url: str = ""
    prometheus_token: Any = field(default=None, repr=False)
    """Text, or an Output of it; None without one."""


def parse_gates(checks: Any, url: Any, token: Any) -> Gates | list[Problem]:
    """The gates, or all that is wrong with them; None is as good as absent."""
    if not (checks or url or token):
        return Gates()
    # Loaded only where a release has gates: it is a sixth of what the program adds to a preview.
    from .parsing import parsed_gates

    return parsed_gates(checks, url, token)
