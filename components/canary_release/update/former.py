"""What stable may roll back to: the content that it had before, as far as the state knows it."""

from collections.abc import Iterator

from .content import fingerprint, tracks
from .rules import Broken, Kind, changed_stable, is_gated, kind
from .update import Update


def is_known(update: Update) -> bool:
    """Whether the state knows that stable's new content ran: as stable, or as the canary with a pod.

    The first update has nothing to be compared with: True.
    """
    if update.old is None:
        return True
    was, now = tracks(update.old), tracks(update.new)
    known = (was.stable.content, was.running and was.running.content)
    return now.stable.content in known or rolls_back(update)


def rolls_back(update: Update) -> bool:
    """Whether stable gets what it had before its last change, as far as the state knows that."""
    return fingerprint(tracks(update.new).stable.content) == update.former_stable


def is_judged(update: Update) -> bool:
    """Whether soak and gates judge the update: it gives more users the canary's content, and is no rollback."""
    return update.old is not None and is_gated(update.old, update.new) and not rolls_back(update)


def unknown_content(update: Update) -> Iterator[Broken]:
    """The rule that the update breaks if it rolls back to content that stable never had.

    Where the state does not know what stable had before, as after an update that did not finish, a rollback is allowed.
    """
    old, new = update.old, update.new
    if old is None or not update.finished or update.former_stable is None:
        return
    if kind(old, new) is Kind.ROLL_BACK and not is_known(update):
        rule = "stable rolls back only to what it ran before its last change, and the state knows nothing older: "
        rule += "run it as canary first"
        yield from changed_stable(old, new, rule)


def former_stable(update: Update) -> str | None:
    """What the next update may roll back to, as in `Update.former_stable`, once this one has finished."""
    if update.old is None:
        return ""
    was, now = tracks(update.old).stable.content, tracks(update.new).stable.content
    if not update.finished:
        return None
    return update.former_stable if was == now else fingerprint(was)
