"""How kubectl is called, and what is told of it when it fails."""

import asyncio
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest

from canary_release.hooks.cluster import Cluster, cluster_of, objects
from canary_release.hooks.kubectl import KubectlError, KubectlMissingError, kubectl, kubectl_options

from ..conftest import run_async

TEXT = "contexts: [{name: one}, {name: two}]\n"


@pytest.mark.parametrize("given", [TEXT, '{"contexts": [{"name": "one"}, {"name": "two"}]}' + " " * 5000, "{file}"])
def test_kubectl_reads_the_kubeconfig_of_the_provider_whether_it_is_a_path_or_a_text(given: str, tmp_path: Path):
    file = tmp_path / "kubeconfig-of-the-stack"
    file.write_text(TEXT)
    given = given.replace("{file}", str(file))
    with kubectl_options(given) as (option, path):
        assert option == "--kubeconfig"
        assert Path(path).read_text() == (TEXT if path == str(file) else given)
        assert (path == str(file)) or Path(path).stat().st_mode & 0o077 == 0
    assert Path(path).exists() == (path == str(file))


def test_without_a_kubeconfig_in_the_config_kubectl_finds_its_own():
    with kubectl_options(None) as options:
        assert options == []


def test_why_kubectl_has_no_answer_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="there is no kubectl on PATH"):
        kubectl("get", "pods")
    script = tmp_path / "kubectl"
    script.write_text("#!/bin/sh\ncase $1 in wait) while :; do :; done;; esac\nexit 3\n")
    script.chmod(0o755)
    with pytest.raises(ValueError, match="kubectl ended with 3"):
        kubectl("get", "pods")
    with pytest.raises(ValueError, match="kubectl had no answer after 1 s"):
        kubectl("wait", seconds=1)


LOGGED = 'E1125 03:00:00.123456    1234 memcache.go:265] "Unhandled Error" err="dial tcp 127.0.0.1:1: connect: refused"'


@pytest.mark.parametrize(
    ("stderr", "told"),
    [
        (f"{LOGGED}\n{LOGGED}\nThe connection was refused\n", "The connection was refused"),
        (f"error: one\n{LOGGED}\n\nand two\n", "error: one\n\nand two"),
        (f"{LOGGED}\n", LOGGED),
    ],
)
def test_what_kubectl_logs_is_told_only_without_other_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stderr: str, told: str
):
    (tmp_path / "stderr").write_text(stderr)
    (tmp_path / "kubectl").write_text(f"#!/bin/sh\n/bin/cat '{tmp_path}/stderr' >&2\nexit 1\n")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        kubectl("get", "pods")


@pytest.mark.parametrize(
    ("stderr", "is_final"),
    [
        ('Error from server (Forbidden): deployments.apps "shop" is forbidden', True),
        ("error: You must be logged in to the server (Unauthorized)", True),
        ('error: context "prod" does not exist', True),
        ('error: cluster "prod" does not exist', True),
        ('error: error loading config file "kubeconfig": yaml: line 1', True),
        ("The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?", False),
        ("Unable to connect to the server: net/http: TLS handshake timeout", False),
        ("Error from server (ServiceUnavailable): the server is currently unable to handle the request", False),
        ("Error from server: etcdserver: request timed out", False),
        ("error: unexpected EOF", False),
    ],
)
def test_a_refusal_and_a_broken_kubeconfig_are_final_and_a_server_that_is_away_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stderr: str, is_final: bool
):
    (tmp_path / "stderr").write_text(f"{LOGGED}\n{stderr}\n")
    (tmp_path / "kubectl").write_text(f"#!/bin/sh\n/bin/cat '{tmp_path}/stderr' >&2\nexit 1\n")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KubectlError) as error:
        kubectl("get", "pods")
    assert error.value.is_final is is_final


def test_all_that_the_provider_is_told_of_its_cluster_is_told_to_kubectl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "kubectl").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "kubectl").chmod(0o755)
    (tmp_path / "own").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    own = str(tmp_path / "own")
    assert Cluster(None, None).ask("get") == "get\n"
    assert Cluster(own, "one", "two").ask("get") == f"--context one --cluster two --kubeconfig {own} get\n"


@pytest.mark.parametrize(("mode", "reason"), [(0o644, "Permission denied"), (0o755, "Exec format error")])
def test_a_kubectl_that_cannot_be_run_is_told_as_one_that_is_missing(
    mode: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "kubectl").write_text("no program")
    (tmp_path / "kubectl").chmod(mode)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(KubectlMissingError, match=rf"^the kubectl on PATH cannot be run: {reason}$"):
        kubectl("get", "pods")


def test_what_kubectl_prints_is_text_also_where_it_is_no_utf_8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "kubectl").write_text("#!/bin/sh\nprintf 'a\\377'\n")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert kubectl("get", "pods") == "a\N{REPLACEMENT CHARACTER}"


def test_a_kubectl_that_prints_no_json_is_told_in_words_and_not_asked_again():
    with pytest.raises(KubectlError, match=r"^the kubectl on PATH prints no JSON$") as error:
        objects(lambda *_: "<html>login</html>", "default", "pods")
    assert error.value.is_final


@pytest.mark.parametrize(("is_known", "cluster"), [(True, Cluster("a", "a", "a")), (False, None)])
def test_a_provider_with_an_input_that_is_not_known_yet_has_no_cluster_to_ask(is_known: bool, cluster: Cluster | None):
    async def found() -> Cluster | None:
        def ready(value: Any) -> asyncio.Future[Any]:
            future = asyncio.get_running_loop().create_future()
            future.set_result(value)
            return future

        known, other = (pulumi.Output(ready(set()), ready("a"), ready(is_known)) for is_known in (True, is_known))
        provider: Any = SimpleNamespace(kubeconfig=other, context=known, cluster=known)
        return await cluster_of(provider)

    assert run_async(found()) == cluster
