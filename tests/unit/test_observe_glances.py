"""How one look follows another."""

import re
from collections import deque
from collections.abc import Iterator
from itertools import chain, islice, repeat

import pytest

from components.release import Release
from observe import __main__ as watch
from observe.cluster import Cluster, ClusterError, Objects
from observe.options import Options, Target
from observe.traffic import Sample, Source

from .observed import endpoints, objects, release

SOURCE = Source("http://127.0.0.1:30880", 20, None, re.compile("x"))


class Recorded(Cluster):
    """A cluster that answers with what it is given, and with the last of that from then on."""

    def __init__(self, *answers: Objects | ClusterError) -> None:
        self.answers: Iterator[Objects | ClusterError] = chain(answers, repeat(answers[-1]))

    def read(self, release: Release) -> Objects:
        del release
        answer = next(self.answers)
        if isinstance(answer, ClusterError):
            raise answer
        return answer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Options:
    """Options of a watch without pauses, to which 10 answers of v1 come before its second look."""
    target = Target("dev", "canary-sandbox", None, release())

    def ten(_: Source, samples: deque[Sample]) -> None:
        samples.extend([Sample("v1", None, 0.1)] * 10)

    monkeypatch.setattr(watch, "INTERVAL_SECONDS", 0)
    monkeypatch.setattr(watch, "read_target", lambda _: target)
    monkeypatch.setattr(watch, "_in_background", ten)
    return Options(target, SOURCE, json=False, once=False, expect=False)


def test_answers_count_until_the_split_changes_and_then_anew(asked: Options):
    looks = watch.glances_of(asked, Recorded(objects(), objects(), objects(), objects(slices=[endpoints("s1", "s2")])))
    counts = [next(looks).traffic for _ in range(5)]
    assert [count and count.stable.answers for count in counts] == [0, 10, 10, 0, 0]


def test_what_was_seen_before_stays_with_a_note_while_the_cluster_does_not_answer(asked: Options):
    looks = watch.glances_of(asked, Recorded(objects(), ClusterError("away"), objects()))
    first, away, back = next(looks), next(looks), next(looks)
    assert (first.note, away.note, back.note) == ("", "away", "")
    assert away.picture == first.picture


def test_a_cluster_that_does_not_answer_at_first_ends_the_watch(asked: Options):
    with pytest.raises(ClusterError, match="away"):
        next(watch.glances_of(asked, Recorded(ClusterError("away"))))


def test_another_context_in_the_stack_file_ends_the_watch(asked: Options, monkeypatch: pytest.MonkeyPatch):
    looks = watch.glances_of(asked, Recorded(objects()))
    next(looks)
    monkeypatch.setattr(watch, "read_target", lambda _: Target("dev", "elsewhere", None, release()))
    with pytest.raises(ClusterError, match="is in context elsewhere now"):
        next(looks)


def test_lines_are_told_when_they_change_and_those_of_requests_now_and_then(
    asked: Options, capsys: pytest.CaptureFixture[str]
):
    told = watch.Lines(json=False, traffic_due=float("inf"))
    looks = watch.glances_of(asked, Recorded(objects(), objects(), objects(slices=[])))
    for look in islice(looks, 4):
        told.tell(look)
    printed = [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()]
    assert [line.partition(";")[0] for line in printed] == [
        "shop in default: stable v1 2 of 2 ready, canary v2 1 of 1 ready",
        "shop in default: stable v1 2 of 2 ready, canary v2 1 of 1 ready",
        "mismatch: share: there are no ready endpoints, the config says 3",
    ]
