"""Runs the rules before any child is touched: in previews and updates, with the deployed release beside the new one."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

import pulumi
from pulumi import ResourceHook, ResourceHookArgs, ResourceHookBinding, ResourceHookOptions, ResourceOptions

from .announcement import announcement, refusal
from .claims import collision
from .problems import Spelling
from .release import Release
from .transition import broken_rules, canary_goes_first


@contextmanager
def errors_with_text(what: str) -> Generator[None]:
    """A hook's work runs in this block: the engine takes an error without text, as TimeoutError() is, for success."""
    try:
        yield
    except pulumi.RunError:
        raise
    except Exception as error:
        raise RuntimeError(f"{what}: {error!r}") from error


class UpdateHook:
    """Announces the update of one release, and refuses one that breaks the rules.

    It runs only when the component's inputs change. After an unfinished update a retry of the same config does not.
    """

    canary_goes_first: bool
    """Which Deployment is updated first; known once the component is registered."""

    def __init__(self, name: str, release: Release, spelling: Spelling) -> None:
        self.canary_goes_first = canary_goes_first(None, release)
        self._name, self._release, self._spelling = name, release, spelling
        if release.skip_transition_checks:
            key = spelling.name("skip_transition_checks")
            pulumi.log.warn(f"{key} is set: no rule guards the updates of CanaryRelease {name!r}")

    def added_to(self, opts: ResourceOptions | None) -> ResourceOptions:
        """The options with this hook around those that they already have."""
        # What the rules refuse needs no further check, and what any check refuses is not announced.
        checked = ResourceOptions.merge(_before(f"{self._name}-update", self._run), opts)
        return ResourceOptions.merge(checked, _before(f"{self._name}-announcement", self._announce))

    def _run(self, args: ResourceHookArgs) -> None:
        with errors_with_text(f"the rules of CanaryRelease {self._name!r} could not be checked"):
            self._check(args)

    def _check(self, args: ResourceHookArgs) -> None:
        new = self._release
        # By now the whole program has run, and its error alone would not keep this release from being declared.
        if refused := collision(self._name):
            raise pulumi.RunError(refused)
        if not args.old_inputs:
            self.canary_goes_first = False
            self._announcement = announcement(None, new)
            return
        old, finished = Release.of_inputs(args.old_inputs), bool(args.old_outputs)
        self.canary_goes_first = canary_goes_first(old, new)
        broken = [] if new.skip_transition_checks else broken_rules(old, new, finished)
        if broken:
            raise pulumi.RunError(refusal(self._name, old, new, broken, self._spelling, finished))
        self._announcement = announcement(old, new, finished)

    def _announce(self, _: ResourceHookArgs) -> None:
        pulumi.log.info(self._announcement)


def _before(name: str, function: Callable[[ResourceHookArgs], None]) -> ResourceOptions:
    """Options that run the function before a create or an update, also of a preview."""
    hook = ResourceHook(name, function, ResourceHookOptions(on_dry_run=True))
    return ResourceOptions(hooks=ResourceHookBinding(before_create=[hook], before_update=[hook]))
