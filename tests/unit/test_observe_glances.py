"""How one look follows another."""

import re
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain, islice, repeat

import pytest

from observe import __main__ as watch
from observe.cluster import Objects
from observe.glance import Glance
from observe.options import Options, Target, WatchError
from observe.traffic import Sample, Source

from .observed import endpoints, objects, release

ASKED = Options("dev", Source("http://127.0.0.1:30880", 20, re.compile("x")), json=False, once=False, expect=False)

Looks = Callable[..., Iterator[Glance]]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    """Looks without pauses at a cluster that answers with what it is given, and with the last of that from then on.

    10 answers of v1 come before the second look.
    """

    def of(*answers: Objects | WatchError) -> Iterator[Glance]:
        following = chain(answers, repeat(answers[-1]))

        def read(_: Target) -> Objects:
            answer = next(following)
            if isinstance(answer, WatchError):
                raise answer
            return answer

        monkeypatch.setattr(watch, "read", read)
        return watch.glances(ASKED)

    def ten(_: Source, samples: deque[Sample]) -> None:
        samples.extend([Sample("v1", None, 0.1)] * 10)

    monkeypatch.setattr(watch, "INTERVAL_SECONDS", 0)
    monkeypatch.setattr(watch, "read_target", lambda _: Target("dev", "canary-sandbox", None, release()))
    monkeypatch.setattr(watch, "_in_background", ten)
    return of


def test_answers_count_until_the_split_changes_and_then_anew(looks: Looks):
    seen = looks(objects(), objects(), objects(), objects(slices=[endpoints("s1", "s2")]))
    counts = [next(seen).traffic for _ in range(5)]
    assert [count and count.stable.answers for count in counts] == [0, 10, 10, 0, 0]


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
        "mismatch: share: there are no ready endpoints, the config says 3",
    ]
