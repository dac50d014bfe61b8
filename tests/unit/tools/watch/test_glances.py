"""How one look follows another."""

import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, islice, repeat

import pytest

from tools.watch import __main__ as watch
from tools.watch.cluster import Objects
from tools.watch.glance import Glance
from tools.watch.options import Options
from tools.watch.target import Target, WatchError
from tools.watch.traffic import Sample, Source

from .observed import endpoints, objects, release

ASKED = Options("dev", Source("http://127.0.0.1:30880", 20, re.compile("x")), json=False, once=False, expect=False)

ONCE = replace(ASKED, once=True)

Looks = Callable[..., Iterator[Glance]]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """Looks without pauses at a cluster that answers with what it is given, and with the last of that from then on.

    10 answers of v1 come before the second look.
    """

    def of(*answers: Objects | WatchError, given: Options = ASKED) -> Iterator[Glance]:
        following = chain(answers, repeat(answers[-1]))

        def read(_: Target) -> Objects:
            answer = next(following)
            if isinstance(answer, WatchError):
                raise answer
            return answer

        monkeypatch.setattr(watch, "read", read)
        return watch.glances(given)

    def ten(_: Source, samples: deque[Sample]) -> None:
        samples.extend([Sample("v1", None, time.monotonic(), 0.1)] * 10)

    monkeypatch.setattr(watch, "INTERVAL_SECONDS", 0)
    monkeypatch.setattr(watch, "SETTLING_SECONDS", 0)
    monkeypatch.setattr(watch, "read_target", lambda _: Target("dev", "canary-sandbox", None, release()))

    async def twenty(_: Source, record: Callable[[Sample], None], count: int) -> None:
        for _number in range(count // 10):
            record(Sample("v1", None, time.monotonic(), 0.1))

    monkeypatch.setattr(watch, "_in_background", ten)
    monkeypatch.setattr(watch, "send", twenty)
    return of


def test_answers_count_until_the_split_changes_and_then_anew(looks: Looks):
    seen = looks(objects(), objects(), objects(), objects(slices=[endpoints("s1", "s2")]))
    counts = [next(seen).traffic for _ in range(5)]
    assert [count and count.stable.answers for count in counts] == [0, 10, 10, 0, 0]


def test_answers_of_the_seconds_after_a_change_do_not_count(looks: Looks, monkeypatch: pytest.MonkeyPatch):
    """The nodes may still send connections as before."""
    monkeypatch.setattr(watch, "SETTLING_SECONDS", 0.3)
    seen = looks(objects())
    counts = [next(seen).traffic for _ in range(2)]
    assert [count and count.requests for count in counts] == [0, 0]


def test_a_look_with_requests_waits_until_the_nodes_have_settled_and_then_looks_again(
    looks: Looks, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(watch, "SETTLING_SECONDS", 0.3)
    assert once(looks(objects(), given=ONCE)) == (20, "")
    gone = objects(slices=[endpoints("s1", "s2")])
    assert once(looks(objects(), gone, given=ONCE)) == (
        0,
        "pods or config changed while requests were sent: none of them counts",
    )


def once(seen: Iterator[Glance]) -> tuple[int, str]:
    found = next(seen)
    return (found.traffic.requests if found.traffic else 0), found.note


def test_what_was_seen_before_stays_with_a_note_while_the_cluster_does_not_answer(looks: Looks):
    seen = looks(objects(), WatchError("away"), objects())
    first, away, back = next(seen), next(seen), next(seen)
    assert (first.note, away.note, back.note) == ("", "away", "")
    assert away.picture == first.picture


def test_a_cluster_that_does_not_answer_at_first_ends_the_watch(looks: Looks):
    with pytest.raises(WatchError, match="away"):
        next(looks(WatchError("away")))


def test_lines_are_told_when_they_change_and_those_of_requests_now_and_then(
    looks: Looks, capsys: pytest.CaptureFixture[str]
):
    seen = looks(objects(), objects(), objects(slices=[]))
    watch.print_lines(islice(seen, 4), as_json=False)
    printed = [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()]
    assert [line.partition(";")[0] for line in printed] == [
        "shop in default: stable v1 2 of 2 ready, canary v2 1 of 1 ready",
        "shop in default: stable v1 2 of 2 ready, canary v2 1 of 1 ready",
        "mismatch: share: there are no ready endpoints of Service shop",
    ]
