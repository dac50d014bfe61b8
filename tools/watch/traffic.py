"""Requests to a release, each on a connection of its own, and who answered them."""

import asyncio
import itertools
import os
import re
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from canary_release.model.release import Release

from ..answers import plain
from .figures import percentile, share_interval

TIMEOUT_SECONDS = 5
"""How long a request may take in all."""
MOST_OPEN = 100
"""Connections open at once, also to a release that hangs."""
MOST_BYTES = 65_536
"""Of an answer that are read."""
MOST_VERSION = 256
"""Characters that are kept of what an answer names."""
MOST_KINDS = 10
"""Versions of neither track that are told one by one."""


@dataclass(frozen=True)
class Source:
    """Where requests go, how many a second, and what in an answer is the version."""

    url: str
    rate: float
    pattern: re.Pattern[str]

    def version(self, headers: httpx.Headers, body: str) -> str | None:
        """The version that an answer names, if it names one."""
        found = self.pattern.search("\n".join([body, *(f"{name}: {value}" for name, value in headers.items())]))
        return plain(found[found.re.groups and 1] or "", MOST_VERSION) or None if found else None


@dataclass(frozen=True)
class Sample:
    """One request that has ended."""

    version: str | None
    error: str | None
    """What a request without a good answer got."""
    began: float
    """On the clock `time.monotonic`."""
    seconds: float
    """From before the connection to the end of the answer."""


@dataclass(frozen=True)
class TrackTraffic:
    """The samples of one track."""

    version: str | None
    """The one that the config says; None without a canary."""
    answers: int
    errors: int
    """Answers with another status than 200 to 299 that name the track's version."""
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
    others: dict[str, int]
    """Good answers of neither track, by what they named as version."""
    errors: dict[str, int]
    """Requests without a good answer, by what they got."""
    canary_share: float | None
    """Share of the canary in the good answers of both tracks, in percent; None without answers, and where both tracks
    have one version: then none tells who gave it."""
    interval: tuple[float, float] | None
    """The 99 % interval of that share, in percent."""
    fits: bool | None
    """Whether the configured share lies in the interval."""


def traffic(samples: Sequence[Sample], release: Release) -> Traffic:
    """The samples by the release's tracks."""
    stable = _of_track(release.stable.version, samples)
    is_told = release.canary_version != release.stable.version
    canary = _of_track(release.canary_version, samples if is_told else ())
    known = {stable.version, canary.version} - {None}
    others = [each.version or "no version" for each in samples if not each.error and each.version not in known]
    answers = stable.answers + canary.answers if is_told else 0
    low, high = (100 * bound for bound in share_interval(canary.answers, answers)) if answers else (0, 100)
    return Traffic(
        requests=len(samples),
        stable=stable,
        canary=canary,
        others=_counts([plain(version, 40) for version in others]),
        errors=_counts([sample.error for sample in samples if sample.error]),
        canary_share=100 * canary.answers / answers if answers else None,
        interval=(low, high) if answers else None,
        fits=low <= 100 * release.canary_replicas / release.total_pods <= high if answers else None,
    )


def _counts(names: list[str]) -> dict[str, int]:
    found = Counter(names).most_common()
    rest = sum(count for _, count in found[MOST_KINDS:])
    return dict(found[:MOST_KINDS]) | ({f"{len(found) - MOST_KINDS} others": rest} if rest else {})


def _of_track(version: str | None, samples: Sequence[Sample]) -> TrackTraffic:
    own = [sample for sample in samples if version and sample.version == version]
    seconds = [sample.seconds for sample in own if sample.error is None]
    p50, p95, p99 = (percentile(seconds, percent) for percent in (50, 95, 99))
    return TrackTraffic(version, len(seconds), len(own) - len(seconds), p50, p95, p99)


async def send(source: Source, record: Callable[[Sample], None], count: int | None = None) -> None:
    """Sends so many requests at the source's rate, endlessly without a count, and hands over each when it ends."""
    limits = httpx.Limits(max_connections=MOST_OPEN, max_keepalive_connections=0)
    # A proxy of the environment would keep connections of its own. The time limit is that of a whole request: httpx
    # has one for each of its parts only.
    async with httpx.AsyncClient(limits=limits, timeout=None, trust_env=False) as client:
        running: set[asyncio.Task[None]] = set()
        for _ in itertools.count() if count is None else range(count):
            running.add(task := asyncio.create_task(_ask(client, source, record)))
            task.add_done_callback(running.discard)
            await asyncio.sleep(1 / source.rate)
        await asyncio.gather(*running)


async def _ask(client: httpx.AsyncClient, source: Source, record: Callable[[Sample], None]) -> None:
    began, version = time.monotonic(), None
    try:
        status, version = await asyncio.wait_for(_answer(client, source), TIMEOUT_SECONDS)
        error = None if 200 <= status < 300 else f"status {status}"
    except asyncio.TimeoutError:
        error = f"no whole answer within {TIMEOUT_SECONDS} s"
    except Exception as failed:
        error = f"no answer: {plain(_cause(failed), 120)}"
    record(Sample(version, error, began, time.monotonic() - began))


async def _answer(client: httpx.AsyncClient, source: Source) -> tuple[int, str | None]:
    """Status and version of an answer; what it has beyond `MOST_BYTES` is not waited for."""
    body = bytearray()
    async with client.stream("GET", source.url) as answer:
        async for part in answer.aiter_bytes():
            body += part
            if len(body) >= MOST_BYTES:
                break
    return answer.status_code, source.version(answer.headers, body[:MOST_BYTES].decode(errors="replace"))


def _cause(error: BaseException) -> str:
    """What lies under a chain of exceptions, in the system's own words if it has any."""
    tried = getattr(error, "exceptions", ())
    if below := error.__cause__ or error.__context__ or (tried and tried[0]):
        return _cause(below)
    if isinstance(error, socket.gaierror):
        return f"the host name does not resolve ({error.strerror})"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({getattr(error, 'verify_message', '') or error.reason})"
    # asyncio's own words for it name the address, which would make each address an error of its own.
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
