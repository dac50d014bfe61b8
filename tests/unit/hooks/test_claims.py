"""What releases of one program may not share."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from canary_release import CanaryRelease
from canary_release.hooks.claims import collision
from canary_release.pulumi_host import Declared, program

from ..conftest import Recorder
from ..model.shop import parsed, shop

NAMED: list[tuple[str, Any]] = [("0/metadata/name", "blog"), ("1/metadata/name", "blog")]
LABELLED: list[tuple[str, Any]] = [
    ("0/spec/selector/matchLabels/app", "blog"),
    ("0/spec/template/metadata/labels/app", "blog"),
    ("1/spec/selector/app", "blog"),
]
HEADLINE = "CanaryRelease 'blog' collides with another one and was not declared\n\n"


def declare(run: Callable[..., Recorder], *changes: tuple[str, Any], shops: Any = (), **args: Any) -> Recorder:
    """A shop, and a blog that is the shop with these changes."""

    def program() -> None:
        CanaryRelease("shop", {"manifest": shop(*shops), "stable_version": "v1"})
        blog: Any = {"manifest": shop(*changes), "stable_version": "v1", **args}
        CanaryRelease("blog", blog)

    return run(program)


def refused(run: Callable[..., Recorder], *changes: tuple[str, Any], **args: Any) -> str:
    with pytest.raises(pulumi.RunError) as refusal:
        declare(run, *changes, **args)
    text = str(refusal.value)
    assert collision("shop") == text
    assert text.startswith(HEADLINE)
    return text.removeprefix(HEADLINE)


def test_releases_with_names_and_labels_of_their_own_share_a_namespace(run: Callable[..., Recorder]):
    assert {"shop-shop", "blog-blog"} <= declare(run, *NAMED, *LABELLED).resources.keys()


def test_equal_releases_run_in_two_namespaces(run: Callable[..., Recorder]):
    assert {"shop-shop", "blog-shop"} <= declare(run, namespace="blog").resources.keys()


def test_equal_releases_run_in_two_clusters(run: Callable[..., Recorder]):
    def program() -> None:
        for name in ("shop", "blog"):
            provider = pulumi.ProviderResource("kubernetes", name, {})
            opts = pulumi.ResourceOptions(provider=provider)
            CanaryRelease(name, {"manifest": shop(), "stable_version": "v1"}, opts)

    assert {"shop-shop", "blog-shop"} <= run(program).resources.keys()


def test_a_name_that_another_release_has_is_told_also_that_of_a_canary_to_come(run: Callable[..., Recorder]):
    text = refused(run, ("0/metadata/name", "shop-canary"), ("1/metadata/name", "blog"), *LABELLED)
    assert text == (
        '  manifest: "shop-canary"\n'
        "    must give names that no other release has: "
        "CanaryRelease 'shop' already has the Deployment shop-canary in namespace default"
    )


def test_a_selector_that_reaches_the_pods_of_another_release_is_told(run: Callable[..., Recorder]):
    assert refused(run, *NAMED) == (
        '  manifest: {"app": "shop"}\n'
        "    must select no pods of another release: Service blog selects app: shop: "
        "CanaryRelease 'shop' runs in the same namespace, and its pods would be selected, too"
    )


def test_pods_that_another_release_selects_are_told(run: Callable[..., Recorder]):
    two = {"app": "shop", "tier": "blog"}
    changes = [("0/spec/selector/matchLabels", two), ("0/spec/template/metadata/labels", two), ("1/spec/selector", two)]
    assert "CanaryRelease 'shop' runs in the same namespace, and it would select these pods, too" in refused(
        run, *NAMED, *changes
    )


def test_a_node_port_is_one_in_the_cluster(run: Callable[..., Recorder]):
    ports: list[tuple[str, Any]] = [("1/spec/type", "NodePort"), ("1/spec/ports/0/nodePort", 30080)]
    assert refused(run, *NAMED, *LABELLED, *ports, namespace="blog", shops=ports) == (
        "  manifest: 30080\n"
        "    must give Service blog a node port of its own: "
        "CanaryRelease 'shop' already has the node port 30080 of Service shop"
    )


def test_a_program_that_runs_after_another_in_one_process_begins_anew(monkeypatch: pytest.MonkeyPatch):
    program.declared.append(Declared("shop", None, parsed().release))
    program.begin()
    assert program.declared, "the same program"
    monkeypatch.setattr(pulumi.runtime, "get_root_resource", lambda: "another stack")
    program.begin()
    assert (program.declared, program.hooks) == ([], None)


def test_two_releases_of_one_name_are_refused_in_words_also_in_two_clusters(run: Callable[..., Recorder]):
    def program() -> None:
        for name in ("here", "there"):
            opts = pulumi.ResourceOptions(provider=pulumi.ProviderResource("kubernetes", name, {}))
            CanaryRelease("shop", {"manifest": shop(), "stable_version": "v1"}, opts)

    with pytest.raises(
        pulumi.RunError, match=r"^CanaryRelease 'shop' needs another name: another release of this program"
    ):
        run(program)
