"""An object of Kubernetes as a resource of its kind."""

from importlib.metadata import version
from typing import Any

from pulumi import CustomResource, Output, ResourceOptions

from .model.tree import Object

PROVIDER_VERSION = version("pulumi-kubernetes")
"""The provider's, too. A program in YAML names none."""


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
