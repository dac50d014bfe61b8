"""`python -m observe`: the live split of a release."""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from rich.console import Console
from rich.live import Live
from rich.live_render import LiveRender

from components.release import Release

from .cluster import Cluster, ClusterError
from .glance import Glance, document, lines
from .live import frame
from .options import InvalidError, Options, Target, options, read_target
from .picture import Picture, picture
from .traffic import Sample, Source, send, traffic

INTERVAL_SECONDS = 2
"""How often the cluster is read."""
TRAFFIC_LINE_SECONDS = 10
"""How often lines tell of requests: their counts change all the time."""
ONCE_REQUESTS = 200
MOST_SAMPLES = 10_000


def main() -> int:
    """The exit code: 1 if something is wrong, or not as expected."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        given = options(sys.argv[1:])
        cluster = Cluster(given.target.context, given.target.kubeconfig)
        return _once(given, cluster) if given.once else _watch(given, cluster)
    except (InvalidError, ClusterError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        # Who reads has enough; Python would complain again when it closes its output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _once(given: Options, cluster: Cluster) -> int:
    samples: deque[Sample] = deque()
    if given.source:
        asyncio.run(send(given.source, samples.append, ONCE_REQUESTS))
    glance = _look(given.target, cluster, samples if given.source else None)
    if _live(given):
        Console().print(frame(glance, given.source))
    else:
        Lines(given.json).tell(glance)
    return 1 if given.expect and glance.mismatches else 0


def _watch(given: Options, cluster: Cluster) -> int:
    glances = glances_of(given, cluster)
    last = next(glances)
    if _live(given):
        try:
            # Ends in … where the terminal is too low for all of it.
            drawn = LiveRender(frame(last, given.source), vertical_overflow="ellipsis")
            with Live(drawn, screen=True, auto_refresh=False) as live:
                for last in glances:
                    drawn.set_renderable(frame(last, given.source))
                    live.refresh()
        finally:
            # What was on the screen of its own stays on the terminal.
            Console().print(frame(last, given.source))
    told = Lines(given.json, traffic_due=time.monotonic() + TRAFFIC_LINE_SECONDS)
    told.tell(last)
    for glance in glances:
        told.tell(glance)
    return 0


def _live(given: Options) -> bool:
    return sys.stdout.isatty() and not given.json


def glances_of(given: Options, cluster: Cluster) -> Iterator[Glance]:
    """What is seen, every two seconds. What cannot be read after the first time is told in a note."""
    samples: deque[Sample] | None = deque(maxlen=MOST_SAMPLES) if given.source else None
    last = _look(given.target, cluster, samples)
    if given.source and samples is not None:
        _in_background(given.source, samples)
    due = time.monotonic()
    while True:
        yield last
        due = max(due + INTERVAL_SECONDS, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))
        target, note = last.target, ""
        try:
            target = read_target(target.stack)
        except InvalidError as error:
            note = str(error)
        if (target.context, target.kubeconfig) != (given.target.context, given.target.kubeconfig):
            raise ClusterError(f"stack {target.stack} is in context {target.context} now: start again to see it there")
        try:
            glance = replace(_look(target, cluster, samples, last), note=note)
        except ClusterError as error:
            glance = replace(last, note=str(error))
        last = glance


def _look(target: Target, cluster: Cluster, samples: deque[Sample] | None, last: Glance | None = None) -> Glance:
    now = datetime.now(timezone.utc)
    seen = picture(target.release, cluster.read(target.release), now)
    if samples and last and _split(target.release, seen) != _split(last.target.release, last.picture):
        # Answers of before would count against a share that is another one now.
        samples.clear()
    # A copy: the thread that asks goes on.
    tally = None if samples is None else traffic(list(samples), target.release)
    return Glance(now.astimezone(), target, seen, tally)


def _split(release: Release, seen: Picture) -> tuple[object, ...]:
    return release.stable, release.canary, [track.endpoints for track in seen.tracks]


def _in_background(source: Source, samples: deque[Sample]) -> None:
    def run() -> None:
        asyncio.run(send(source, samples.append))

    threading.Thread(target=run, daemon=True).start()


@dataclass
class Lines:
    """Prints glances for who is no terminal: as JSON, or as those lines that are new."""

    json: bool
    traffic_due: float = 0
    told: dict[str, str] = field(default_factory=dict[str, str])

    def tell(self, glance: Glance) -> None:
        """Prints a glance, or what is new in it."""
        if self.json:
            print(json.dumps(document(glance)), flush=True)
            return
        found, now = lines(glance), time.monotonic()
        if now < self.traffic_due:
            found = {key: text for key, text in found.items() if not key.startswith("traffic")}
        else:
            self.traffic_due = now + TRAFFIC_LINE_SECONDS
        for key, text in found.items():
            if self.told.get(key) != text:
                print(f"{datetime.now():%H:%M:%S} {text}", flush=True)
        self.told = found


if __name__ == "__main__":
    sys.exit(main())
