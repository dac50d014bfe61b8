"""Asks the gates of a release about the canary that runs, before more users get it."""

from collections.abc import Mapping
from dataclasses import replace

import pulumi

from ..gates import Gates, parse_gates
from ..gates.answers import AnswerError, Ask, LostError
from ..gates.comparison import Kept
from ..gates.contract import State
from ..gates.pods import LivePods, pods_of
from ..gates.sampling import Verdict, judge
from ..model.release import Release
from ..pulumi_host import Refusal
from ..text.refusal import gate_refusal
from ..text.report import report
from ..text.spelling import Spelling
from ..update.update import Update
from .cluster import Cluster, objects
from .kubectl import KubectlError, KubectlMissingError, label_selector
from .threads import in_thread, unless_interrupted


async def pass_gates(
    name: str, gates: Gates, update: Update, cluster: Cluster | None, kept: Mapping[str, Kept], spelling: Spelling
) -> Verdict:
    """What the gates say of the canary of the old release. In a preview one sample of each gate informs.

    `kept` is the evidence of earlier updates. Raises `Refusal` with every sample if an update does not pass them.
    """
    assert update.old is not None  # There is no canary to judge otherwise.
    old, preview = update.old, pulumi.runtime.is_dry_run()

    def progress(line: str, ephemeral: bool) -> None:
        if not preview:
            pulumi.log.info(line, ephemeral=ephemeral)

    token = await pulumi.Output.from_input(gates.prometheus_token).future()
    if isinstance(problems := parse_gates(None, None, token), list):  # An Output is known only here.
        raise Refusal(report(f"the gates of CanaryRelease {name!r} cannot be asked", problems, spelling))
    ask = ask_of(replace(gates, prometheus_token=token))

    def judged() -> Verdict:
        return judge(gates.checks, old, lambda: live_pods(old, cluster), ask, kept, progress, once=preview)

    # In a thread: other releases of the program go on.
    told = f"the gates of CanaryRelease {name!r} were interrupted; nothing of this release was changed"
    verdict = await unless_interrupted(in_thread(judged), told)
    if preview:
        pulumi.log.info(f"gates as they are now; `{spelling.update}` decides:\n{verdict.table()}")
    elif verdict.state is not State.SUCCESS:
        raise Refusal(gate_refusal(name, update, verdict, spelling))
    else:
        pulumi.log.info(f"gates of {old.canary_version}: success\n{verdict.table()}")
    return verdict


def ask_of(gates: Gates) -> Ask:
    """Where the gates get their answers."""
    # Its HTTP library takes longer to import than all of this package, and most updates ask nothing.
    from ..gates.others import printed_number, web_number
    from ..gates.prometheus import Prometheus

    prometheus = Prometheus(gates.prometheus_url, gates.prometheus_token)
    numbers = {"query": prometheus.number, "command": printed_number, "web": web_number}
    return Ask(prometheus.now, prometheus.series, numbers)


def live_pods(release: Release, cluster: Cluster | None) -> tuple[LivePods, LivePods]:
    """The canary's and stable's pods, by the API server. Raises `AnswerError` if it does not tell."""
    if cluster is None:
        raise AnswerError("the pods are not known here, as the kubeconfig of the release's provider is not")
    selector = f"--selector={label_selector(release.selector)}"  # An empty one selects all.
    try:
        return pods_of(release, objects(cluster.ask, release.namespace, "pods,replicasets.apps", selector))
    except KubectlMissingError as error:
        raise AnswerError(f"the pods are not known: {error}") from error
    except KubectlError as error:
        raise LostError(f"the API server does not tell the pods: {str(error).splitlines()[-1]}") from error
