"""What the stand-in provider makes of the API server's refusals, against a server that refuses everything."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import yaml

from sandbox.api import Api, RefusedError

SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "my-namespace", "name": "web"}}
REQUESTS: dict[str, Callable[[Api], Any]] = {
    "create": lambda api: api.create(SERVICE, dry_run=False),
    "create in a preview": lambda api: api.create(SERVICE, dry_run=True),
    "apply": lambda api: api.apply(SERVICE, dry_run=False),
    "apply in a preview": lambda api: api.apply(SERVICE, dry_run=True),
    "list": lambda api: api.list("v1", "Service", "my-namespace"),
}


class _Refusing(BaseHTTPRequestHandler):
    status, body = 404, b""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 (the server looks these names up)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def api() -> Iterator[Api]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        config = {
            "contexts": [{"name": "canary-sandbox", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
            "users": [{"name": "u", "user": {}}],
            "current-context": "canary-sandbox",
        }
        yield Api("canary-sandbox", yaml.safe_dump(config), "default")
        server.shutdown()


@pytest.mark.parametrize("request_of", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("status", [403, 404, 409, 418, 422, 503])
def test_every_refusal_is_told_in_the_words_of_the_api_server(
    api: Api, monkeypatch: pytest.MonkeyPatch, status: int, request_of: Callable[[Api], Any]
):
    message = 'namespaces "my-namespace" not found'
    monkeypatch.setattr(_Refusing, "status", status)
    monkeypatch.setattr(_Refusing, "body", json.dumps({"kind": "Status", "message": message}).encode())
    with pytest.raises(RefusedError) as refused:
        request_of(api)
    assert str(refused.value) == message


def test_a_refusal_without_words_is_told_by_its_status(api: Api):
    with pytest.raises(RefusedError, match=r"^404 Not Found$"):
        api.create(SERVICE, dry_run=False)


def test_an_object_that_is_not_there_is_no_refusal(api: Api):
    assert api.get("v1", "Service", "my-namespace", "web") is None
    assert api.delete("v1", "Service", "my-namespace", "web") is None
