"""Prometheus' answers, and everything else that can come from its address, in bounded time."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http import server as http_server

import pytest

from canary_release.gates import http
from canary_release.gates.answers import AnswerError, LostError
from canary_release.gates.counts import Series
from canary_release.gates.others import printed_number, web_number
from canary_release.gates.prometheus import Prometheus

Handler = http_server.BaseHTTPRequestHandler


class Quiet(http_server.ThreadingHTTPServer):
    """Says nothing of clients that give up, which is what some tests want."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Callable[[Callable[[Handler], None]], str]]:
    """Starts a server that does what it is told with a request; returns its address."""
    servers: list[Quiet] = []

    def server(answer: Callable[[Handler], None]) -> str:
        class Told(http_server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

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


def matrix(*values: object, **labels: str) -> dict[str, object]:
    return answer("matrix", [{"metric": labels, "values": values}])


@pytest.mark.parametrize(
    ("body", "number"),
    [
        (answer("vector", []), None),
        (answer("scalar", [5, "1"]), 1.0),
        (answer("scalar", [5, "NaN"]), None),
        (answer("vector", [{"metric": {"pod": "a"}, "value": [5.5, "1e3"]}]), 1000.0),
        ({**answer("scalar", [5, "1"]), "warnings": None, "infos": ["metric might not be a counter"]}, 1.0),
    ],
)
def test_the_number_of_an_answer(server: Callable, body: object, number: float | None):
    assert Prometheus(server(says(body))).number("up") == number


def test_the_raw_samples_of_an_answer(server: Callable):
    url = server(says(matrix([5.5, "1"], [20, "1e3"], pod="a")))
    assert Prometheus(url).series("up", 30, 60) == [Series({"pod": "a"}, [(5.5, 1.0), (20.0, 1000.0)])]


def test_its_time_is_told(server: Callable):
    assert Prometheus(server(says(answer("scalar", [1234.5, "1234.5"])))).now() == 1234.5


def test_the_query_goes_out_with_its_time_and_the_token(server: Callable):
    asked: list[tuple[str, str, str]] = []

    def note(handler: Handler) -> None:
        asked.append((handler.path, handler.body, handler.headers["Authorization"]))  # type: ignore[attr-defined]
        says(answer("matrix" if "%5B" in handler.body else "vector", []))(handler)  # type: ignore[attr-defined]

    url = server(note)
    Prometheus(f"{url}/prefix/", "secret").series("up", 12.5, 60)
    Prometheus(url).number("up == 1")
    assert asked == [
        ("/prefix/api/v1/query", "query=up%5B60s%5D&timeout=10s&time=12.500", "Bearer secret"),
        ("/api/v1/query", "query=up+%3D%3D+1&timeout=10s", None),
    ]


NO = "what answers is no Prometheus"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (says(b"<html>"), f"{NO}: status 200, 6 bytes"),
        (says(b""), NO),
        (says(b"[" * 100_000), NO),
        (says(b"\xff\xfe"), NO),
        (says(b"{}", 500), f"{NO}: status 500"),
        (says(b"Unauthorized", 401), "Prometheus does not let in: status 401; is the token right?"),
        (says(b"", 403), "Prometheus does not let in: status 403"),
        (
            says(b"", 302, ("Location", "https://user:pw@sso.example.com/login?secret=1")),
            "Prometheus sends on to https://sso.example.com/login: give that address",
        ),
        (says([]), NO),
        (says(None), NO),
        (says({"status": "success"}), NO),
        (says({"status": "success", "data": None}), NO),
        (says(answer("vector", None)), NO),
        (says(answer("vector", [{"metric": None, "value": [5, "1"]}])), NO),
        (says(answer("vector", [{"metric": {}, "value": [5, "many"]}])), NO),
        (says(answer("vector", [{"metric": {}, "value": [5, None]}])), NO),
        (says(answer("vector", [{"metric": 3, "value": [5, "1"]}])), NO),
        (says(answer("vector", [{"value": None}])), NO),
        (says(answer("vector", [{"metric": {}, "value": [5, "+Inf"]}])), "the query gives an infinite number"),
        (
            says(answer("vector", [{"metric": {}, "value": [5, "1"]}] * 3)),
            "the query gives 3 numbers: make it one, for example with sum()",
        ),
        (says(answer("matrix", [])), "the query must give a vector, and gives a matrix"),
        (
            says(answer("vector", [{"metric": {}, "histogram": [5, {}]}])),
            "the series are native histograms, which gates do not read",
        ),
        (says({**answer("vector", []), "warnings": ["store x is away"]}), "Prometheus warns: store x is away"),
        (says({**answer("vector", []), "isPartial": True}), "Prometheus answers in part"),
        (says({"status": "error", "error": "1:3: parse error"}, 400), "Prometheus refuses the query: 1:3: parse error"),
        (says({"status": "error", "error": "no hunter2"}), "Prometheus refuses the query: no [secret]"),
        (says({"status": "error", "error": "x" * 296 + "hunter2"}), f"Prometheus refuses the query: {'x' * 296}[sec"),
        (says(b"", 503), "Prometheus is not there: status 503, twice"),
        (says(b"gzip", 200, ("Content-Encoding", "gzip")), "Prometheus could not be asked"),
        (says(b"{}", 200, ("Content-Length", "9")), "Prometheus could not be asked"),
        (lambda handler: handler.wfile.write(b"SSH-2.0\r\n"), "Prometheus could not be asked"),
        (lambda _: None, "Prometheus could not be asked"),
    ],
)
def test_what_is_no_answer_is_told_in_words(server: Callable, told: Callable, words: str):
    with pytest.raises(AnswerError) as error:
        Prometheus(server(told), "hunter2").number("up")
    assert str(error.value).startswith(words)
    assert "hunt" not in str(error.value)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (matrix([5, "NaN"]), "a sample is no finite number"),
        (answer("matrix", [{"metric": {}, "histograms": []}]), "the series are native histograms"),
        (answer("vector", []), "the query must give a matrix, and gives a vector"),
        (answer("matrix", [{"metric": {}, "values": None}]), NO),
    ],
)
def test_samples_that_count_nothing_are_told(server: Callable, body: object, words: str):
    with pytest.raises(AnswerError, match=words):
        Prometheus(server(says(body))).series("up", 5, 60)


