"""Every rule that an update breaks: of contents and numbers of pods, of rollbacks, and of time."""

from .former import unknown_content
from .rules import Broken, broken_rules
from .soak import too_early
from .update import Update


def broken_by_update(update: Update, now: float | None) -> list[Broken]:
    """All rules that the update breaks at this time, in seconds since 1970; none if it may run.

    Without a time no soak is asked for. A first deploy breaks no rule, nor does an update with
    `skip_transition_checks`.
    """
    old, new = update.old, update.new
    if old is None or new.skip_transition_checks:
        return []
    early = () if now is None else too_early(update, now)
    return [*broken_rules(old, new, update.finished), *unknown_content(update), *early]
