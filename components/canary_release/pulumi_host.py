"""Where the package meets Pulumi's own process: the only place that touches what Pulumi's Python SDK keeps private,
and the only state that all releases of one program share.
"""

import atexit
import inspect
import os
import signal
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from queue import SimpleQueue
from threading import Timer
from types import FrameType
from typing import Any, cast

import pulumi

from .model.objects import canary_deployment, stable_deployment
from .model.release import Release
from .model.tree import Object

HOOKS_SECONDS = 3
"""How long an interrupted program answers hooks. Language hosts end it two seconds later."""
MESSAGE_ALREADY_SHOWN = 32
"""Exit code by which Pulumi's language hosts know that there is nothing left to say."""

HOOKS_MODULE = "pulumi.runtime._callbacks"
"""The module that hands a hook's error to the engine. An error of the program itself is read by the outermost frame of
its process, which is the language host's script."""


@dataclass(frozen=True)
class Declared:
    """A release that the program has declared."""

    name: str
    """Pulumi's name of the component."""
    cluster: int | str | None
    """Identity of its Kubernetes provider."""
    release: Release

    @cached_property
    def deployments(self) -> list[Object]:
        """Both Deployments, also where there is no canary yet. Each later release is compared with them."""
        canary = canary_deployment(self.release, self.release.canary or self.release.stable)
        return [stable_deployment(self.release), canary]


@dataclass
class Program:
    """What the releases of one program share: a program runs once in its process."""

    declared: list[Declared] = field(default_factory=list[Declared])
    collisions: dict[str, str] = field(default_factory=dict[str, str])
    """Why a later release was refused, by the name of the one that has what it wants."""
    waiting: set[SimpleQueue[None]] = field(default_factory=set[SimpleQueue[None]])
    """Where interrupts are told while something waits."""
    changing: set[str] = field(default_factory=set[str])
    """URNs of Deployments that the engine may be changing: if that fails, it asks their hook."""
    refused: bool = False
    """Whether the user was told why the program ends."""

    def forget(self) -> None:
        """Begins anew: tests run many programs in one process."""
        self.declared.clear()
        self.collisions.clear()
        self.waiting.clear()
        self.changing.clear()
        self.refused = False


program = Program()


class Refusal(pulumi.RunError):
    """Why the program ends, in words for its user."""

    def __str__(self) -> str:
        # A program that catches it and goes on reads it, too: it has told nobody why it ends.
        reader = inspect.stack(context=0)[1].frame
        if reader.f_back is None or reader.f_globals["__name__"] == HOOKS_MODULE:
            program.refused = True
        return super().__str__()


def end_quietly_on_interrupt() -> None:
    """End the program without a traceback when the engine interrupts it. Call it once, first thing in `__main__.py`.

    After a failed or cancelled operation the engine sends SIGINT to the program, and Python would print a
    KeyboardInterrupt over the reason. An operator's Ctrl-C goes to the engine, which cancels the update and
    then does the same; it is not swallowed. Gates and checks that wait end first, with their reason.
    """

    def end(_number: int, _frame: FrameType | None) -> None:
        if program.waiting:
            for interrupted in program.waiting:
                interrupted.put(None)
        elif program.changing:
            _end_soon()
        else:
            os._exit(MESSAGE_ALREADY_SHOWN)

    signal.signal(signal.SIGINT, end)
    atexit.register(end_as_shown)


def _end_soon() -> None:
    """Ends the program when the engine has asked its hooks. Without their answer the engine (3.246) keeps in the state
    what was before, and the next update takes the Deployment for unchanged.
    """
    # What the program itself would say now is only that the engine has left it.
    program.refused = True
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    timer = Timer(HOOKS_SECONDS, os._exit, [MESSAGE_ALREADY_SHOWN])
    timer.daemon = True
    timer.start()


def end_as_shown() -> None:
    """After an error in words the language host ends the program with 1, and the engine adds a line of its own."""
    if program.refused:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(MESSAGE_ALREADY_SHOWN)


