"""The hooks of the releases of one program. All releases share them, since each costs time: the SDK (3.260) starts a
server for every hook, which took 1.4 s of a preview of 100 releases.
"""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, cast

import pulumi
from pulumi import (
    ErrorHook,
    ErrorHookArgs,
    ResourceHook,
    ResourceHookArgs,
    ResourceHookBinding,
    ResourceHookOptions,
    ResourceOptions,
)

from ..pulumi_host import is_plugin, program

if TYPE_CHECKING:
    from .guard import Guard


class Hooks:
    """Each hook asks the guard of the release whose component or Deployment changes, by its name."""

    children: ResourceHookBinding
    """Hooks for the Deployments."""

    def __init__(self, prefix: str) -> None:
        everywhere = ResourceHookOptions(on_dry_run=True)
        self._guards, self._of_children = dict[str, "Guard"](), dict[str, "Guard"]()
        self._create = ResourceHook(f"{prefix}-create", self._on_create, everywhere)
        self._update = ResourceHook(f"{prefix}-update", self._on_update, everywhere)
        self._announcement = ResourceHook(f"{prefix}-announcement", self._on_announcement, everywhere)
        child = ResourceHook(f"{prefix}-child", self._on_child, everywhere)
        reasons = ErrorHook(f"{prefix}-reasons", self._on_error)
        self.children = ResourceHookBinding(before_create=[child], before_update=[child], on_error=[reasons])

    def add(self, name: str, guard: "Guard") -> None:
        """Asks the guard of the release of this name."""
        self._guards[name] = guard
        self._of_children.update({f"{name}-stable": guard, f"{name}-canary": guard})

    def around(self, opts: ResourceOptions | None) -> ResourceOptions:
        """The options of a release with these hooks around those that they already have."""
        # The rules come first: what they refuse needs no further check. The announcement comes after all checks.
        first = ResourceHookBinding(before_create=[self._create], before_update=[self._update])
        last = ResourceHookBinding(before_create=[self._announcement], before_update=[self._announcement])
        return ResourceOptions.merge(
            ResourceOptions.merge(ResourceOptions(hooks=first), opts), ResourceOptions(hooks=last)
        )

    async def _on_create(self, args: ResourceHookArgs) -> None:
        await self._checked(args, is_create=True)

    async def _on_update(self, args: ResourceHookArgs) -> None:
        await self._checked(args, is_create=False)

    async def _checked(self, args: ResourceHookArgs, is_create: bool) -> None:
        what = f"the rules of CanaryRelease {args.name!r} could not be checked"
        await with_text(what, self._guards[args.name].check(args, is_create))

    async def _on_announcement(self, args: ResourceHookArgs) -> None:
        what = f"the gates of CanaryRelease {args.name!r} could not be asked"
        await with_text(what, self._guards[args.name].announce())

    def _on_child(self, args: ResourceHookArgs) -> None:
        self._of_children[args.name].tell_resumption(args)

    async def _on_error(self, args: ErrorHookArgs) -> bool:
        return await self._of_children[args.name].tell_reasons(args)


def hooks_of(name: str) -> Hooks:
    """The hooks of the program. In a plugin, each release has its own: a plugin serves several programs' resources."""
    if is_plugin():
        return Hooks(name)
    program.hooks = program.hooks or Hooks("canary-release")
    return cast(Hooks, program.hooks)


async def with_text(what: str, check: Coroutine[Any, Any, None]) -> None:
    """Awaits the check for a hook: the engine takes an error without text, as TimeoutError() is, for success."""
    try:
        await check
    except pulumi.RunError:
        raise
    except Exception as error:
        raise RuntimeError(f"{what}: {error!r}") from error
