"""An object of Kubernetes as a resource of its kind."""

import json
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from pulumi import CustomResource, Output, ResourceOptions

from .model.tree import Object


def _provider_version() -> str:
    """The version of the provider that belongs to the installed pulumi_kubernetes, which is not loaded for it."""
    found = find_spec("pulumi_kubernetes")
    plugin = Path(cast(str, cast(ModuleSpec, found).origin)).with_name("pulumi-plugin.json")
    return json.loads(plugin.read_text())["version"]


PROVIDER_VERSION = _provider_version()
"""A program in YAML names none."""


class KubernetesObject(CustomResource):
    """A resource as pulumi_kubernetes' class for the kind declares it, without that class: to load and to take down all
    classes of `core/v1` costs each run of a program 0.4 s (4.25.0).
    """

    spec: Output[Any]
    """The live object's spec, with Kubernetes' own names."""

    def __init__(self, name: str, manifest: Object, opts: ResourceOptions) -> None:
        group, _, api_version = manifest["apiVersion"].rpartition("/")
        properties = {key: manifest[key] for key in ("apiVersion", "kind", "metadata", "spec")}
        opts = ResourceOptions.merge(ResourceOptions(version=PROVIDER_VERSION), opts)
        super().__init__(f"kubernetes:{group or 'core'}/{api_version}:{manifest['kind']}", name, properties, opts)
