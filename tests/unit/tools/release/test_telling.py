"""What a run sees, as lines."""

from typing import Any

import pytest

from tools.release.journal import Journal, Step
from tools.release.telling import Teller, seen

JOURNAL = Journal("dev", "plan.yaml", 0, "tester", False, (Step("before", ""), Step("start", "a"), Step("widen", "b")))
GATE = {"name": "errors", "state": "inconclusive", "said": "canary 1 of 9", "evidence": None, "threshold": 100.0}
SHOWN: dict[str, Any] = {
    "share": 33.3,
    "stable": "v1 2/2",
    "canary": "v2 0/1",
    "gates": [GATE, {**GATE, "name": "up", "threshold": None}],
    "failing": {"pod shop-canary-1": "it runs,\n\x1b[31mbut is not ready"},
}


def test_share_pods_gates_and_reasons_are_lines_without_what_would_move_the_cursor():
    assert seen(SHOWN) == [
        "canary's share 33.3 %, stable v1 2/2 ready, canary v2 0/1 ready",
        "gate errors: inconclusive, canary 1 of 9",
        "gate up: inconclusive, canary 1 of 9",
        "pod shop-canary-1: it runs, \N{REPLACEMENT CHARACTER}[31mbut is not ready",
    ]


def test_a_cluster_that_is_not_seen_is_one_line():
    assert seen({"unseen": "no answer"}) == ["not seen: no answer"]


@pytest.mark.parametrize(("soak", "title"), [(120, "step 1 of 2, start, soak is over"), (0, "step 1 of 2, start")])
def test_a_soak_is_over_only_where_there_is_one(capsys: pytest.CaptureFixture[str], soak: int, title: str):
    teller = Teller(as_json=False)
    teller.journal = JOURNAL
    teller.show(0, soak, SHOWN)
    assert capsys.readouterr().out.splitlines()[0].partition(" ")[2].startswith(f"{title}: ")


def test_without_a_terminal_only_what_is_new_is_a_line(capsys: pytest.CaptureFixture[str]):
    teller = Teller(as_json=False)
    teller.journal = JOURNAL
    teller.show(90, 120, SHOWN)
    teller.show(88, 120, {**SHOWN, "gates": [GATE], "failing": {}})
    teller.show(86, 120, SHOWN)
    lines = [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "step 1 of 2, start, 1m30s left: canary's share 33.3 %, stable v1 2/2 ready, canary v2 0/1 ready"
    assert [line.partition(" left: ")[2].partition(":")[0] for line in lines[1:]] == [
        "gate errors",
        "gate up",
        "pod shop-canary-1",
        "gate up",
        "pod shop-canary-1",
    ]
