"""A run as whoever follows it sees it: a picture on a terminal, lines elsewhere, or documents of JSON."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from canary_release.model.duration import duration
from tools.answers import plain
from tools.watch.glance import MOST_CHARACTERS, shown_share

from .journal import Journal


class Teller:
    """Tells what is done and what is seen, in a `with` block that leaves the terminal as it was."""

    journal: Journal
    """The run as it was kept last."""

    def __init__(self, as_json: bool) -> None:
        self._json = as_json
        self._live = Live(auto_refresh=False) if sys.stdout.isatty() and not as_json else None
        self._told: Sequence[str] = ()

    def __enter__(self) -> "Teller":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def tell(self, text: str) -> None:
        """What is done."""
        self._told = ()
        self._print({"text": text}, text.splitlines(), self._title())

    def show(self, seconds_left: float, soak_seconds: int, shown: Mapping[str, Any]) -> None:
        """What is seen. Elsewhere than on a terminal only what is new."""
        rest, lines = round(seconds_left), seen(shown)
        soak = f", {duration(rest)} left" if rest else ", soak is over" if soak_seconds else ""
        title = f"{self._title()}{soak}"
        if self._live:
            bar = ProgressBar(total=soak_seconds or 1, completed=soak_seconds - seconds_left, width=40)
            self._live.update(Group(Text(title, style="bold"), bar, *map(Text, lines)), refresh=True)
            return
        self._print({"secondsLeft": rest, **shown}, [line for line in lines if line not in self._told], title)
        self._told = lines

    def _title(self) -> str:
        if self.journal.harm is not None:
            return "back"
        return f"step {self.journal.step} of {len(self.journal.steps) - 1}, {self.journal.goal.name}"

    def _print(self, document: Mapping[str, Any], lines: Sequence[str], title: str) -> None:
        now = datetime.now().astimezone()
        if self._json:
            step = {"time": now.isoformat(timespec="seconds"), "step": self.journal.goal.name}
            print(json.dumps({**step, **document}), flush=True)
            return
        for line in lines:
            text = f"{now:%H:%M:%S} {title}: {line}"
            if self._live:
                self._live.console.print(text, markup=False, highlight=False)
            else:
                print(text, flush=True)


def seen(shown: Mapping[str, Any]) -> list[str]:
    """What is seen, as lines: share and pods, gates, and why pods are not ready."""
    if why := shown.get("unseen"):
        return [plain(f"not seen: {why}", MOST_CHARACTERS)]
    tracks = [f"{name} {shown[name]} ready" for name in ("stable", "canary") if name in shown]
    lines = [f"canary's share {shown_share(shown['share'])}, {', '.join(tracks)}"]
    lines += [f"gate {gate['name']}: {gate['state']}, {gate['said']}" for gate in shown["gates"]]
    lines += [f"{name}: {why}" for name, why in shown["failing"].items()]
    return [plain(line, MOST_CHARACTERS) for line in lines]
