"""The project in this folder, its stack and its cluster, as a run reads and changes them."""

import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from canary_release.text.report import report
from canary_release.text.spelling import config_keys
from stack.files import read_config, stack_file
from stack.settings import Settings, settings_of

from . import git
from .engine import Deployed, Engine
from .journal import Journal, PlanError, ending, path_of, save, write_whole
from .looking import Look, Taken, look
from .record import write_record
from .telling import Teller

RECORDS = Path("releases")
"""Where the records of runs are, unless the stack has an `evidenceFolder`."""


@dataclass
class Project:
    """The project in this folder, its stack and its cluster. Times are seconds since 1970."""

    stack: str
    pushes: bool
    """Whether each commit goes to the remote branch."""
    teller: Teller
    taken: Taken = field(default_factory=Taken)
    """What the gates on a number have sampled during the soak."""

    @cached_property
    def engine(self) -> Engine:
        """The engine on the stack."""
        return Engine(self.stack, self.teller.tell)

    @cached_property
    def token(self) -> str | None:
        """What Prometheus is asked with, where the stack file has it encrypted."""
        config = read_config(self.stack)
        key = config.key("prometheusToken")
        return self.engine.secret(key) if key in config.secrets else None

    @property
    def settings(self) -> Settings:
        """The settings of the stack file. Raises `PlanError` with all that is wrong with it."""
        config = read_config(self.stack)
        settings = settings_of(config)
        if isinstance(settings, list):
            keys = config_keys(config.stack, config.project)
            raise PlanError(report(f"the config of stack {config.stack} is invalid", settings, keys))
        return settings

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def file(self) -> str:
        """The stack file's text."""
        return stack_file(self.stack).read_bytes().decode("utf-8-sig")

    def write(self, text: str) -> None:
        """Writes the stack file, whole or not at all."""
        write_whole(stack_file(self.stack), text)

    def is_committed(self) -> bool:
        """Whether the last commit has the stack file as it is."""
        return git.is_committed(stack_file(self.stack), self.pushes)

    def commit(self, message: str, seconds: float | None = None) -> None:
        """Commits the stack file, and the journal with it. The remote repository has to answer within the seconds."""
        git.commit(message, [stack_file(self.stack), path_of(self.stack)], self.pushes, seconds)

    def deployed(self) -> Deployed:
        """What the state says, compared with the stack file."""
        settings = self.settings
        return self.engine.deployed(settings.parsed.release, "proven_in" in settings.arguments, self.now())

    def update(self, journal: Journal, skips_rules: bool) -> str | None:
        """Updates the stack to its file. A run that goes back previews nothing, and with `skips_rules` asks no rules.
        An update that was killed is not previewed again. Returns why it failed, if it did.
        """
        if journal.harm is None and not journal.is_updating and (refused := self.engine.preview()):
            return refused

        def owns(is_ours: bool) -> None:
            self.save(replace(journal, is_updating=is_ours))

        owns(True)
        manifest = journal.manifest if skips_rules and journal.harm is not None else None
        return self.engine.update(journal.is_updating, manifest, owns)

    def look(self, journal: Journal, deployed: Deployed) -> Look:
        """What is seen of the canary, which is told."""
        if journal.restarts is None:
            self.taken = Taken()
        seen = look(self.stack, self.settings, self.token, journal.restarts, self.taken)
        self.teller.show(deployed.left(seen.at), deployed.soak_seconds, seen.shown)
        return seen

    def save(self, journal: Journal) -> None:
        """Keeps the journal."""
        self.teller.journal = journal
        save(journal)

    def end(self, journal: Journal) -> None:
        """Leaves the record, and then no journal."""
        folder = self.settings.arguments.get("evidence_folder", RECORDS)
        files, path = write_record(Path(folder), journal), path_of(self.stack)
        with ending(self.stack):
            if journal.commits:
                git.commit(f"Run on {self.stack}: ended", [path, *files], self.pushes)
        self.tell(f"record: {files[-1]}")

    def tell(self, text: str) -> None:
        """Tells whoever follows the run."""
        self.teller.tell(text)
