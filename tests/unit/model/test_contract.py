"""What breaks programs that use the component is told in the changelog."""

import copy
import json
import re
from collections.abc import Callable

import pytest

from ..conftest import ROOT
from .contract import RELEASED, Contract, breaks, contract

OLD: Contract = {
    "arguments": {"manifest": "object", "namespace": "string", "stableReplicas": "integer"},
    "required": ["manifest"],
    "defaults": {"stableReplicas": 2},
    "bounds": {"stableReplicas": [1, 1000]},
    "outputs": {"totalPods": "integer"},
}
BREAKING: dict[str, tuple[Callable[[Contract], object], list[tuple[str, str]]]] = {
    "an argument that is gone": (lambda new: new["arguments"].pop("manifest"), [("manifest", "is gone")]),
    "an output that is gone": (lambda new: new["outputs"].clear(), [("totalPods", "is gone")]),
    "another type": (
        lambda new: new["outputs"].update(totalPods="string"),
        [("totalPods", "was integer and is string")],
    ),
    "a required argument": (lambda new: new["required"].append("namespace"), [("namespace", "is required now")]),
    "another default": (
        lambda new: new["defaults"].update(stableReplicas=3),
        [("stableReplicas", "has another default")],
    ),
    "no default": (lambda new: new["defaults"].clear(), [("stableReplicas", "has another default")]),
    "a tighter bound": (
        lambda new: new["bounds"].update(stableReplicas=[1, 99]),
        [("stableReplicas", "has tighter bounds")],
    ),
    "a first bound": (lambda new: new["bounds"].update(namespace=[0, 9]), [("namespace", "has tighter bounds")]),
}
COMPATIBLE: dict[str, Callable[[Contract], object]] = {
    "nothing": lambda new: new.copy(),
    "an argument with a default": lambda new: (
        new["arguments"].update(pause="integer"),
        new["defaults"].update(pause=0),
        new["bounds"].update(pause=[0, 9]),
    ),
    "an argument that is no longer required": lambda new: new["required"].clear(),
    "a wider bound": lambda new: new["bounds"].update(stableReplicas=[0, 2000]),
    "no bound": lambda new: new["bounds"].clear(),
    "an output": lambda new: new["outputs"].update(share="number"),
}


@pytest.mark.parametrize("case", BREAKING)
def test_a_change_that_breaks_programs_is_found(case: str):
    change, found = BREAKING[case]
    new = copy.deepcopy(OLD)
    change(new)
    assert list(breaks(OLD, new)) == found


@pytest.mark.parametrize("case", COMPATIBLE)
def test_a_change_that_breaks_no_program_is_none(case: str):
    new = copy.deepcopy(OLD)
    COMPATIBLE[case](new)
    assert list(breaks(OLD, new)) == []


def test_every_change_that_breaks_programs_of_the_last_release_stands_in_the_changelog():
    changelog = (ROOT / "CHANGELOG.md").read_text()
    newest = re.split(r"^## ", changelog, flags=re.MULTILINE)[1]
    told = "".join(re.findall(r"^- Breaking: .*", newest, flags=re.MULTILINE))
    untold = [
        f"{name} {how}" for name, how in breaks(json.loads(RELEASED.read_text()), contract()) if f"`{name}`" not in told
    ]
    assert untold == [], "CHANGELOG.md needs lines that start with `- Breaking:`"
