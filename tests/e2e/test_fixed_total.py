"""Workers have no Service, and a fixed total of pods is never exceeded: from start to promotion and back."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from project import Stack, until
from test_rollouts import HASTY

TOTAL = 4


@contextmanager
def most_pods(stack: Stack) -> Iterator[list[int]]:
    """Numbers of pods, without those that end, that lists one after the other gave during the block."""
    counts: list[int] = []
    ended = threading.Event()

    def count() -> None:
        while not ended.is_set():
            counts.append(len(stack.pods()))

    with ThreadPoolExecutor() as pool:
        counting = pool.submit(count)
        try:
            yield counts
        finally:
            ended.set()
        counting.result()


@pytest.fixture(params=["", HASTY], ids=["provider that waits", "provider that does not"])
def workers(request: pytest.FixtureRequest, fresh_stack: Stack) -> Stack:
    program = fresh_stack.folder / "__main__.py"
    program.write_text(request.param + program.read_text())
    fresh_stack.without_service()
    fresh_stack.configure(fixedTotal=TOTAL, stableReplicas=TOTAL, canaryReplicas=0)
    fresh_stack.unset("canaryVersion")
    fresh_stack.up()
    return fresh_stack


def test_a_worker_release_has_no_service_and_its_share_is_one_of_consumers(workers: Stack):
    workers.configure(stableReplicas=3, canaryVersion="v0.2", canaryReplicas=1)
    workers.up()
    outputs = workers.outputs()
    assert outputs["canaryShare"] == "25.0 %"
    assert outputs["serviceNames"] == []
    assert "nodePort" not in outputs
    assert not {name for name in workers.objects() if name.startswith("service/")}
    assert workers.planned() == {"same": 4}


def test_no_update_from_start_to_promotion_and_back_runs_more_than_the_total(workers: Stack):
    steps = [
        {"stableReplicas": 3, "canaryVersion": "v0.2", "canaryReplicas": 1},
        {"stableReplicas": 2, "canaryReplicas": 2},
        {"stableReplicas": 4, "stableVersion": "v0.2", "canaryReplicas": 0},
        {"stableReplicas": 3, "stableVersion": "v0.1", "canaryReplicas": 1},
        {"stableReplicas": 4, "canaryReplicas": 0},
    ]
    with most_pods(workers) as counts:
        for step in steps:
            workers.configure(**step)
            workers.up()
            until(lambda: len(workers.pods()) == TOTAL, f"{TOTAL} pods after {step}")
    print(f"{len(counts)} counts, {min(counts)} to {max(counts)} pods")
    assert max(counts) == TOTAL
    assert min(counts) < TOTAL, "a pod leaves before the next one comes"
    assert len(counts) > 50
    assert sorted(workers.pods().values()) == ["arisu1000/simple-container-app:v0.1"] * TOTAL


def test_a_canary_that_still_runs_is_not_removed_while_stable_grows(workers: Stack):
    workers.configure(stableReplicas=3, canaryVersion="v0.2", canaryReplicas=1)
    workers.up()
    workers.configure(stableReplicas=4, canaryReplicas=0)
    workers.unset("canaryVersion")
    assert "scale it to 0 first, then remove it" in workers.failing_up().text
