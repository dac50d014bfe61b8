"""A rollout is done when its controller has seen the change, and every wanted pod is updated, ready and available."""

from typing import Any

import pytest

from canary_release.update.rollout import Rollout

DONE: dict[str, Any] = {
    "metadata": {"name": "shop", "generation": 4},
    "spec": {"replicas": 2},
    "status": {
        "observedGeneration": 4,
        "replicas": 2,
        "updatedReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
    },
}


def changed(part: str, **fields: Any) -> dict[str, Any]:
    return {**DONE, part: {**DONE[part], **fields}}


def test_a_rollout_whose_counts_are_all_the_declared_one_is_done():
    assert Rollout.of(DONE).runs(2)


@pytest.mark.parametrize("count", ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"])
@pytest.mark.parametrize("number", [1, 3, None])
def test_a_rollout_with_another_count_is_not_done(count: str, number: int | None):
    assert not Rollout.of(changed("status", **{count: number})).runs(2)


def test_a_rollout_of_other_replicas_than_the_declared_ones_is_stuck():
    assert not Rollout.of(DONE).runs(3)
    assert Rollout.of(DONE).is_stuck(3)
    assert not Rollout.of(DONE).is_stuck(2)


def test_counts_that_the_controller_made_before_the_change_are_not_believed():
    stale = Rollout.of(changed("metadata", generation=5))
    assert not stale.runs(2)
    assert not stale.is_observed


def test_a_deployment_of_no_pods_is_done_without_counts():
    status = {"observedGeneration": 4}
    assert Rollout.of({**DONE, "spec": {"replicas": 0}, "status": status}).runs(0)
    assert not Rollout.of({**DONE, "spec": {"replicas": 0}}).runs(0)


def test_a_deployment_without_replicas_wants_one_pod():
    assert Rollout.of({**DONE, "spec": {}}).wanted == 1


def test_a_deployment_that_no_controller_has_seen_is_not_done():
    assert not Rollout.of({"metadata": {"generation": 1}, "spec": {"replicas": 0}, "status": {}}).runs(0)
    assert not Rollout.of({"metadata": {"generation": 1}, "spec": {"replicas": 1}}).runs(1)


def test_only_a_paused_rollout_that_is_not_done_is_stuck():
    paused = {"replicas": 2, "paused": True}
    assert not Rollout.of({**DONE, "spec": paused}).is_stuck(2)
    assert Rollout.of({**changed("status", updatedReplicas=0), "spec": paused}).is_stuck(2)
    assert not Rollout.of({**changed("metadata", generation=9), "spec": paused}).is_stuck(2)


@pytest.mark.parametrize(
    ("reason", "generation", "has_ended"),
    [("NewReplicaSetAvailable", 4, True), ("NewReplicaSetAvailable", 5, False), ("ProgressDeadlineExceeded", 4, False)],
)
def test_a_rollout_has_ended_when_its_controller_says_so_of_the_last_change(
    reason: str, generation: int, has_ended: bool
):
    unready = changed("status", conditions=[{"type": "Progressing", "reason": reason}], readyReplicas=0)
    assert Rollout.of({**unready, "metadata": {"generation": generation}}).has_ended is has_ended
