"""An update ends when its pods run: the API server is asked until they do, or the time is over."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from canary_release.hooks.cluster import Cluster, Unanswered
from canary_release.hooks.kubectl import KubectlError, KubectlMissingError
from canary_release.hooks.rollout_check import Due, check_rollouts, reasons, wait
from canary_release.pulumi_host import Refusal, program

from ..conftest import run_async

CANARY = Due("shop-canary", "web", 1, 30.0)
STABLE = Due("shop", "web", 1, 60.0)


def live(
    name: str = "shop-canary", ready: int = 1, seen: int = 2, reason: str = "ReplicaSetUpdated", **spec: Any
) -> dict[str, Any]:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), ready)
    progress = {"type": "Progressing", "status": "True", "reason": reason}
    return {
        "metadata": {"name": name, "namespace": "web", "generation": 2},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": name}}, **spec},
        "status": {"observedGeneration": seen, "conditions": [progress], **counts},
    }


def image(version: str) -> dict[str, Any]:
    """The part of a Deployment's spec with the released container, beside another one."""
    separator = "@" if version.startswith("sha256:") else ":"
    own = {"name": "web", "image": f"example.com:5000/shop{separator}{version}"}
    return {"template": {"spec": {"containers": [{"name": "mesh", "image": "mesh:v0"}, own]}}}


POD = {
    "metadata": {"name": "shop-canary-1", "uid": "1"},
    "spec": {},
    "status": {
        "containerStatuses": [
            {
                "image": "shop:v9.9",
                "state": {"waiting": {"reason": "ImagePullBackOff", "message": "back-off: not found"}},
            }
        ]
    },
}
AWAY = KubectlError("x\nThe connection to the server was refused")
FORBIDDEN = KubectlError("Error from server (Forbidden): no", is_final=True)


class Server:
    """Answers the questions for Deployments one after the other, the last one for ever; counts the seconds slept."""

    def __init__(self, *answers: Sequence[dict[str, Any]] | Exception, forbidden: str = "") -> None:
        self.answers, self.forbidden, self.now, self.asked = list(answers), forbidden, 0.0, 0

    def ask(self, *arguments: str) -> str:
        if arguments[1] == self.forbidden:
            raise FORBIDDEN
        if arguments[1] in ("pods", "events"):
            return json.dumps({"items": [POD] if arguments[1] == "pods" else []})
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return json.dumps(answer[0] if len(answer) == 1 else {"items": list(answer)}) if answer else ""

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def wait(self, *due: Due) -> str | None:
        return run_async(wait(due, self.ask, self.sleep, lambda: self.now))

    @property
    def cluster(self) -> Cluster:
        """A cluster that answers as this one does."""
        return cast(Cluster, self)


def test_pods_that_run_are_asked_for_once():
    server = Server([live(), live("shop")])
    assert server.wait(CANARY, STABLE) is None
    assert (server.asked, server.now) == (1, 0)


def test_pods_that_come_late_end_the_wait_when_they_come():
    server = Server([live(ready=0)], [live(seen=1)], [live()])
    assert server.wait(CANARY) is None
    assert server.asked == 3


def test_pods_that_never_come_end_it_at_the_deadline_with_their_own_reason():
    server = Server([live(ready=0)])
    told = server.wait(CANARY)
    assert told is not None
    assert "Deployment shop-canary in web: 0 of 1 pods run what was asked for" in told
    assert "its image cannot be pulled (ImagePullBackOff): shop:v9.9" in told
    assert server.now == CANARY.deadline


@pytest.mark.parametrize(("forbidden", "is_told"), [("events", True), ("pods", False)])
def test_pods_tell_their_reasons_also_where_events_may_not_be_read(forbidden: str, is_told: bool):
    told = Server([live(ready=0)], forbidden=forbidden).wait(CANARY)
    assert told is not None
    assert "0 of 1 pods run what was asked for" in told
    assert ("its image cannot be pulled" in told) is is_told


def test_each_deployment_has_its_own_deadline():
    server = Server([live(ready=0), live("shop", ready=0)])
    told = server.wait(CANARY, STABLE)
    assert told is not None
    assert "Deployment shop-canary in web" in told
    assert "Deployment shop in web" not in told
    assert server.now == CANARY.deadline


def test_counts_of_before_the_change_do_not_end_the_wait():
    told = Server([live(seen=1)]).wait(CANARY)
    assert told is not None
    assert "its controller has not seen the change" in told


def test_a_deployment_whose_replicas_somebody_changed_does_not_run_what_is_declared():
    server = Server([live(ready=3, replicas=3)])
    assert server.wait(CANARY) == (
        "  Deployment shop-canary in web: its replicas are 3, not 1; fix: pulumi up --refresh"
    )
    assert server.now == 0


