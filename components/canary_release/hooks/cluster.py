"""The cluster in which a release declares its objects, and questions to it by kubectl."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pulumi

from ..model.tree import Object
from ..pulumi_host import provider_inputs
from .kubectl import KubectlError, kubectl, kubectl_options
from .threads import in_thread

SECONDS = 20
"""How long kubectl may take for one answer: no preview hangs on a cluster that does not answer."""

Answer = TypeVar("Answer")

Ask = Callable[..., str]
"""kubectl with the options of a cluster: `Cluster.ask`."""


@dataclass(frozen=True)
class Unanswered:
    """Why there is no answer."""

    reason: str


NOT_KNOWN = Unanswered("the kubeconfig of the release's provider is not known here")
"""The answer of every cluster whose provider is not known."""


@dataclass(frozen=True)
class Cluster:
    """The cluster of a release's provider, by the provider's own configuration. None: kubectl's default."""

    kubeconfig: str | None
    context: str | None
    cluster: str | None = None
    """The entry of the kubeconfig that is used in place of the context's."""

    def ask(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints. Raises `KubectlError` if it fails or takes longer than `SECONDS`."""
        context = ["--context", self.context] if self.context else []
        cluster = ["--cluster", self.cluster] if self.cluster else []
        with kubectl_options(self.kubeconfig) as options:
            return kubectl(*context, *cluster, *options, *arguments, stdin=stdin, seconds=SECONDS)


def objects(ask: Ask, namespace: str, *what: str) -> list[Object]:
    """The objects that `kubectl get` finds, listed or by name. Missing names are left out. Raises `KubectlError`."""
    text = ask("get", *what, "--namespace", namespace, "--ignore-not-found", "--output=json")
    try:
        found: Object = json.loads(text or '{"items": []}')
    except ValueError:
        raise KubectlError("the kubectl on PATH prints no JSON", is_final=True) from None
    return found.get("items", [found])


async def cluster_of(provider: pulumi.ProviderResource | None) -> Cluster | None:
    """The cluster of an explicit provider, or of the default one; None where a plugin knows no more than its name."""
    options = ("kubeconfig", "context", "cluster")
    if provider is None:
        return Cluster(*map(pulumi.Config("kubernetes").get, options))
    given = await provider_inputs(provider, *options)
    return None if given is None else Cluster(*given)


async def answered(cluster: Cluster | None, ask: Callable[[Cluster], Answer]) -> Answer | Unanswered:
    """The answer, from a thread of its own, or why there is none."""
    if cluster is None:
        return NOT_KNOWN
    try:
        return await in_thread(lambda: ask(cluster))
    except KubectlError as error:
        return Unanswered(str(error).splitlines()[-1])