@contextmanager
def interruptible() -> Generator[SimpleQueue[None]]:
    """A queue of the interrupts that come while the block runs. They do not end the program: the block must raise why
    it ends.

    The engine shows that reason, and interrupts again. If the program ended inside a hook, the engine would show a
    broken connection instead.
    """
    # An event would not do: two interrupts at once wait for each other in its lock.
    interrupted: SimpleQueue[None] = SimpleQueue()
    program.waiting.add(interrupted)
    try:
        yield interrupted
    finally:
        program.waiting.discard(interrupted)


def made_by_host() -> bool:
    """Whether the caller is the `__init__` of the very component that a program in another language declares.

    A component of another plugin that makes a release is a program in Python.
    """
    plugins = _of_plugins("component")
    return bool(plugins) and inspect.stack(context=0)[2].frame.f_code is plugins.ComponentProvider.construct.__code__


def refuse_in_host(component: pulumi.ComponentResource, text: str) -> None:
    """Makes the component one that is not declared: the host awaits its URN, and the user sees the text alone.

    What `__init__` raises reaches the user in the host's own words and with a stack of Python frames.
    """

    async def refuse() -> str:
        raise pulumi.InputPropertiesError(text, errors=[])  # The host fails without a list.

    component.__dict__["urn"] = pulumi.Output.from_input(refuse())


async def last_outputs(component: pulumi.ComponentResource) -> dict[str, Any]:
    """What the last update left as outputs of a component that this one leaves as it is; empty if it did not finish.

    The engine does not hand them to the component itself.
    """
    urn = await component.urn.future()
    answer = await pulumi.runtime.invoke_async("pulumi:pulumi:getResource", {"urn": urn})
    return answer["state"] or {}


def provider_of(opts: pulumi.ResourceOptions | None) -> pulumi.ProviderResource | None:
    """The explicit Kubernetes provider of a release with these options; None for the default provider."""
    if opts is None:
        return None
    given = opts.providers if opts.providers is not None else opts.provider
    candidates = given.values() if isinstance(given, Mapping) else given if isinstance(given, Sequence) else [given]
    own = next((each for each in candidates if each and each.package == "kubernetes"), None)
    return own or (opts.parent.get_provider("kubernetes:core/v1:Service") if opts.parent else None)


def identity(provider: pulumi.ProviderResource | None) -> int | str | None:
    """What tells two providers apart; None for the default provider, which releases share."""
    if provider is None:
        return None
    # A plugin makes an object of its own for every component that is given the same provider.
    plugins = _of_plugins("host")
    return provider.pulumi_resource_name if plugins and plugins.is_hosting else id(provider)


def _of_plugins(module: str) -> Any:
    """A module of the SDK that runs plugins; None in a program that is none, since to load it takes time."""
    return sys.modules.get(f"pulumi.provider.experimental.{module}")


async def provider_inputs(provider: pulumi.ProviderResource, *names: str) -> list[Any] | None:
    """These inputs of a provider; None where one is not known yet, or a plugin knows no more of it than its name."""
    given = [provider.__dict__.get(name) for name in names]
    if not all([isinstance(value, pulumi.Output) and await value.is_known() for value in given]):
        return None
    return [await cast(pulumi.Output[Any], value).future() for value in given]


def config() -> dict[str, str]:
    """Every key of the stack with its namespace, as text. Language hosts hand it over in the environment or by a call.

    Defaults of Pulumi.yaml are among them.
    """
    return {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}


def is_secret(key: str) -> bool:
    """Whether the stack file keeps the key encrypted."""
    return pulumi.runtime.is_config_secret(key)


async def stack_outputs(stack: str) -> dict[str, Any]:
    """Outputs of another stack, by its fully qualified name. Raises what the SDK raises if it cannot be read."""
    # A StackReference would be read in every update, and another stack's end would stop a rollback.
    answer = await pulumi.runtime.invoke_async("pulumi:pulumi:readStackOutputs", {"name": stack})
    return answer["outputs"]
