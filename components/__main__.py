"""The component as a plugin: the engine runs this folder for programs in other languages than Python."""

from importlib.metadata import version

# Its import tells the SDK of the class Provider: without it, a provider that a program hands over has no name.
import pulumi_kubernetes  # noqa: F401  # pyright: ignore[reportUnusedImport]
from pulumi.provider.experimental import component_provider_host

from canary_release import CanaryRelease

NAME = "canary-release"
NAMESPACE = "canary"
"""First part of the SDKs' names, such as `@canary/canary-release`."""

if __name__ == "__main__":
    component_provider_host([CanaryRelease], NAME, NAMESPACE, version(NAME))
