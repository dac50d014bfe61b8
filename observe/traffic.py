"""Requests to a release, each on a connection of its own, and who answered them."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import httpx

from components.release import Release

from .figures import percentile, share_interval

TIMEOUT_SECONDS = 5
MOST_OPEN = 100
"""Connections open at once: a release that hangs gets fewer requests than the rate says, and no more."""
MOST_BYTES = 65536
"""How much of an answer is read."""
FAILURES: dict[type[httpx.HTTPError], str] = {
    httpx.ConnectError: "no connection",
    httpx.ConnectTimeout: f"no connection within {TIMEOUT_SECONDS} s",
    httpx.ReadTimeout: f"no answer within {TIMEOUT_SECONDS} s",
    httpx.ReadError: "connection lost",
    httpx.RemoteProtocolError: "connection ended without an answer",
}


@dataclass(frozen=True)
class Source:
    """Where requests go, how many a second, and what in an answer is the version."""

    url: str
    rate: float
    header: str | None
    pattern: re.Pattern[str]

    @property
    def shown(self) -> str:
        """The address without a password that may stand in it."""
        return str(httpx.URL(self.url).copy_with(userinfo=b""))

    def version(self, headers: httpx.Headers, body: str) -> str | None:
        """The version that an answer names, if it names one."""
        if self.header:
            return headers.get(self.header)
        found = self.pattern.search(body)
        return found[found.re.groups and 1] if found else None


@dataclass(frozen=True)
class Sample:
    """One request that has ended."""

    version: str | None
    error: str | None
    """What a request without a good answer got."""
    seconds: float
    """From before the connection to the end of the answer."""


@dataclass(frozen=True)
class TrackTraffic:
    """The samples of one track."""

    answers: int
    errors: int
    """Answers with a status of 400 or more that name the track's version."""
    p50: float | None
    p95: float | None
    p99: float | None
    """Seconds that so many percent of the answers took at most."""


@dataclass(frozen=True)
class Traffic:
    """Samples by track."""

    requests: int
    stable: TrackTraffic
    canary: TrackTraffic
    others: Counter[str]
    """Good answers of neither track, by what they named as version."""
    errors: Counter[str]
    """Requests without a good answer, by what they got."""

    @property
    def answers(self) -> int:
        """Good answers of both tracks."""
        return self.stable.answers + self.canary.answers

    @property
    def canary_share(self) -> float | None:
        """Share of the canary in the good answers of both tracks, in percent."""
        return 100 * self.canary.answers / self.answers if self.answers else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 99 % interval of that share, in percent."""
        if not self.answers:
            return None
        low, high = share_interval(self.canary.answers, self.answers)
        return 100 * low, 100 * high

    def fits(self, release: Release) -> bool | None:
        """Whether the configured share lies in the interval; None without answers."""
        if self.interval is None:
            return None
        configured = 100 * release.canary_replicas / release.total_pods
        return self.interval[0] <= configured <= self.interval[1]


def traffic(samples: Iterable[Sample], release: Release) -> Traffic:
    """The samples by the release's tracks: a version that both have is stable's."""
    listed = list(samples)
    versions = {release.canary_version: "canary", release.stable.version: "stable"}
    others: Counter[str] = Counter()
    of_track: dict[str, list[Sample]] = {"stable": [], "canary": []}
    for sample in listed:
        if sample.version in versions and sample.version is not None:
            of_track[versions[sample.version]].append(sample)
        elif sample.error is None:
            others[(sample.version or "no version")[:40]] += 1
    return Traffic(
        requests=len(listed),
        stable=_of_track(of_track["stable"]),
        canary=_of_track(of_track["canary"]),
        others=others,
        errors=Counter(sample.error for sample in listed if sample.error),
    )


def _of_track(samples: list[Sample]) -> TrackTraffic:
    seconds = [sample.seconds for sample in samples if sample.error is None]
    p50, p95, p99 = (percentile(seconds, percent) for percent in (50, 95, 99))
    return TrackTraffic(len(seconds), len(samples) - len(seconds), p50, p95, p99)


async def send(source: Source, record: Callable[[Sample], None], count: int | None = None) -> None:
    """Sends so many requests at the source's rate, endlessly without a count, and hands over each when it ends."""
    limits = httpx.Limits(max_keepalive_connections=0)
    # A proxy of the environment would keep connections of its own.
    async with httpx.AsyncClient(limits=limits, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        running: set[asyncio.Task[None]] = set()
        sent, due = 0, time.monotonic()

        async def one() -> None:
            record(await _ask(client, source))

        while count is None or sent < count:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            # What is late is not caught up: a burst would be another load than the stated one.
            due = max(due + 1 / source.rate, time.monotonic())
            if len(running) < MOST_OPEN:
                running.add(task := asyncio.create_task(one()))
                task.add_done_callback(running.discard)
                sent += 1
        await asyncio.gather(*running)


async def _ask(client: httpx.AsyncClient, source: Source) -> Sample:
    began, body = time.monotonic(), b""
    try:
        async with client.stream("GET", source.url) as answer:
            async for part in answer.aiter_bytes():
                body += part
                if len(body) >= MOST_BYTES:
                    break
    except httpx.HTTPError as error:
        return Sample(None, FAILURES.get(type(error), type(error).__name__), time.monotonic() - began)
    error = f"status {answer.status_code}" if answer.is_error else None
    version = source.version(answer.headers, body.decode(errors="replace"))
    return Sample(version, error, time.monotonic() - began)
