"""Makes sure that an update ends when its pods run: by the API server, whatever the provider says.

The provider takes a status from before the change for the new one now and then (4.25.0: 1 of 51 starts from zero pods).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from ..model.image import split, tag
from ..model.tree import Object, object_at, objects_at, text_at
from ..pulumi_host import Refusal
from ..text.reasons import of_deployment, of_pod, of_restarts
from ..update.rollout import Rollout
from .cluster import NOT_KNOWN, Ask, Cluster, Unanswered, objects
from .kubectl import KubectlError, KubectlMissingError, label_selector
from .threads import in_thread, unless_interrupted

POLL_SECONDS = 1.0
RETRY_SECONDS = 10
"""The least time for a rollout: also where the provider has used up what the update had."""


@dataclass(frozen=True)
class Due:
    """A Deployment that has to run what the release declares."""

    name: str
    namespace: str
    replicas: int
    """Pods that the release declares: the live Deployment may ask for others."""
    deadline: float
    """The latest time, of the monotonic clock."""
    end_is_enough: bool = False
    """Whether it is enough that its last rollout ended, even if pods became unready since."""
    container: str = ""
    """The released container, where it is looked at."""
    version: str | None = None
    """What the release declares for that container."""


async def check_rollouts(release: str, due: Sequence[Due], cluster: Cluster | None) -> Unanswered | None:
    """Returns when every Deployment runs what the release declares, or with the reason why there is nobody to ask.

    Raises `Refusal` with the pods' reasons if a Deployment is late, and at once if asking or waiting is no use.
    """
    if not due:
        return None
    if cluster is None:
        return NOT_KNOWN
    pods, goes_on = f"the pods of {', '.join(each.name for each in due)}", "run the same command again"
    told = f"CanaryRelease {release!r}: the update was interrupted before {pods} were seen to run; {goes_on}"
    try:
        late = await unless_interrupted(wait(due, cluster.ask), told)
    except KubectlMissingError as error:
        return Unanswered(str(error))
    except KubectlError as error:
        unknown = f"CanaryRelease {release!r}: it is not known whether {pods} run; {goes_on}"
        raise Refusal(f"{unknown}\n  {str(error).splitlines()[-1]}") from error
    if late:
        raise Refusal(f"CanaryRelease {release!r}: the update failed, since its pods do not run\n{late}")
    return None


async def reasons(name: str, namespace: str, cluster: Cluster | None, *, is_new: bool) -> str | None:
    """Why the live Deployment does not run what it asks for, as far as the API server tells it now; None if it does,
    or is not there because it is new. Whether it asks for what the release declares is not looked at.
    """
    if cluster is None:
        return None

    def told() -> str | None:
        found = objects(cluster.ask, namespace, f"deployments.apps/{name}")
        if not found:
            return None if is_new else _missing(name, namespace)
        asked = [Due(name, namespace, Rollout.of(each).wanted, deadline=0) for each in found]
        late = [_reason(*both, cluster.ask) for both in zip(asked, found, strict=True) if not _is_done(*both)]
        return "\n".join(late) or None

    return await unless_interrupted(in_thread(told), "interrupted")


async def wait(
    due: Sequence[Due],
    ask: Ask,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str | None:
    """Why Deployments do not run what the release declares, as lines, as soon as one is late; None as soon as all run.

    Raises `KubectlError` if asking again is no use, or if it fails until a Deployment is late.
    """
    left = list(due)
    while True:
        try:
            live = await in_thread(partial(_deployments, left, ask))
            left = [each for each in left if not _is_done(each, live.get(each.name))]
            failed = [each for each in left if clock() >= each.deadline or _is_stuck(each, live.get(each.name))]
            if failed:
                return "\n".join([await in_thread(partial(_reason, each, live.get(each.name), ask)) for each in failed])
        except KubectlError as error:
            if error.is_final or clock() >= min(each.deadline for each in left):
                raise
        if not left:
            return None
        await sleep(POLL_SECONDS)


def _deployments(due: Sequence[Due], ask: Ask) -> dict[str, Object]:
    """The live Deployments by name; one that is not there is left out."""
    found = objects(ask, due[0].namespace, *(f"deployments.apps/{each.name}" for each in due))
    return {text_at(each, "metadata", "name"): each for each in found}


def _is_done(due: Due, deployment: Object | None) -> bool:
    if deployment is None or _other_tag(due, deployment):
        return False
    rollout = Rollout.of(deployment)
    return rollout.runs(due.replicas) or (due.end_is_enough and rollout.has_ended)


def _is_stuck(due: Due, deployment: Object | None) -> bool:
    return bool(deployment is None or _other_tag(due, deployment) or Rollout.of(deployment).is_stuck(due.replicas))


def _other_tag(due: Due, deployment: Object) -> str | None:
    """The live tag of the container, if it is not the declared one. A webhook may replace the tag by its digest."""
    containers = objects_at(deployment, "spec", "template", "spec", "containers")
    images = (text_at(each, "image") for each in containers if text_at(each, "name") == due.container)
    live, declared = tag(split(next(images, ""))[1]), tag(due.version)
    return live if live and declared and live != declared else None


def _reason(due: Due, deployment: Object | None, ask: Ask) -> str:
    if deployment is None:
        return _missing(due.name, due.namespace)
    title = f"  Deployment {due.name} in {due.namespace}"
    if other := _other_tag(due, deployment):
        return f"{title}: it runs {other}, not {due.version}; fix: pulumi up --refresh"
    rollout = Rollout.of(deployment)
    if rollout.wanted != due.replicas:
        changed = f"its replicas are {rollout.wanted}, not {due.replicas}"
        return f"{title}: {changed}; fix: pulumi up --refresh"
    if rollout.is_stuck(due.replicas):
        resume = f"kubectl rollout resume deployment/{due.name} --namespace {due.namespace}"
        return f"{title}: it is paused; fix: {resume}"
    counts = f"{rollout.updated_available} of {rollout.wanted} pods run what was asked for"
    if not rollout.is_observed:
        counts = "its controller has not seen the change"
    told = dict.fromkeys([*of_deployment(deployment), *_of_pods(deployment, ask)])
    return "\n".join([f"{title}: {counts}", *(f"    {line}" for line in told)])


def _missing(name: str, namespace: str) -> str:
    return f"  Deployment {name} in {namespace}: somebody deleted it; fix: pulumi up --refresh"


def _of_pods(deployment: Object, ask: Ask) -> Iterator[str]:
    """What the Deployment's pods say of themselves, as far as they may be read."""
    selector = label_selector(object_at(deployment, "spec", "selector", "matchLabels"))

    def read(*what: str) -> list[Object]:
        try:
            return objects(ask, text_at(deployment, "metadata", "namespace"), *what)
        except KubectlError:
            return []

    pods = read("pods", "--selector", selector)
    events = read("events", "--field-selector=type=Warning") if pods else []
    for pod in pods:
        yield from of_pod(pod, events) or of_restarts(pod)