def test_an_answer_that_is_too_long_is_told(server: Callable, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "MOST_BYTES", 1_000)
    with pytest.raises(AnswerError, match="the answer is longer than 1,000 bytes: name fewer series"):
        Prometheus(server(says(b" " * 2_000))).number("up")


@pytest.mark.parametrize("lost", [lambda _: None, says(b"", 502)], ids=["no answer", "a proxy's"])
def test_one_answer_that_is_lost_is_asked_for_again(server: Callable, lost: Callable):
    answers = iter([lost, says(answer("scalar", [5, "7"]))])
    assert Prometheus(server(lambda handler: next(answers)(handler))).number("up") == 7


@pytest.mark.parametrize(("told", "kind"), [(says(b"", 503), LostError), (says(b"", 401), AnswerError)])
def test_what_may_come_the_next_time_is_lost(server: Callable, told: Callable, kind: type):
    with pytest.raises(AnswerError) as error:
        Prometheus(server(told)).number("up")
    assert type(error.value) is kind


def test_a_prometheus_that_is_not_there_is_told_in_words():
    with pytest.raises(LostError, match=r"^Prometheus could not be asked: Connection refused$"):
        Prometheus("http://127.0.0.1:1").number("up")


def slowly(handler: Handler) -> None:
    handler.send_response(200)
    for number in range(200):
        handler.send_header(f"X-{number}", "x")
        handler.flush_headers()
        time.sleep(0.1)


@pytest.mark.parametrize("told", [lambda _: time.sleep(20), slowly], ids=["silent", "a-header-now-and-then"])
def test_a_slow_answer_is_given_up(server: Callable, told: Callable, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "TIMEOUT_SECONDS", 0.5)
    with pytest.raises(AnswerError, match=r"did not answer within 0\.5 s"):
        Prometheus(server(told)).number("up")


def test_the_token_is_no_part_of_what_python_shows():
    assert "hunter2" not in repr(Prometheus("http://127.0.0.1:1", "hunter2"))


@pytest.mark.parametrize(("text", "number"), [("7\n", 7.0), (" 1e-3 ", 0.001), ("NaN", None), ("", None)])
def test_a_number_may_come_from_a_program_or_an_address(server: Callable, text: str, number: float | None):
    assert printed_number(["printf", "%s", text]) == number
    assert web_number(f"{server(says(text.encode()))}/canary?x=1") == number


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["sh", "-c", "echo quota exceeded >&2; exit 3"], "sh ended with 3: quota exceeded"),
        (["false"], "false ended with 1"),
        (["echo", "many"], "echo prints what is no number"),
        (["echo", "inf"], "echo prints an infinite number"),
        (["/nowhere/check"], "/nowhere/check could not be run: No such file or directory"),
    ],
)
def test_a_program_without_a_number_is_told(command: list[str], words: str):
    with pytest.raises(AnswerError) as error:
        printed_number(command)
    assert str(error.value) == words


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (says(b"<html>"), "the address answers what is no number"),
        (says(b"1", 404), "the address answers with status 404"),
        (says(b"", 302, ("Location", "/x")), "the address sends on to"),
    ],
)
def test_an_address_without_a_number_is_told(server: Callable, told: Callable, words: str):
    with pytest.raises(AnswerError, match=words):
        web_number(server(told))
