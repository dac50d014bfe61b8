"""The output that keeps since when the canary has run its content."""

import time
from collections.abc import Mapping
from typing import Any

import pulumi

from ..model.moment import moment, moment_seconds
from ..model.release import Release
from ..update.soak import canary_since, kept_since
from ..update.update import Update

SINCE = "canarySince"
FORMER = "formerStable"


def update_after(outputs: Mapping[str, Any] | None, old: Release | None, new: Release) -> Update:
    """The update after one that left these outputs of the component; none if it did not finish."""
    left = outputs or {}
    return Update(old, new, old is None or bool(left), moment_seconds(left.get(SINCE)), left.get(FORMER))


def since_output(update: Update) -> Any:
    """The output after an update that finishes now, text or None; unknown in a preview of one that begins anew."""
    since = canary_since(update, time.time())
    if since is None:
        return None
    is_preview = pulumi.runtime.is_dry_run() and kept_since(update) is None
    return pulumi.UNKNOWN if is_preview else moment(since)
