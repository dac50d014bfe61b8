"""A client on a node port that opens a new connection for every request, as the share of a release counts them."""

import http.client
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

WORKERS = 8
PER_SECOND = 200
"""Requests per second of all workers together: bounded, so that two cores also run the cluster and the engine."""
TIMEOUT_SECONDS = 10


@dataclass
class Traffic:
    """Requests that run as long as the `with` block, their answers counted and every failure kept."""

    port: int
    versions: Counter[str] = field(default_factory=Counter)
    """Answers by the version that gave them."""
    failures: list[str] = field(default_factory=list)
    """Time and error of every request without a good answer."""
    _answers: list[tuple[float, str]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _workers: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> "Traffic":
        for number in range(WORKERS):
            self._workers.append(threading.Thread(target=self._work, args=(number,), daemon=True))
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends the requests; the counts stay."""
        self._stop.set()
        for worker in self._workers:
            worker.join(TIMEOUT_SECONDS + 1)

    @property
    def requests(self) -> int:
        """Requests that have ended, well or badly."""
        return self.versions.total() + len(self.failures)

    def __str__(self) -> str:
        counts = ", ".join(f"{version} {count:,}" for version, count in sorted(self.versions.items()))
        return f"{self.requests:,} requests ({counts}), {len(self.failures):,} failed"

    def next(self, count: int) -> Counter[str]:
        """Versions that answer the next `count` requests, all of them opened after this call."""
        began, known = time.time(), len(self._answers)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            time.sleep(0.05)
            answers = [version for opened, version in self._answers[known:] if opened >= began]
            if len(answers) >= count:
                return Counter(answers[:count])
        raise AssertionError(f"no {count} answers from port {self.port} within 60 s: {self}; last {self.failures[-3:]}")

    def _work(self, number: int) -> None:
        interval = WORKERS / PER_SECOND
        due = time.monotonic() + number / PER_SECOND
        while not self._stop.is_set():
            time.sleep(max(0.0, due - time.monotonic()))
            # A late worker does not catch up: a burst would be another load than the stated one.
            due = max(due + interval, time.monotonic())
            opened = time.time()
            try:
                version = ask(self.port)
            except (OSError, http.client.HTTPException, ValueError) as error:
                clock = time.strftime("%H:%M:%S", time.localtime(opened)) + f".{int(opened % 1 * 1000):03}"
                self.failures.append(f"{clock} after {time.time() - opened:.2f} s: {error!r}")
            else:
                self.versions[version] += 1
                self._answers.append((opened, version))


def ask(port: int) -> str:
    """The version that answers one request on a connection of its own. Raises whatever is not a good answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/", headers={"Connection": "close"})
        answer = connection.getresponse()
        words = answer.read().decode().split()
        if answer.status != 200 or len(words) != 2:
            raise ValueError(f"status {answer.status}, body {words}")
        return words[0]
    finally:
        connection.close()
