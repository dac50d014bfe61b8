"""Prometheus' answers, and everything else that can come from its address, in bounded time."""

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from components.gates import prometheus
from components.gates.prometheus import Prometheus
from components.gates.sampling import AnswerError, Series

Handler = http.server.BaseHTTPRequestHandler


class Quiet(http.server.ThreadingHTTPServer):
    """Says nothing of clients that give up, which is what some tests want."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Callable[[Callable[[Handler], None]], str]]:
    """Starts a server that does what it is told with a request; returns its address."""
    servers: list[Quiet] = []

    def server(answer: Callable[[Handler], None]) -> str:
        class Told(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        made = Quiet(("127.0.0.1", 0), Told)
        servers.append(made)
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{made.server_port}"

    yield server
    for each in servers:
        each.shutdown()
        each.server_close()


def says(body: object, status: int = 200, header: tuple[str, str] = ("X", "x")) -> Callable[[Handler], None]:
    def answer(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header(*header)
        handler.end_headers()
        handler.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

    return answer


def answer(kind: str, result: object) -> dict[str, object]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


@pytest.mark.parametrize(
    ("body", "series"),
    [
        (answer("vector", []), []),
        (answer("scalar", [5, "1"]), [Series({}, 5, 1)]),
        (answer("vector", [{"metric": {"pod": "a"}, "value": [5.5, "1e3"]}]), [Series({"pod": "a"}, 5.5, 1000)]),
    ],
)
def test_the_numbers_of_an_answer(server: Callable, body: object, series: list[Series]):
    assert Prometheus(server(says(body))).query("up") == series


def test_the_query_goes_out_with_its_time_and_the_token(server: Callable):
    asked: list[tuple[str, str, str]] = []

    def note(handler: Handler) -> None:
        asked.append((handler.path, handler.body, handler.headers["Authorization"]))  # type: ignore[attr-defined]
        says(answer("vector", []))(handler)

    url = server(note)
    Prometheus(f"{url}/prefix/", "secret").query("up == 1", 12.5)
    Prometheus(url).query("up")
    assert asked == [
        ("/prefix/api/v1/query", "query=up+%3D%3D+1&timeout=10s&time=12.500", "Bearer secret"),
        ("/api/v1/query", "query=up&timeout=10s", None),
    ]


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (says(b"<html>"), "what answers is no Prometheus: status 200, 6 bytes"),
        (says(b""), "what answers is no Prometheus"),
        (says(b"[" * 100_000), "what answers is no Prometheus"),
        (says(b"\xff\xfe"), "what answers is no Prometheus"),
        (says(b"Unauthorized", 401), "what answers is no Prometheus: status 401"),
        (says(b"", 302, ("Location", "http://127.0.0.1:1/")), "what answers is no Prometheus: status 302"),
        (says([]), "what answers is no Prometheus"),
        (says({"status": "success"}), "what answers is no Prometheus"),
        (says(answer("vector", [{"metric": {}, "value": [5, "many"]}])), "what answers is no Prometheus"),
        (says(answer("vector", [{"metric": 3, "value": [5, "1"]}])), "what answers is no Prometheus"),
        (says(answer("vector", [{"value": None}])), "what answers is no Prometheus"),
        (says(answer("vector", [{"metric": {}, "value": [5, "+Inf"]}])), "the query gives an infinite number"),
        (says(answer("matrix", [])), "the query must give one number, and gives a matrix"),
        (says({"status": "error", "error": "1:3: parse error"}, 400), "Prometheus refuses the query: 1:3: parse error"),
        (says({"status": "error", "error": "no hunter2"}), "Prometheus refuses the query: no [secret]"),
        (says(b" " * 2_000_000), "the answer is longer than 1,000,000 bytes"),
        (says(b"gzip", 200, ("Content-Encoding", "gzip")), "Prometheus could not be asked"),
        (says(b"{}", 200, ("Content-Length", "9")), "Prometheus could not be asked"),
        (lambda handler: handler.wfile.write(b"SSH-2.0\r\n"), "Prometheus could not be asked"),
        (lambda _: None, "Prometheus could not be asked"),
    ],
)
def test_what_is_no_answer_is_told_in_words(server: Callable, told: Callable, words: str):
    with pytest.raises(AnswerError) as error:
        Prometheus(server(told), "hunter2").query("up")
    assert str(error.value).startswith(words)
    assert "hunter2" not in str(error.value)


def test_a_prometheus_that_is_not_there_is_told_in_words():
    with pytest.raises(AnswerError, match=r"^Prometheus could not be asked: Connection refused$"):
        Prometheus("http://127.0.0.1:1").query("up")


def slowly(handler: Handler) -> None:
    handler.send_response(200)
    for number in range(200):
        handler.send_header(f"X-{number}", "x")
        handler.flush_headers()
        time.sleep(0.1)


@pytest.mark.parametrize("told", [lambda _: time.sleep(20), slowly], ids=["silent", "a-header-now-and-then"])
def test_a_slow_answer_is_given_up(server: Callable, told: Callable, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(prometheus, "TIMEOUT_SECONDS", 0.5)
    with pytest.raises(AnswerError, match=r"did not answer within 0\.5 s"):
        Prometheus(server(told)).query("up")


def test_the_token_is_no_part_of_what_python_shows():
    assert "hunter2" not in repr(Prometheus("http://127.0.0.1:1", "hunter2"))
