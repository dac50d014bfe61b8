"""What differs where a plugin hosts the component for a program in another language."""

import pulumi
from pulumi.provider.experimental import host


def is_hosted() -> bool:
    """Whether this process is a plugin: arguments and errors then cross into another language."""
    return host.is_hosting


def refusal(text: str) -> pulumi.Output[str]:
    """The URN of a component that is not declared: the program's `new` fails with the text.

    What `__init__` raises reaches the user inside the host's own words and with a stack of Python frames.
    """

    async def refuse() -> str:
        raise pulumi.InputPropertiesError(text, errors=[])  # The host fails without a list.

    return pulumi.Output.from_input(refuse())
