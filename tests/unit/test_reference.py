"""The tables of docs/reference.md say what the code says."""

import json
import re

from canary_release.model.arguments import WORDS, words
from canary_release.model.contract import DEFAULTS, CanaryReleaseArgs
from canary_release.model.release import Release
from canary_release.text.spelling import config_keys
from canary_release.update.content import tracks
from canary_release.update.rules import Rule, broken_by, broken_rules
from stack.arguments import ARGUMENT_NAMES, STACK_KEYS

from .conftest import ROOT
from .update.releases import release, with_deployment

PAGE = (ROOT / "docs" / "reference.md").read_text()
Rows = list[tuple[str, ...]]

SELECTOR = ("spec", "selector", "matchLabels")
REFUSED: list[tuple[Release, Release, bool]] = [
    (release("v1*2", "v2*1"), release("v3*2", "v2*1"), True),
    (release("v1*2"), release("v1+a*2"), True),
    (release("v1*2", "v2*1"), release("v2*2", "v2*0"), False),
    (release("v1*2", "v2*1"), release("v2*2", "v3*1"), True),
    (release("v1*4", "v2*1"), release("v1*4", "v3*2"), True),
    (release("v1*2", "v2*1", fixed_total=3), release("v2*3", fixed_total=3), True),
    (release("v1*2"), with_deployment(release("v1*2"), ("metadata", "name"), "other"), True),
    (release("v1*2"), with_deployment(release("v1*2"), ("metadata", "namespace"), "other"), True),
    (release("v1*2"), with_deployment(release("v1*2"), SELECTOR, {"app": "other"}), True),
    (release("v1*2"), release("v1*2", track_label="release-track"), True),
]


def rows(heading: str) -> Rows:
    """The cells of the first table below a heading, without its own head."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]) for line in lines[2:]]


def check(heading: str, expected: Rows, columns: int) -> None:
    """The table below the heading has these first columns."""
    printed = "\n".join(f"| {' | '.join(row)} |" for row in expected)
    assert [row[:columns] for row in rows(heading)] == expected, f"docs/reference.md, {heading}:\n{printed}"


def code(value: object) -> str:
    """A value as the page has it."""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def accepted(name: str) -> str:
    """What an argument takes."""
    if name == "manifest":
        return "the path of a file; in a program also a list of Kubernetes objects"
    return words(name)


def default(name: str) -> str:
    """What an argument is where it is not set."""
    if name == "manifest":
        return "`app.yaml`; required in a program"
    if name in CanaryReleaseArgs.__required_keys__:
        return "required"
    return code(DEFAULTS[name]) if name in DEFAULTS else ""


def test_the_keys_of_a_release_are_those_of_the_contract():
    expected: Rows = [(code(key), code(name), accepted(name), default(name)) for key, name in ARGUMENT_NAMES.items()]
    check("Keys of a release", expected, 4)


def test_the_keys_of_a_stack_are_those_that_are_no_arguments():
    own: Rows = [(code(key), WORDS[kind]) for key, kind in STACK_KEYS.items()]
    check("Keys of a stack", [(code("kubernetes:context"), "text"), *own], 2)


def test_the_outputs_are_those_of_the_component():
    schema = json.loads((ROOT / "components" / "canary_release" / "schema.json").read_text())
    properties = schema["resources"]["canary-release:index:CanaryRelease"]["properties"]
    expected: Rows = [(code(name), each["type"], each["description"]) for name, each in properties.items()]
    check("Outputs", expected, 3)


def test_the_error_that_is_shown_is_a_reviewed_one():
    shown = re.findall(r"^```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert shown == [(ROOT / "tests" / "bad_configs" / "many-problems-at-once.txt").read_text()]


def test_every_refused_update_is_told_with_its_place_and_message():
    names = config_keys("dev")
    expected: Rows = [
        (code(names.path(each.path)), each.rule)
        for old, new, finished in REFUSED
        for each in broken_rules(old, new, finished)
    ]
    check("Refused updates", expected, 2)


def test_every_rule_is_among_them():
    told = {
        rule
        for old, new, finished in REFUSED
        for rule in broken_by(tracks(old), tracks(new), finished, new.fixed_total is not None)
    }
    assert told == set(Rule)
