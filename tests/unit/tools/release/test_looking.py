"""What is harm, and what is only not known yet."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from canary_release.gates import Gates, parse_gates
from canary_release.gates.contract import State
from canary_release.gates.e_process import Counts
from canary_release.gates.sampling import Sample
from tools.release import looking
from tools.release.looking import Taken, harm, unanswered
from tools.watch.picture import Picture, Pod, Share, TrackPicture
from tools.watch.target import WatchError

from ..watch.observed import release

RELEASE = release(stable_replicas=2)
FAILING = {"pod shop-canary-1": "it runs, but is not ready (Unhealthy)"}


def track(name: str, ready: int, restarts: int = 0, state: str = "ready") -> TrackPicture:
    pods = tuple(Pod(f"{name}-{number}", f"{name}-{number}", "v", True, state, restarts, 9) for number in range(2))
    return TrackPicture(name, "v", 2, ready, 2 - ready, restarts, 9, pods)


def seen(canary: TrackPicture, stable: TrackPicture | None = None, **failing: str) -> Picture:
    share = Share("Service shop", "both", 2, 1, (), 33.3, 33.3, True)
    return Picture(stable or track("stable", 2), canary, (share,), failing or {})


def gate(state: State) -> Sample:
    return Sample(
        state,
        "worse",
        canary=Counts(9, 100),
        stable=Counts(1, 100),
        check="errors",
        number=1,
        at="2026-11-24T22:15:30Z",
    )


SAID = "gate errors: canary 9 of 100, stable 1 of 100, worse"
WELL = seen(track("canary", 1))


def test_a_canary_that_is_ready_is_no_harm():
    assert harm(RELEASE, WELL, {}, [gate(State.SUCCESS), gate(State.INCONCLUSIVE)]) is None


def test_a_canary_that_leaves_readiness_is_harm_and_the_pods_say_why():
    assert harm(RELEASE, replace(seen(track("canary", 0)), failing=FAILING), {}, []) == (
        "0 of 1 pods of canary are ready\npod shop-canary-1: it runs, but is not ready (Unhealthy)"
    )


def test_a_restart_is_harm_where_it_is_a_new_one():
    again = seen(track("canary", 1, restarts=3))
    assert harm(RELEASE, again, {"canary-0": 3, "canary-1": 3}, []) is None
    assert harm(RELEASE, again, {"canary-0": 2, "canary-1": 3}, []) == "pod canary-0 of canary has restarted"
    assert harm(RELEASE, again, None, []) is None


def test_a_pod_that_ends_may_restart():
    assert harm(RELEASE, seen(track("canary", 1, restarts=3, state="terminating")), {}, []) is None


def test_stable_is_watched_where_there_is_no_canary():
    promoted = release(stable_replicas=2, canary_replicas=0)
    assert harm(promoted, seen(track("canary", 0)), {}, []) is None
    assert harm(promoted, seen(track("canary", 0), track("stable", 1)), {}, []) == "1 of 2 pods of stable are ready"
    assert harm(RELEASE, seen(track("canary", 1), track("stable", 1)), {}, []) is None


def test_a_gate_that_fails_is_harm_and_one_without_an_answer_keeps_the_soak_open():
    assert harm(RELEASE, WELL, {}, [gate(State.FAILURE)]) == SAID
    assert unanswered([gate(State.INCONCLUSIVE)]) == SAID
    assert unanswered([gate(State.SUCCESS)]) is None


def test_a_cluster_that_does_not_answer_is_no_harm_and_no_success(monkeypatch: pytest.MonkeyPatch):
    def fails(_: str) -> Any:
        raise WatchError("the API server does not answer")

    monkeypatch.setattr(looking, "read_target", fails)
    settings: Any = SimpleNamespace(parsed=SimpleNamespace(release=RELEASE))
    found = looking.look("dev", settings, None, None, Taken())
    assert (found.harm, found.unanswered, found.restarts) == (None, "the API server does not answer", None)


F, S, N = State.FAILURE, State.SUCCESS, State.INCONCLUSIVE


@pytest.mark.parametrize(
    ("samples", "state"),
    [
        ([], N),
        ([S], S),
        ([F], S),
        ([S, F, S, F], F),
        ([F, S, S, F], S),
        ([F, N, F], F),
        ([S, N], N),
    ],
    ids=["none yet", "good", "one bad", "two bad", "bad ones apart", "bad around a lost one", "no answer"],
)
def test_a_check_of_a_number_fails_in_a_soak_as_its_fields_say(samples: Sequence[State], state: State):
    fields = {"query": "up", "success": "> 0", "count": 3, "failureLimit": 1, "intervalSeconds": 30, "initialDelay": 60}
    gates = parse_gates({"errors": fields}, "http://127.0.0.1:1", None)
    assert isinstance(gates, Gates)
    [check] = gates.checks
    taken, now = Taken(), 1000.0
    assert not taken.is_due(check, now)
    said = taken.judged(check, None, now)
    for each in samples:
        now += 60
        assert taken.is_due(check, now)
        said = taken.judged(check, gate(each), now)
        assert taken.is_due(check, now + 2) is (each is N)
    assert said.state is state
    assert ("begins after its initialDelay of 60 s" in said.measured + said.reason) is (not samples)
