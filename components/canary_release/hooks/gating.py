"""What an update of a release does more if the release has gates, or leaves a document."""

from collections.abc import Callable
from pathlib import Path

import pulumi

from ..gates import Gates
from ..gates.sampling import Verdict
from ..text.spelling import Spelling
from ..update.former import is_judged
from ..update.update import Update
from .cluster import Cluster
from .document import Times, document_of, prepare, recorded, write
from .judging import pass_gates


class Gating:
    """The gates of one release, and the document of its update."""

    def __init__(
        self, name: str, gates: Gates, folder: Path | None, spelling: Spelling, now: Callable[[], float]
    ) -> None:
        self._name, self._gates, self._folder, self._spelling, self._now = name, gates, folder, spelling, now
        self._verdict: Verdict | None = None
        self._began = self._asked = self._judged = now()

    def begin(self) -> None:
        """The rules allow the update, and it begins. Raises `Refusal` if its document cannot be written."""
        self._began = self._now()
        if self._folder and not pulumi.runtime.is_dry_run():
            prepare(self._folder, self._spelling)

    def asks(self, update: Update) -> bool:
        """Whether the update has to pass the gates."""
        return bool(self._gates.checks) and is_judged(update) and not update.new.skip_transition_checks

    async def judge(self, update: Update, cluster: Cluster | None) -> None:
        """Asks the gates. Raises `Refusal` if the update does not pass them."""
        self._asked = self._now()
        kept = recorded(self._folder, pulumi.get_stack(), self._name) if self._folder else {}
        self._verdict = await pass_gates(self._name, self._gates, update, cluster, kept, self._spelling)
        self._judged = self._now()

    def finish(self, update: Update) -> None:
        """Writes the document of an update that is done. To fail it now would make it count as unfinished."""
        if self._folder is None or pulumi.runtime.is_dry_run():
            return
        names = pulumi.get_project(), pulumi.get_stack(), self._name
        times = Times(self._began, self._asked, self._judged, self._now())
        try:
            write(self._folder, document_of(names, update, self._verdict, times), times.ended)
        except OSError as error:
            pulumi.log.warn(f"the document of this update could not be written: {error}")
