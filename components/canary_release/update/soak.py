"""How long the canary's content has run in finished updates, and whether that is as long as `soak` asks for.

All times are seconds since 1970. The soak that counts is the one that was declared with the running canary: what widens
or promotes it cannot shorten it in the same update.
"""

from collections.abc import Iterator

from ..model.duration import duration
from ..model.moment import minute
from ..model.tree import Path
from .content import tracks
from .former import is_judged
from .rules import Broken, Kind, kind
from .update import Update


def canary_since(update: Update, finished_at: float) -> float | None:
    """Since when the new release's canary has run its content, if the update finishes at this time.

    None if it has no pods. The time stays as long as the content does. It begins anew with other content, and after an
    update that did not finish.
    """
    if tracks(update.new).running is None:
        return None
    return finished_at if (since := kept_since(update)) is None else since


def kept_since(update: Update) -> float | None:
    """Since when the new release's canary has run its content, where it ran before; None if its time begins anew."""
    if update.old is None or not update.finished:
        return None
    was, now = tracks(update.old).running, tracks(update.new).running
    return update.canary_since if was and now and was.content == now.content else None


def too_early(update: Update, now: float) -> Iterator[Broken]:
    """The rule that the update breaks if it widens or promotes a canary before its soak is over.

    A clock that was set back makes the wait longer, never shorter.
    """
    old = update.old
    if old is None or old.soak_seconds is None or not is_judged(update):
        return
    soak = duration(old.soak_seconds)
    if not update.finished:
        rule = f"the last update did not finish: a soak of {soak} begins with the next one that finishes"
    elif update.canary_since is None:
        rule = f"the state does not know since when the canary runs: its soak of {soak} begins with the next update"
    elif now < (allowed := update.canary_since + old.soak_seconds):
        rule = f"the canary must run for {soak} before it is widened or promoted: allowed from {minute(allowed)} on"
    else:
        return
    yield Broken(*_changed(update), rule)


def _changed(update: Update) -> tuple[Path, object, object]:
    """Where the update says that more users get the canary's content."""
    old, new = update.old, update.new
    assert old is not None
    if kind(old, new) is Kind.PROMOTE and old.stable.version != new.stable.version:
        return ("stable_version",), old.stable.version, new.stable.version
    if old.canary_replicas != new.canary_replicas:
        return ("canary_replicas",), old.canary_replicas, new.canary_replicas
    return ("stable_replicas",), old.stable.replicas, new.stable.replicas
