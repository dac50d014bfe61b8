"""How the objects of a release are read from an API server, which a server on this machine stands in for."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
import yaml

from tools.watch import cluster
from tools.watch.cluster import Objects, read
from tools.watch.target import Target, WatchError

from ..endless import DRIPPING_BODY, DRIPPING_HEADERS, DRIPPING_LINE, FLOOD, Way, endless
from .observed import CANARY, SETS, STABLE, endpoints, objects, release, service

Answer = tuple[int, bytes]


class Api(ThreadingHTTPServer):
    """Gives out lists by the last part of their path, some objects a page."""

    def __init__(self) -> None:
        self.found: dict[str, list[Any]] = {}
        self.answers: dict[str, Answer] = {}
        """In place of the list of a resource."""
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.page = 2
        super().__init__(("127.0.0.1", 0), Handler)

    def answer(self, path: str, query: dict[str, str]) -> Answer:
        self.asked.append((path, query))
        resource = path.rpartition("/")[2]
        if resource in self.answers:
            return self.answers[resource]
        items = self.found.get(resource, [])
        if name := re.fullmatch(r"metadata\.name=(.*)", query.get("fieldSelector", "")):
            items = [each for each in items if each["metadata"]["name"] == name[1]]
        first = int(query.get("continue", "0"))
        more = str(first + self.page) if first + self.page < len(items) else ""
        page = {"kind": "SomeList", "metadata": {"continue": more}, "items": items[first : first + self.page]}
        return 200, json.dumps(page).encode()


class Handler(BaseHTTPRequestHandler):
    server: Api  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        asked = urlparse(self.path)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        status, body = self.server.answer(asked.path, query)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        whole = objects()
        server.found = {
            "deployments": whole.deployments,
            "replicasets": whole.replica_sets,
            "pods": whole.pods,
            "endpointslices": whole.endpoint_slices,
            "events": [],
        }
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def at(tmp_path: Path) -> Callable[..., Target]:
    """A release at an address."""

    def at(url: str, *services: dict[str, Any], **arguments: Any) -> Target:
        config = {
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "users": [{"name": "u", "user": {"token": "the-token"}}],
        }
        (tmp_path / "config").write_text(yaml.safe_dump(config))
        cluster._client.cache_clear()  # pyright: ignore[reportPrivateUsage]
        return Target("dev", "here", str(tmp_path / "config"), release(*services, **arguments))

    return at


def here(api: Api) -> str:
    return f"http://127.0.0.1:{api.server_port}"


def test_all_objects_are_read_page_after_page(api: Api, at: Callable[..., Target]):
    assert read(at(here(api))) == objects()
    api.page = 1
    assert read(at(here(api))) == objects()


def test_only_what_belongs_to_the_release_is_asked_for_and_owners_after_what_they_own(
    api: Api, at: Callable[..., Target]
):
    read(at(here(api), service(), service("admin"), namespace="shops"))
    selected = [query.get("labelSelector") or query["fieldSelector"] for _, query in api.asked]
    assert [(path.partition("/shops/")[2], each) for (path, _), each in zip(api.asked, selected, strict=True)] == [
        ("endpointslices", "kubernetes.io/service-name in (shop,admin)"),
        ("pods", "app=shop"),
        ("pods", "app=shop"),
        ("replicasets", "app=shop"),
        ("deployments", "metadata.name=shop"),
        ("deployments", "metadata.name=shop-canary"),
        ("events", "type=Warning,involvedObject.kind=Pod"),
    ]


def test_without_a_service_no_endpoints_are_asked_for(api: Api, at: Callable[..., Target]):
    assert read(at(here(api), workers=True)).endpoint_slices == []
    assert not any("endpointslices" in path for path, _ in api.asked)


def status(code: int, message: str) -> Answer:
    return code, json.dumps({"kind": "Status", "message": message}).encode()


def test_every_missing_permission_is_told_at_once(api: Api, at: Callable[..., Target]):
    api.answers = {name: status(403, f'{name} is forbidden: User "jane" cannot list') for name in ("pods", "events")}
    with pytest.raises(WatchError) as told:
        read(at(here(api)))
    assert [line.partition(" in namespace")[0] for line in str(told.value).splitlines()] == [
        "missing permission: jane may not list pods",
        "missing permission: jane may not list events",
    ]


@pytest.mark.parametrize("body", [b"", b"<html>", b"null", b'{"message": null}'])
def test_a_refusal_without_a_name_is_one_of_this_identity(api: Api, at: Callable[..., Target], body: bytes):
    api.answers["pods"] = 403, body
    with pytest.raises(WatchError, match="this identity may not list pods"):
        read(at(here(api)))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(401, "Unauthorized"), "401 Unauthorized: Unauthorized"),
        (status(500, "etcd is away\nfor a while"), "500 Internal Server Error: etcd is away for a while"),
        ((302, b""), "302 Found"),
        ((200, b"<html>log in</html>"), "Expecting value"),
        ((200, b'{"kind": "PodList", "items": [{"meta'), "Unterminated string"),
        ((200, b"{}"), "what answers is no list of Kubernetes"),
        (status(200, "x"), "what answers is no list of Kubernetes"),
        ((200, b"[]"), "what answers is no list of Kubernetes"),
        ((200, b"[" * 99_999), "it is nested too deeply"),
        ((200, b'{"kind": "PodList", "metadata": {"continue": "x"}}'), "a list that has no end"),
    ],
)
def test_what_is_no_whole_list_is_one_error(api: Api, at: Callable[..., Target], answer: Answer, reason: str):
    api.answers["pods"] = answer
    with pytest.raises(WatchError) as told:
        read(at(here(api)))
    assert str(told.value).startswith(f"the API server of context here does not answer at {here(api)}: ")
    assert reason in str(told.value)
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize("body", [b'{"kind": "PodList"}', b'{"kind": "PodList", "items": null}'])
def test_a_list_without_items_is_empty(api: Api, at: Callable[..., Target], body: bytes):
    api.answers["pods"] = 200, body
    assert read(at(here(api))).pods == []


@pytest.mark.parametrize("way", [DRIPPING_BODY, DRIPPING_HEADERS, DRIPPING_LINE, FLOOD])
def test_an_api_server_whose_answer_never_ends_is_an_error_in_time(
    at: Callable[..., Target], monkeypatch: pytest.MonkeyPatch, way: Way
):
    monkeypatch.setattr(cluster, "SECONDS", 0.5)
    monkeypatch.setattr(cluster, "MOST_BYTES", 1_000_000)
    began = time.monotonic()
    with endless(way) as url, pytest.raises(WatchError, match="does not answer"):
        read(at(url))
    assert time.monotonic() - began < 3


def test_a_kubeconfig_that_changed_is_read_again_after_an_error(api: Api, at: Callable[..., Target], tmp_path: Path):
    target = at("http://127.0.0.1:1")
    with pytest.raises(WatchError, match="Connection refused"):
        read(target)
    config = tmp_path / "config"
    config.write_text(config.read_text().replace("http://127.0.0.1:1", here(api)))
    assert read(target) == Objects([STABLE, CANARY], list(SETS), objects().pods, [endpoints("s1", "s2", "c1")], [])