def test_a_paused_deployment_is_named_at_once_with_the_command_that_resumes_it():
    server = Server([live(ready=0, paused=True)])
    told = server.wait(CANARY)
    assert told is not None
    assert "it is paused; fix: kubectl rollout resume deployment/shop-canary --namespace web" in told
    assert server.now == 0


@pytest.mark.parametrize(
    ("reason", "seen", "passes"),
    [("NewReplicaSetAvailable", 2, True), ("NewReplicaSetAvailable", 1, False), ("ReplicaSetUpdated", 2, False)],
)
def test_where_it_is_enough_that_the_rollout_ended_unready_pods_hold_nothing_up(reason: str, seen: int, passes: bool):
    server = Server([live(ready=0, seen=seen, reason=reason)])
    assert (server.wait(replace(CANARY, end_is_enough=True)) is None) is passes
    assert server.wait(CANARY) is not None


DELETED = "  Deployment shop-canary in web: somebody deleted it; fix: pulumi up --refresh"


def test_a_deployment_that_somebody_deleted_is_told_at_once_with_the_command_that_makes_it_again():
    server = Server([])
    assert server.wait(CANARY) == DELETED
    assert server.now == 0


DIGEST = f"sha256:{'1' * 64}"


@pytest.mark.parametrize(
    ("declared", "running", "runs"),
    [
        ("v2", "v2", True),
        ("v2", "v1", False),
        (None, "v1", True),
        ("v2", DIGEST, True),
        (DIGEST, "v1", True),
        ("v2", f"v2@{DIGEST}", True),
        (f"v2@{DIGEST}", "v2", True),
        ("v2", f"v1@{DIGEST}", False),
    ],
)
def test_pods_with_another_tag_than_the_declared_one_do_not_run_it_and_a_digest_is_no_other_version(
    declared: str | None, running: str, runs: bool
):
    server = Server([live(**image(running))])
    due = replace(CANARY, container="web", version=declared, end_is_enough=True)
    assert (server.wait(due) is None) is runs
    assert server.now == 0, "to wait for a change that nobody makes is no use"


def test_old_pods_do_not_count_among_those_that_run_what_was_asked_for():
    rolling = live(ready=2)
    rolling["status"] |= {"replicas": 3, "updatedReplicas": 1}
    told = Server([rolling]).wait(CANARY)
    assert told is not None
    assert "0 of 1 pods run what was asked for" in told


def test_an_api_server_that_is_away_for_a_while_is_asked_again():
    assert Server(AWAY, AWAY, [live()]).wait(CANARY) is None


def test_an_api_server_that_stays_away_ends_the_wait_at_the_first_deadline():
    server = Server(AWAY)
    with pytest.raises(KubectlError, match="connection"):
        server.wait(STABLE, CANARY)
    assert server.now == CANARY.deadline


def test_a_refused_question_is_not_asked_again():
    server = Server(FORBIDDEN)
    with pytest.raises(KubectlError, match="Forbidden"):
        server.wait(CANARY)
    assert (server.asked, server.now) == (1, 0)


def check(server: Server) -> Unanswered | None:
    return run_async(check_rollouts("shop", [CANARY], server.cluster))


def test_an_update_whose_pods_run_passes():
    assert check(Server([live()])) is None


def test_a_refused_question_is_told_with_what_is_not_known():
    with pytest.raises(Refusal) as refusal:
        check(Server(FORBIDDEN))
    assert str(refusal.value) == (
        "CanaryRelease 'shop': it is not known whether the pods of shop-canary run; run the same command again\n"
        "  Error from server (Forbidden): no"
    )


def test_without_kubectl_or_cluster_the_reason_is_returned():
    assert check(Server(KubectlMissingError())) == Unanswered("there is no kubectl on PATH")
    unknown = run_async(check_rollouts("shop", [CANARY], None))
    assert unknown == Unanswered("the kubeconfig of the release's provider is not known here")


def test_an_interrupt_is_told_as_one():
    server = Server([live(ready=0)])

    async def interrupted() -> None:
        check = asyncio.create_task(check_rollouts("shop", [CANARY], server.cluster))
        while not server.asked:
            await asyncio.sleep(0)
        for waiting in program.waiting:
            waiting.put(None)
        await check

    with pytest.raises(Refusal, match=r"the update was interrupted before the pods of shop-canary were seen to run"):
        run_async(interrupted())


def test_reasons_are_those_of_a_deployment_that_is_there_and_does_not_run():
    def told(*found: dict[str, Any]) -> str | None:
        return run_async(reasons("shop-canary", "web", Server(found).cluster, is_new=False))

    assert "its image cannot be pulled" in (told(live(ready=0)) or "")
    assert told() == DELETED
    assert run_async(reasons("shop-canary", "web", Server([]).cluster, is_new=True)) is None
    assert told(live()) is None
    assert told(live(ready=3, replicas=3)) is None, "the provider may have failed before it set the declared replicas"
    assert run_async(reasons("shop-canary", "web", None, is_new=False)) is None
