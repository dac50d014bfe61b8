"""The component in a plugin's host: what the user sees of a refusal."""

import re
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi.provider.experimental import host
from pulumi.provider.experimental.component import ComponentProvider

from canary_release import CanaryRelease

from ..conftest import Recorder
from ..model.shop import shop

REFUSED = """\
CanaryRelease 'shop' has invalid arguments and was not declared

  stableVersion: "latest"
    must be a version that never moves: what `latest` runs is known only after the fact
    fix: stableVersion: "v1.0.0\""""


@pytest.fixture(autouse=True)
def _plugin(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(host, "is_hosting", True)


def test_a_refusal_is_bad_input_to_the_host_and_in_the_spelling_of_other_languages(run: Callable):
    provider = ComponentProvider([CanaryRelease], "canary-release")
    inputs = {"manifest": shop(), "stableVersion": "latest", "stableReplicas": 3.0}
    with pytest.raises(pulumi.InputPropertiesError, match=f"^{re.escape(REFUSED)}$"):
        run(lambda: provider.construct("shop", "canary-release:index:CanaryRelease", inputs))


def test_a_component_of_another_plugin_is_refused_like_any_program_in_python(run: Callable):
    with pytest.raises(pulumi.RunError, match=r'stable_version = "v1\.0\.0"'):
        run(lambda: CanaryRelease("shop", {"manifest": shop(), "stable_version": "latest"}))


def test_gates_are_refused_in_the_spelling_of_other_languages(run: Callable):
    provider = ComponentProvider([CanaryRelease], "canary-release")
    inputs = {"manifest": shop(), "stableVersion": "v1", "gates": {"errors": {"preset": "htp", "worseBy": 2.0}}}
    with pytest.raises(pulumi.InputPropertiesError) as refusal:
        run(lambda: provider.construct("shop", "canary-release:index:CanaryRelease", inputs))
    for words in ("prometheusUrl: missing", 'fix: gates.errors.preset: "http"', "gates.errors.worseBy: 2"):
        assert words in str(refusal.value)


def test_a_secret_of_a_program_in_yaml_is_a_token(run: Callable[..., Recorder]):
    provider = ComponentProvider([CanaryRelease], "canary-release")
    gates: dict[str, Any] = {"gates": {"errors": {"preset": "http"}}, "prometheusUrl": "http://127.0.0.1:9090"}

    def program() -> None:
        inputs = {"manifest": shop(), "stableVersion": "v1", "prometheusToken": pulumi.Output.secret("hunter2")}
        provider.construct("shop", "canary-release:index:CanaryRelease", {**inputs, **gates})

    recorder = run(program)
    assert "shop-stable" in recorder.resources
    assert "hunter2" not in recorder.manifests()
