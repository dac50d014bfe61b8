"""`python -m tools.watch`: the live split of a release."""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from itertools import chain

from rich.live import Live

from .cluster import read
from .glance import Glance, document, lines
from .live import frame
from .options import Options, WatchError, options, read_target
from .picture import picture
from .traffic import Sample, Source, send, traffic

INTERVAL_SECONDS = 2
"""How often the cluster is read."""
LOOKS_PER_TRAFFIC_LINE = 5
"""How often lines tell of requests: their counts change all the time."""
ONCE_REQUESTS = 200
MOST_SAMPLES = 10_000
SETTLING_SECONDS = 5
"""After a change of endpoints each node's kube-proxy still sends connections by its rules of before, for a second, and
longer under load. A request counts if it began later."""


def main() -> int:
    """The exit code: 1 if something is wrong, or not as expected."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # What the cluster or an answer says may have characters that the terminal's encoding lacks.
    sys.stdout.reconfigure(errors="replace")  # pyright: ignore
    try:
        given = options(sys.argv[1:])
        looks = glances(given)
        first = next(looks)
        rest = () if given.once else looks
        if sys.stdout.isatty() and not given.json:
            with Live(frame(first), auto_refresh=False) as live:
                for glance in rest:
                    live.update(frame(glance), refresh=True)
        else:
            print_lines(chain([first], rest), given.json)
        return 1 if given.expect and (first.mismatches or first.note) else 0
    except WatchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        # Who reads has enough; Python would complain again when it closes its output.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def glances(given: Options) -> Iterator[Glance]:
    """What is seen, every two seconds. What cannot be read after the first time is told in a note."""
    samples: deque[Sample] = deque(maxlen=MOST_SAMPLES)
    last = _look(given, samples)
    if given.source and given.once:
        time.sleep(SETTLING_SECONDS)
        asyncio.run(send(given.source, samples.append, ONCE_REQUESTS))
        last = _look(given, samples, last)
        if last.traffic and not last.traffic.requests:
            last = replace(last, note="pods or config changed while requests were sent: none of them counts")
    yield last
    if given.source:
        _in_background(given.source, samples)
    while True:
        time.sleep(INTERVAL_SECONDS)
        try:
            last = _look(given, samples, last)
        except WatchError as error:
            last = replace(last, note=str(error))
        yield last


def _look(given: Options, samples: deque[Sample], before: Glance | None = None) -> Glance:
    target, now = read_target(given.stack), datetime.now(timezone.utc)
    seen = picture(target.release, read(target), now)
    counts_from = time.monotonic() + SETTLING_SECONDS
    if before and (target.release, seen.split) == (before.target.release, before.picture.split):
        counts_from = before.counts_from
    # A copy: the thread that asks goes on.
    counted = [sample for sample in list(samples) if sample.began >= counts_from]
    tally = traffic(counted, target.release) if given.source else None
    return Glance(now.astimezone(), target, seen, tally, counts_from)


def _in_background(source: Source, samples: deque[Sample]) -> None:
    sending = threading.Thread(target=lambda: asyncio.run(send(source, samples.append)), daemon=True)
    sending.start()


def print_lines(looks: Iterable[Glance], as_json: bool) -> None:
    """Prints glances for who is no terminal: as JSON, or as those lines that are new."""
    told: list[str] = []
    for number, glance in enumerate(looks):
        if as_json:
            print(json.dumps(document(glance)), flush=True)
            continue
        found = lines(glance, with_traffic=number % LOOKS_PER_TRAFFIC_LINE == 0)
        for text in found:
            if text not in told:
                print(f"{datetime.now():%H:%M:%S} {text}", flush=True)
        told = found


if __name__ == "__main__":
    sys.exit(main())
