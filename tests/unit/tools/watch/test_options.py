"""What the watch is asked: every problem of its options and of the stack file, in one error."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
import yaml

from tools.watch.options import options, read_target
from tools.watch.target import WatchError

ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)


def watch(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "tools.watch", *arguments], cwd=ROOT, capture_output=True, text=True)


def refusal(*arguments: str) -> str:
    with pytest.raises(WatchError) as refused:
        options(arguments)
    return str(refused.value)


def test_without_options_the_dev_stack_is_watched_and_nothing_is_asked():
    given = options([])
    target = read_target(given.stack)
    assert (target.stack, target.context, target.release.name) == ("dev", "canary-sandbox", "k8s-testapp")
    assert (given.source, given.json, given.once, given.expect) == (None, False, False, False)


def test_everything_that_is_wrong_is_told_at_once():
    text = refusal(
        *("--stack", "stagin", "--url", "127.0.0.1:30880", "--rate", "1000", "--version-pattern", "({x}", "--expect")
    )
    assert text.splitlines() == [
        "stack stagin cannot be watched",
        "",
        '  --url: "127.0.0.1:30880"',
        "    must be http:// or https:// and a host, with a port up to 65535 if any",
        "",
        '  --rate: "1000"',
        "    must be a number from 1 to 100",
        "",
        '  --version-pattern: "({x}"',
        "    is no regular expression: missing ), unterminated subpattern at position 0",
        "",
        "  --expect: true",
        "    needs --once: only that ends with an exit code",
        "",
        '  --stack: "stagin"',
        "    there is no Pulumi.stagin.yaml: the stack must be one of dev, prod, staging; did you mean staging?",
    ]


@pytest.mark.parametrize("rate", ["0", "0.5", "101", "nan", "inf", "fast"])
def test_a_rate_out_of_bounds_is_refused(rate: str):
    assert "must be a number from 1 to 100" in refusal("--rate", rate)


@pytest.mark.parametrize("url", ["", "30880", "ftp://x", "http://", "http://[::1", "http://x:port", "http://x:99999"])
def test_what_is_no_address_is_refused(url: str):
    assert "must be http:// or https:// and a host, with a port up to 65535 if any" in refusal("--url", url)


def test_a_host_name_that_does_not_resolve_is_refused(monkeypatch: pytest.MonkeyPatch):
    def unresolved(*_: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    assert "names a host that does not resolve: not known" in refusal("--url", "http://nosuchhost.invalid:30880")


def test_a_context_that_the_kubeconfig_lacks_is_refused_with_the_ones_it_has():
    text = refusal("--stack", "prod")
    assert 'kubernetes:context: "canary-prod"' in text
    assert "must be one of the kubeconfig's: canary-sandbox" in text


def test_a_config_that_no_update_would_accept_is_refused_in_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    config = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    config |= {"canary:canaryReplica": 2, "canary:stableVersion": 1.1, "kubernetes:context": "canary-sandbox"}
    config["canary:apiServer"] = "https://192.0.2.1:6443"
    (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))
    monkeypatch.chdir(tmp_path)
    text = refusal()
    assert "did you mean canaryReplicas?" in text
    assert "must be quoted in Pulumi.dev.yaml" in text
    assert "must lead to https://192.0.2.1:6443, which is apiServer" in text


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        ({"server": "http://127.0.0.1:1"}, "does not answer at http://127.0.0.1:1: "),
        (
            {"server": "https://x", "certificate-authority": "/nowhere"},
            "context canary-sandbox cannot be used: File does",
        ),
    ],
)
def test_a_cluster_that_cannot_be_reached_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: dict[str, str], words: str
):
    config = {
        "contexts": [{"name": "canary-sandbox", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {}}],
    }
    (tmp_path / "config").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    done = watch("--once")
    assert done.returncode == 1, done
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_an_error_of_the_options_ends_the_watch_without_a_traceback():
    done = watch("--rate", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: stack dev cannot be watched\n\n  --rate: ")
