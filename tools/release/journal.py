"""What a run under way has to remember, in a file beside the stack's.

Everything else is read from the stack file, the stack's state and the cluster. So the same command goes on.
"""

import json
import os
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any


class PlanError(ValueError):
    """The plan cannot be run, or not further; the text says why."""


@dataclass(frozen=True)
class Step:
    """A step of the plan, and the whole text of the stack file that it leads to."""

    name: str
    text: str


@dataclass(frozen=True)
class Journal:
    """A run under way. The file is written before the action that it names."""

    stack: str
    plan: str
    began: float
    actor: str
    commits: bool
    steps: tuple[Step, ...]
    """The first one is the config before the plan."""
    step: int = 1
    """Position in `steps` of the one to reach; 0 for a run that goes back."""
    harm: str | None = None
    """Why the run goes back."""
    is_updating: bool = False
    """Whether an update of this run may have begun and not ended."""
    restarts: Mapping[str, int] | None = None
    """Restarts of each pod when its step's soak began, by uid; None before."""
    events: tuple[Mapping[str, Any], ...] = ()
    """What was done, for the record: `at`, in seconds since 1970, `step` and `what`."""
    looks: tuple[Mapping[str, Any], ...] = ()
    """What was seen over time, for the record."""
    manifest: str | None = None
    """Text of the manifest before the plan: a run that goes back may ask no rule, and others may change the file."""

    @property
    def goal(self) -> Step:
        """The step that is to be reached."""
        return self.steps[self.step]

    def told(self, at: float, what: str) -> "Journal":
        """The journal with one more event."""
        return replace(self, events=(*self.events, {"at": at, "step": self.goal.name, "what": what}))

    def advanced(self, at: float) -> "Journal":
        """The journal on the way to the next step."""
        done = self.told(at, "done")
        return replace(done, step=self.step + 1, restarts=None)

    def going_back(self, at: float, harm: str) -> "Journal":
        """The journal of a run that goes back."""
        return replace(self.told(at, harm), step=0, harm=harm, restarts=None)


def path_of(stack: str) -> Path:
    """The journal's file."""
    return Path(f".release-{stack}.json")


def read(stack: str) -> Journal | None:
    """The journal of the run under way; None without one. Raises `PlanError` if it cannot be read."""
    path = path_of(stack)
    if _aside(path).exists():
        _aside(path).replace(path)
    try:
        given: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        given["steps"] = tuple(Step(**each) for each in given["steps"])
        given["events"], given["looks"] = tuple(given["events"]), tuple(given["looks"])
        return Journal(**given)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise PlanError(f"{path} cannot be read: {error!r}") from error


@contextmanager
def ending(stack: str) -> Generator[None]:
    """The journal's file is not there while the block runs, and no more afterwards. If the block fails or is killed,
    the next run finds it.
    """
    path = path_of(stack)
    path.replace(_aside(path))
    try:
        yield
    except BaseException:
        _aside(path).replace(path)
        raise
    _aside(path).unlink()


def _aside(path: Path) -> Path:
    return path.with_suffix(".ending")


def save(journal: Journal) -> None:
    """Writes the journal's file, whole or not at all."""
    write_whole(path_of(journal.stack), json.dumps(asdict(journal), indent=1) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Writes a file so that whoever reads it, also after a power cut, finds all of it or what was there before."""
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
        os.fchmod(file.fileno(), mode)
    Path(name).replace(path)
