"""One promotion after the other on one stack, slow enough to be disturbed, under requests that count what is lost."""

from collections.abc import Callable

import yaml
from project import Stack, until

STABLE, CANARY = "k8s-testapp", "k8s-testapp-canary"


def promoted(stack: Stack) -> str:
    """The version that the config promotes."""
    return yaml.safe_load(stack.file.read_text())["config"]["canary:stableVersion"]


def deploy(stack: Stack, deadline: int) -> Stack:
    """The seed's release, whose pods have these seconds to start and must stay ready for two more."""
    stack.wait_for_pods(deadline, min_ready=2)
    stack.up()
    return stack


def prepare_promotion(stack: Stack) -> Stack:
    """Starts a canary of the version that stable has not. The config then promotes it."""
    canary = {"v0.1": "v0.2", "v0.2": "v0.1"}[promoted(stack)]
    stack.configure(canaryVersion=canary, canaryReplicas=1)
    stack.up()
    until(lambda: len(stack.endpoints()) == 3, "three endpoints")
    stack.configure(stableVersion=canary, canaryReplicas=0)
    return stack


def stable_rolls(stack: Stack) -> None:
    def rolls() -> bool:
        container = stack.deployment(STABLE)["spec"]["template"]["spec"]["containers"][0]
        return container["image"].endswith(promoted(stack))

    until(rolls, "stable rolls")


def canary_leaves(stack: Stack) -> None:
    until(lambda: stack.deployment(CANARY)["spec"]["replicas"] == 0, "the canary leaves")


def disturb(
    stack: Stack,
    traffic_on: Callable,
    phase: Callable[[Stack], None],
    fault: Callable[[], object],
    repair: Callable[[], object] = lambda: None,
    *options: str,
) -> str:
    """Promotes with a fault in the phase, and returns what the promotion printed.

    One that fails is finished by `pulumi up` with the options, after the repair.
    """
    with traffic_on(stack.node_port) as traffic:
        update = stack.start("pulumi", "up", "--yes", "--skip-preview")
        phase(stack)
        assert update.poll() is None, f"it ended before the fault: {update.communicate()[0]}"
        try:
            fault()
            output, _ = update.communicate()
        finally:
            repair()
        if update.returncode:
            stack.up(*options)
        until(lambda: set(traffic.next(50)) == {promoted(stack)}, "answers of the promoted version alone")
    print(traffic, f"the promotion ended with {update.returncode}")
    assert traffic.failures == []
    assert stack.planned("--refresh") == {"same": 5}
    assert "Traceback" not in output
    return output
