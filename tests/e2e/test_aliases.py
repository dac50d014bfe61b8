"""A program that renames the component keeps its objects: the alias of the parent holds for the children."""

from collections.abc import Callable
from pathlib import Path

from project import Stack

PROGRAM = """import pulumi
from canary_release import CanaryRelease

options = pulumi.ResourceOptions({options})
CanaryRelease("{name}", {{
    "manifest": "shop.yaml",
    "namespace": pulumi.Config().require("namespace"),
    "stable_version": "v0.1",
    "canary_version": "v0.2",
    "canary_replicas": 1,
}}, options)
"""


def test_a_renamed_component_with_an_alias_replaces_nothing(namespace: Callable, tmp_path: Path):
    with namespace() as name:
        stack = Stack.program(tmp_path, name, PROGRAM.format(name="shop", options=""), "shop")
        stack.up()
        pods = stack.pods()
        program = PROGRAM.format(name="store", options='aliases=[pulumi.Alias(name="shop")]')
        (stack.folder / "__main__.py").write_text(program)
        stack.up()
        assert stack.changes() == {"same": 5}
        assert stack.pods() == pods
        urns = [each["urn"] for each in stack.exported()["resources"]]
        assert any(urn.endswith("::store-stable") for urn in urns)
        assert not any(urn.rpartition("::")[2].startswith("shop") for urn in urns)
