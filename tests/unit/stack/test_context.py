"""Where a stack runs: the context of the kubeconfig that the provider uses."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from canary_release.text.report import report
from canary_release.text.spelling import config_keys
from stack.context import context_problems, provider_problems, servers
from stack.files import Config, Entry

from .generated import values

SERVER = "https://192.0.2.1:6443"


def kubeconfig(**servers: str) -> str:
    """A kubeconfig with a context for each server, by its name."""
    contexts = [{"name": name, "context": {"cluster": name}} for name in servers]
    clusters = [{"name": name, "cluster": {"server": server}} for name, server in servers.items()]
    return yaml.safe_dump({"contexts": contexts, "clusters": clusters})


def told(stack: str = "shop", **config: Any) -> str:
    """The problems of a stack's context."""
    entries = {key.replace("_", ":"): Entry("Pulumi.shop.yaml", value, value) for key, value in config.items()}
    read = Config("canary", stack, entries, {})
    problems = [*provider_problems(read), *context_problems(read)]
    return report("", problems, config_keys(stack)).strip()


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The kubeconfig of kubectl."""
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig(here="https://192.0.2.2:6443", right=SERVER))
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def test_a_context_that_is_known_is_accepted():
    assert told(kubernetes_context="here") == ""
    assert told(kubernetes_context="right", canary_apiServer=SERVER) == ""


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "kubernetes:context: missing\n    is required"),
        ({"kubernetes_context": "her"}, "must be one of the kubeconfig's: here, right; did you mean here?"),
        ({"kubernetes_context": "{}"}, "must be one of the kubeconfig's: here, right\n"),
        ({"kubernetes_context": {"secure": "v1:abc"}}, "must not be encrypted"),
        ({"kubernetes_context": "here", "canary_apiServer": SERVER}, f"must lead to {SERVER}, which is apiServer; "),
        ({"kubernetes_context": "here", "canary_apiServer": SERVER}, "leads it to https://192.0.2.2:6443"),
        ({"kubernetes_context": "here", "canary_apiServer": SERVER}, "kubernetes:context right"),
        ({"kubernetes_context": "here", "canary_apiServer": "https://a"}, "apiServer https://192.0.2.2:6443"),
        ({"kubernetes_context": "here", "kubernetes_kubeconfig": "{}"}, "in the kubeconfig, which has none"),
        ({"kubernetes_context": "here", "kubernetes_cluster": "b"}, "pulumi config rm kubernetes:cluster --stack shop"),
    ],
)
def test_any_other_context_is_refused_with_the_fix(config: dict[str, Any], words: str):
    assert words in told(**config)


def test_the_sandboxs_context_is_proposed_for_its_stack(known: Path):
    known.unlink()
    assert "`make up` makes the context canary-sandbox" in told("dev")
    assert "make up" not in told("shop")


def test_a_context_is_not_proposed_in_place_of_itself():
    text = told("dev", kubernetes_context="canary-sandbox")
    assert "must be one of the kubeconfig's: here, right; `make up` makes the context canary-sandbox" in text
    assert "fix:" not in text


def test_a_kubeconfig_may_be_a_path_or_a_text(tmp_path: Path):
    path = tmp_path / "other"
    path.write_text(kubeconfig(other="https://a"))
    assert servers(str(path)) == servers(path.read_text()) == {"other": "https://a"}


def test_a_kubeconfig_that_is_no_yaml_has_no_context_and_is_not_quoted():
    text = told(kubernetes_context="here", kubernetes_kubeconfig="users: [hunter2\nclusters")
    assert "in the kubeconfig, which has none" in text
    assert "hunter2" not in text


def test_of_several_files_the_first_that_has_a_name_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, known: Path
):
    (tmp_path / "second").write_text(kubeconfig(here="https://second", more="https://more"))
    monkeypatch.setenv("KUBECONFIG", f"{known}:{tmp_path / 'none'}:{tmp_path / 'second'}")
    assert servers(None) == {"here": "https://192.0.2.2:6443", "right": SERVER, "more": "https://more"}


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=80),
        st.fixed_dictionaries({"contexts": values, "clusters": values}).map(
            lambda found: yaml.safe_dump(found).encode()
        ),
        st.lists(values, max_size=3).map(lambda found: yaml.safe_dump({"contexts": found, "clusters": found}).encode()),
    )
)
def test_any_kubeconfig_is_read(known: Path, content: bytes):
    known.write_bytes(content)
    assert isinstance(servers(None), dict)
    assert isinstance(servers(content.decode("latin-1")), dict)
    assert isinstance(servers("a" * 5000), dict)
