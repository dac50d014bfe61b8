"""Two releases in one stack and one namespace do not touch each other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from project import Stack, until

PROGRAM = """import pulumi
from canary_release import CanaryRelease

config = pulumi.Config()
for name in ("red", "blue"):
    CanaryRelease(name, {
        "manifest": f"{name}.yaml",
        "namespace": config.require("namespace"),
        "stable_version": config.require(name),
        "canary_version": "v0.2",
        "canary_replicas": 0 if config.require(name) == "v0.2" else 1,
    })
"""


def objects(stack: Stack, name: str) -> dict[str, Any]:
    """Specs, generations and pods of one release."""
    release = {each: stack.deployment(each) for each in (name, f"{name}-canary")}
    release["service"] = stack.get("service", f"{name}-svc")
    facts: dict[str, Any] = {
        key: (each["metadata"]["uid"], each["metadata"].get("generation"), each["spec"])
        for key, each in release.items()
    }
    return facts | {"pods": {pod: image for pod, image in stack.pods().items() if pod.startswith(f"{name}-")}}


def addresses(stack: Stack, name: str) -> set[str]:
    """Addresses of one release's pods."""
    return {pod["status"]["podIP"] for pod in stack.get("pods")["items"] if pod["metadata"]["name"].startswith(name)}


def test_promoting_one_leaves_the_other_as_it_is(namespace: Callable, tmp_path: Path):
    with namespace() as name:
        stack = Stack.program(tmp_path, name, PROGRAM, "red", "blue")
        stack.configure(red="v0.1", blue="v0.1")
        stack.up()
        red, blue = objects(stack, "red"), objects(stack, "blue")
        assert len(red["pods"]) == len(blue["pods"]) == 3
        for each in ("red", "blue"):
            until(
                lambda each=each: stack.endpoints(f"{each}-svc") == addresses(stack, each), f"the endpoints of {each}"
            )

        stack.configure(red="v0.2")
        stack.up()
        assert objects(stack, "blue") == blue
        assert [image.rpartition(":")[2] for image in objects(stack, "red")["pods"].values()] == ["v0.2", "v0.2"]


COLLISION = """from canary_release import CanaryRelease, end_quietly_on_interrupt
import pulumi

end_quietly_on_interrupt()
namespace = pulumi.Config().require("namespace")
for name in ("red", "blue"):
    CanaryRelease(name, {"manifest": "same.yaml", "namespace": namespace, "stable_version": "v1"})
"""


def collides(stack: Stack) -> None:
    refused = stack.run("pulumi", "up", "--yes", "--skip-preview")
    assert refused.code != 0, refused
    assert "CanaryRelease 'blue' collides with another one" in refused.text, refused
    assert "Traceback" not in refused.text, refused


def test_of_two_releases_that_collide_neither_is_made_also_without_a_preview(namespace: Callable, tmp_path: Path):
    with namespace() as name:
        stack = Stack.program(tmp_path, name, COLLISION, "same")
        collides(stack)
        assert stack.objects() == set()


INSIDE_AN_APPLY = """from canary_release import CanaryRelease, end_quietly_on_interrupt
import pulumi

end_quietly_on_interrupt()
args = {"manifest": "same.yaml", "namespace": pulumi.Config().require("namespace")}

def declare(name):
    return CanaryRelease(name, {"stable_version": "v0.1", **args})

declare("red").stable_version.apply(lambda _: declare("blue").urn)
"""


def test_a_collision_inside_an_apply_is_refused_when_the_other_release_is_made(namespace: Callable, tmp_path: Path):
    with namespace() as name:
        stack = Stack.program(tmp_path, name, INSIDE_AN_APPLY, "same")
        collides(stack)
        assert {each for each in stack.objects() if each.startswith("deployment/")} == {"deployment/same"}
