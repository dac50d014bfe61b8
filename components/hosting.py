"""What differs where a plugin hosts the component for a program in another language."""

import inspect

import pulumi
from pulumi.provider.experimental import host
from pulumi.provider.experimental.component import ComponentProvider


def is_plugin() -> bool:
    """Whether this process is a plugin: it then gets the objects of the program anew for every component."""
    return host.is_hosting


def made_by_host() -> bool:
    """Whether the caller is the `__init__` of the very component that a program in another language declares.

    A component of another plugin that makes a release is a program in Python.
    """
    return inspect.stack(context=0)[2].frame.f_code is ComponentProvider.construct.__code__


def refusal(text: str) -> pulumi.Output[str]:
    """The URN of a component that is not declared: the host awaits it, and the user sees the text alone.

    What `__init__` raises reaches the user in the host's own words and with a stack of Python frames.
    """

    async def refuse() -> str:
        raise pulumi.InputPropertiesError(text, errors=[])  # The host fails without a list.

    return pulumi.Output.from_input(refuse())
