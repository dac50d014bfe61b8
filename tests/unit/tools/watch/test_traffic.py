"""Requests on connections of their own, and who answered them."""

import asyncio
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NoReturn

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.watch import traffic as sending
from tools.watch.traffic import Sample, Source, send, traffic

from ...conftest import run_async
from ..endless import DRIPPING_BODY, DRIPPING_HEADERS, DRIPPING_LINE, FLOOD, Way, endless
from .observed import release

FIRST_WORD = re.compile(r"^(\S+)")
RELEASE = release()
ALONE = release(canary_version=None, canary_replicas=0)


@contextmanager
def server(status: int = 200) -> Iterator[tuple[str, list[object]]]:
    """A server that would keep connections, and every connection that it accepts."""
    connections: list[object] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            connections.append(self.client_address)
            super().setup()

        def do_GET(self) -> None:
            body = b"v2 pod-1\n"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", connections
        running.shutdown()


def sent(url: str, count: int = 20) -> list[Sample]:
    samples: list[Sample] = []
    run_async(send(Source(url, 100, FIRST_WORD), samples.append, count))
    return samples


def test_every_request_opens_a_connection():
    with server() as (url, connections):
        samples = sent(url)
    assert len(samples) == len(connections) == 20
    assert {(sample.version, sample.error) for sample in samples} == {("v2", None)}


def test_a_redirect_is_no_answer_of_the_release():
    with server(302) as (url, _):
        assert traffic(sent(url, 3), RELEASE).errors == {"status 302": 3}


@pytest.mark.parametrize("way", [DRIPPING_BODY, DRIPPING_HEADERS, DRIPPING_LINE])
def test_an_answer_that_never_ends_is_an_error_in_time(monkeypatch: pytest.MonkeyPatch, way: Way):
    monkeypatch.setattr(sending, "TIMEOUT_SECONDS", 0.5)
    began = time.monotonic()
    with endless(way) as url:
        samples = sent(url, 10)
    assert {sample.error for sample in samples} == {"no whole answer within 0.5 s"}
    assert time.monotonic() - began < 3


def test_of_a_long_answer_only_the_beginning_is_read():
    began = time.monotonic()
    with endless(FLOOD) as url:
        samples = sent(url, 10)
    assert {(sample.version, sample.error) for sample in samples} == {("v1", None)}
    assert time.monotonic() - began < 3


@given(body=st.text(max_size=300), headers=st.binary(max_size=60))
def test_whatever_an_answer_holds_its_version_is_short_and_of_one_line(body: str, headers: bytes):
    found = Source("http://x", 1, FIRST_WORD).version(httpx.Headers([(b"x-version", headers)]), body * 9)
    assert found is None or (0 < len(found) <= 256 and found.isprintable())


@settings(deadline=None)
@given(sent=st.binary(max_size=80))
def test_whatever_a_server_sends_is_one_sample(sent: bytes):
    async def ask() -> list[Sample]:
        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 2" + sent)
            writer.close()

        samples: list[Sample] = []
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
            url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
            await send(Source(url, 100, FIRST_WORD), samples.append, 1)
        return samples

    assert len(run_async(ask())) == 1


def test_versions_of_neither_track_beyond_ten_are_told_together():
    seen = traffic([Sample(f"v{number}", None, 0, 0.1) for number in range(100, 130)], RELEASE)
    assert len(seen.others) == 11
    assert seen.others["20 others"] == 20


def test_an_error_status_counts_as_error_of_the_version_that_gave_it():
    with server(503) as (url, _):
        seen = traffic(sent(url), RELEASE)
    assert (seen.canary.answers, seen.canary.errors, seen.stable.errors) == (0, 20, 0)
    assert seen.errors == {"status 503": 20}


def test_a_port_that_nobody_listens_on_is_an_error_of_no_version():
    with server() as (url, _):
        pass
    seen = traffic(sent(url), RELEASE)
    assert (seen.canary_share, seen.errors, seen.interval) == (None, {"no answer: Connection refused": 20}, None)


def unresolved(*_: object, **__: object) -> NoReturn:
    raise socket.gaierror(socket.EAI_NONAME, "not known")


def test_a_request_without_answer_says_why(monkeypatch: pytest.MonkeyPatch):
    with server() as (url, _):
        plain = traffic(sent(url.replace("http:", "https:"), 1), RELEASE)
    [error] = plain.errors
    assert error.startswith("no answer: TLS failed (")
    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    unknown = traffic(sent("http://nosuchhost.invalid", 1), RELEASE)
    assert unknown.errors == {"no answer: the host name does not resolve (not known)": 1}


def test_a_host_that_refuses_at_every_address_is_one_kind_of_error(monkeypatch: pytest.MonkeyPatch):
    stream = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    found = [(*stream, (f"127.0.0.{number}", 1)) for number in (1, 2)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    assert traffic(sent("http://x", 2), RELEASE).errors == {"no answer: Connection refused": 2}


@pytest.mark.parametrize(
    ("pattern", "version"),
    [
        (r"^(\S+)", "v2"),
        (r"pod-\d", "pod-1"),
        (r"absent (\S+)", None),
        (r"x-version: (\S+)", "v3"),
        (r"x-other: (\S+)", None),
    ],
)
def test_the_version_is_what_a_pattern_finds_in_body_or_headers(pattern: str, version: str | None):
    source = Source("http://x", 1, re.compile(pattern))
    assert source.version(httpx.Headers({"X-Version": "v3"}), "v2 pod-1\n") == version


def answers(**counts: int) -> list[Sample]:
    numbers = [(version, number) for version, count in counts.items() for number in range(count)]
    return [Sample(version, None, 0, 0.001 * (number + 1)) for version, number in numbers]


def test_answers_count_by_track_with_latencies_of_each():
    seen = traffic([*answers(v1=100, v2=50, v9=3), Sample(None, "no answer: Connection refused", 0, 5.0)], RELEASE)
    assert (seen.requests, seen.stable.answers, seen.canary.answers) == (154, 100, 50)
    assert (seen.others, seen.errors) == (Counter(v9=3), Counter({"no answer: Connection refused": 1}))
    assert seen.canary_share == pytest.approx(100 / 3)
    assert [round(value or 0, 3) for value in (seen.stable.p50, seen.stable.p95, seen.stable.p99)] == [
        0.05,
        0.095,
        0.099,
    ]


def test_an_answer_that_names_no_version_is_of_neither_track_also_without_a_canary():
    assert traffic([Sample(None, None, 0, 0.1)], ALONE).others == {"no version": 1}
    assert traffic([Sample(None, None, 0, 0.1)], RELEASE).others == {"no version": 1}


def test_answers_of_a_version_that_both_tracks_have_tell_no_share():
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "web", "env": [{"name": "A", "value": "b"}]}]}}}}
    seen = traffic(answers(v1=10), release(canary_version="v1", canary_patch=patch))
    assert (seen.stable.answers, seen.canary.answers, seen.others) == (10, 0, {})
    assert (seen.canary_share, seen.interval, seen.fits) == (None, None, None)


def test_a_share_fits_while_the_configured_one_lies_in_its_interval():
    assert traffic(answers(v1=134, v2=66), RELEASE).fits is True
    assert traffic(answers(v1=100, v2=100), RELEASE).fits is False
    assert traffic([], RELEASE).fits is None


def test_without_a_canary_in_the_config_a_single_answer_of_one_is_too_many():
    paused = release(canary_replicas=0)
    assert traffic(answers(v1=200), paused).fits is True
    assert traffic(answers(v1=199, v2=1), paused).fits is False
