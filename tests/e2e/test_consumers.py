"""Programs of other teams under the real engine: clusters, transforms, components around a release, and the state."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from project import Ended, Stack

THREE_RELEASES = """import pulumi
from canary_release import CanaryRelease, end_quietly_on_interrupt
from pulumi_kubernetes import Provider

end_quietly_on_interrupt()
config = pulumi.Config()
here, there = config.require("namespace"), config.require("otherNamespace")
first, second = (Provider(name, context=name) for name in ("canary-sandbox", "canary-second"))
for name, namespace, cluster in (("red", here, first), ("blue", there, first), ("green", there, second)):
    CanaryRelease(name, {
        "manifest": f"{name}.yaml",
        "namespace": namespace,
        "stable_version": config.require(name),
        "canary_version": "v0.2",
        "canary_replicas": 0 if config.require(name) == "v0.2" else 1,
    }, pulumi.ResourceOptions(provider=cluster))
"""

ONE_RELEASE = """import pulumi
from canary_release import CanaryRelease, end_quietly_on_interrupt

end_quietly_on_interrupt()
config = pulumi.Config()

def declare(options):
    return CanaryRelease("shop", {
        "manifest": "shop.yaml",
        "namespace": config.require("namespace"),
        "stable_version": config.get("stable") or "v0.1",
        "canary_version": "v0.2",
        "canary_replicas": config.get_int("replicas") or 1,
    }, options)
"""

ALONE = f"""{ONE_RELEASE}
pulumi.export("share", declare(pulumi.ResourceOptions()).canary_share)
"""

INSIDE_A_COMPONENT = f"""{ONE_RELEASE}
class Platform(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("example:index:Platform", name)
        moved = pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)
        self.share = declare(pulumi.ResourceOptions(parent=self, aliases=[moved])).canary_share
        self.register_outputs({{"share": self.share}})

pulumi.export("share", Platform("team").share)
"""

TRANSFORMED = f"""{ONE_RELEASE}
def owned(args):
    if args.type_ == "kubernetes:apps/v1:Deployment":
        args.props["metadata"]["annotations"]["example.com/owner"] = "team"
    return pulumi.ResourceTransformResult(props=args.props, opts=args.opts)

pulumi.export("share", declare(pulumi.ResourceOptions(transforms=[owned])).canary_share)
"""


@pytest.fixture
def shop(namespace: Callable, tmp_path: Path) -> Iterator[Stack]:
    """A program with one release, deployed with a canary."""
    with namespace() as name:
        stack = Stack.program(tmp_path, name, ALONE, "shop")
        stack.up()
        yield stack


def rewrite(stack: Stack, program: str) -> None:
    (stack.folder / "__main__.py").write_text(program)


def urn(stack: Stack, name: str) -> str:
    """The URN of a resource by its name."""
    (found,) = (each["urn"] for each in stack.exported()["resources"] if each["urn"].endswith(f"::{name}"))
    return found


def refused(ended: Ended, text: str) -> None:
    assert ended.code != 0, ended
    assert text in ended.text, ended
    assert "Traceback" not in ended.text, ended


def test_of_three_releases_in_two_namespaces_and_clusters_one_is_promoted_alone(namespace: Callable, tmp_path: Path):
    """The second context leads to the same cluster by another name: nothing but the provider tells them apart."""
    with namespace() as here, namespace() as there:
        stack = Stack.program(tmp_path, here, THREE_RELEASES, "red", "blue", "green")
        config = json.loads(stack.kubectl("config", "view", "--raw", "--output", "json"))
        known = next(each for each in config["contexts"] if each["name"] == "canary-sandbox")
        config["contexts"].append({**known, "name": "canary-second"})
        kubeconfig = tmp_path / "two-clusters"
        kubeconfig.write_text(yaml.safe_dump(config))
        stack.environment["KUBECONFIG"] = str(kubeconfig)
        stack.configure(otherNamespace=there, red="v0.1", blue="v0.1", green="v0.1")
        stack.up()

        def images(space: str, name: str) -> list[str]:
            selected = ("get", "pods", "--namespace", space, "--selector", f"app={name}", "--output", "json")
            pods = json.loads(stack.good("kubectl", *selected).stdout)["items"]
            alive = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
            return sorted(pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in alive)

        canary_beside_two = ["v0.1", "v0.1", "v0.2"]
        assert images(here, "red") == images(there, "blue") == images(there, "green") == canary_beside_two
        stack.configure(green="v0.2")
        stack.up()
        assert images(there, "green") == ["v0.2", "v0.2"]
        assert images(here, "red") == images(there, "blue") == canary_beside_two
        provider = {each["urn"].rpartition("::")[2]: each.get("provider", "") for each in stack.exported()["resources"]}
        assert "::canary-sandbox::" in provider["red-stable"]
        assert "::canary-second::" in provider["green-stable"]


def test_a_release_that_moves_into_a_component_keeps_its_objects(shop: Stack):
    pods = shop.pods()
    rewrite(shop, INSIDE_A_COMPONENT)
    shop.up()
    assert shop.changes() == {"create": 1, "same": 5}, "the component around it is new, and nothing else"
    assert shop.pods() == pods
    assert shop.outputs() == {"share": 33.3}


def test_a_transform_reaches_both_deployments_and_the_next_preview_is_quiet(shop: Stack):
    rewrite(shop, TRANSFORMED)
    shop.up()
    for name in ("shop", "shop-canary"):
        assert shop.deployment(name)["metadata"]["annotations"]["example.com/owner"] == "team"
    assert shop.planned() == {"same": 5}


def test_a_release_that_is_moved_to_another_stack_goes_on_there_under_the_rules(shop: Stack):
    pods = shop.pods()
    shop.good("pulumi", "stack", "init", "other", "--no-select")
    for key, value in {"kubernetes:context": "canary-sandbox", "namespace": shop.namespace}.items():
        shop.good("pulumi", "config", "set", "--stack", "other", key, value)
    shop.good("pulumi", "state", "move", "--yes", "--source", "dev", "--dest", "other", urn(shop, "shop"))
    assert shop.planned("--stack", "other") == {"same": 5}
    assert shop.pods() == pods

    refused(shop.run("pulumi", "preview"), "a name that it needs is taken")
    shop.good("pulumi", "config", "set", "--stack", "other", "stable", "v0.3")
    refused(shop.run("pulumi", "preview", "--stack", "other"), "stable takes only what ran as canary")
    shop.good("pulumi", "config", "set", "--stack", "other", "stable", "v0.1")
    shop.good("pulumi", "config", "set", "--stack", "other", "replicas", "2")
    widened = shop.good("pulumi", "up", "--yes", "--stack", "other")
    assert "widens the canary from 33.3 % to 50.0 %" in widened.text
    shop.good("pulumi", "destroy", "--yes", "--stack", "other")


def test_a_target_goes_around_the_rules_with_a_warning_and_the_next_whole_update_is_refused(shop: Stack):
    shop.configure(stable="v0.3")
    refused(shop.run("pulumi", "preview"), "stable takes only what ran as canary")
    both = [word for name in ("shop-stable", "shop-canary") for word in ("--target", urn(shop, name))]
    targeted = shop.up(*both)
    assert "no rule is asked" in targeted.text, targeted
    assert shop.deployment("shop")["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":v0.3")
    refused(shop.run("pulumi", "preview"), "stable takes only what ran as canary")
    shop.configure(stable="v0.1")
    shop.up("--refresh")
    assert shop.deployment("shop")["spec"]["template"]["spec"]["containers"][0]["image"].endswith(":v0.1")
