"""docs/reference.md says what the code says: it is made from the schema, the bad configs and the rules."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from components import checks
from components.announcement import sentence
from components.args import BOUNDS
from components.release import Release
from components.transition import broken_rules
from settings import KEYS

from .conftest import ROOT
from .test_plugin_schema import REVIEWED
from .test_transition import release

PAGE = ROOT / "docs" / "reference.md"
MESSAGES = sorted((ROOT / "tests" / "bad_configs").glob("*.txt"))
PROBLEM = re.compile(r"^  (\S.*)\n    (.*)((?:\n    fix: .*)*)", re.MULTILINE)
REFUSED = [
    (release("v1*2"), release("v2*2")),
    (release("v1*2", "v2*1"), release("v2*2", "v3*1")),
    (release("v1*2"), release("v1*2", "v2*1", image="example/other")),
    (release("v1*4", "v2*1"), release("v1*4", "v3*2")),
    (release("v1*2"), release("v1*2", name="other")),
    (release("v1*2", "v2*1", fixed_total=3), release("v2*3", fixed_total=3)),
]
UNFINISHED = (release("v1*2", "v2*1"), release("v2*2", "v2*0"))
INTRODUCTION = """# Reference

Made from the code: `make test-unit` compares, and prints the command that brings this page up to date.
What each key means stands in the [README](../README.md#config).
"""
OUTPUTS = """
The same stand as outputs of the stack, where `canaryShare` is text such as `33.3 %`: `pulumi stack output canaryShare`.
"""
CONFIG_ERRORS = """
All problems of a config are told in one error, before anything is touched: the key with its value, what is accepted,
and the command that fixes it. `pulumi config set` and `rm` stand here without `--stack`.
"""
UPDATE_ERRORS = """
Told by preview and update, before anything is touched, with the commands of the shortest way that is allowed.
"""


def table(*rows: tuple[str, ...]) -> str:
    """Rows of cells, the first of them the headings."""
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]) + "\n"


def config() -> str:
    rows = [("config key", "argument in Python", "accepted")]
    for key, name in KEYS.items():
        accepted = checks.WORDS[checks.TYPES[name]]
        if name in BOUNDS:
            accepted += " from {} to {}".format(*BOUNDS[name])
        rows.append((f"`{key}`", f"`{name}`", accepted))
    return table(*rows)


def outputs() -> str:
    rows = [("output", "type", "")]
    schema = json.loads(REVIEWED.read_text())["resources"]["canary-release:index:CanaryRelease"]["properties"]
    rows += [(f"`{name}`", entry["type"], entry["description"]) for name, entry in schema.items()]
    return table(*rows)


def config_errors() -> str:
    """One row for each problem that a reviewed message tells, in the order of the keys."""
    found: dict[tuple[str, ...], int] = {}
    order = [*KEYS, "kubernetes:context"]
    for message in MESSAGES:
        for problem, accepted, fixes in PROBLEM.findall(message.read_text()):
            key = re.split(r"[.\[:]", problem)[0]
            commands = re.sub(r" --stack dev|pulumi config ", "", fixes).split("\n    fix: ")[1:]
            row = (f"`{problem}`", accepted.replace("<", "&lt;"), "<br>".join(f"`{command}`" for command in commands))
            found.setdefault(row, order.index(key) if key in order else len(order))
    return table(("config", "message", "fix"), *sorted(found, key=lambda row: (found[row], row)))


def update_errors() -> str:
    rows = [("an update that", "key", "message")]
    for old, new, finished in [*((*pair, True) for pair in REFUSED), (*UNFINISHED, False)]:
        rows += [(what, f"`{key}`", rule) for what, key, rule in _broken(old, new, finished)]
    return table(*rows)


def _broken(old: Release, new: Release, finished: bool) -> Iterator[tuple[str, str, str]]:
    keys = {name: key for key, name in KEYS.items()}
    for broken in broken_rules(old, new, finished):
        yield sentence(old, new, finished), keys[broken.argument], broken.rule


def page() -> str:
    """The whole text of the reference."""
    parts = [INTRODUCTION, "\n## Config\n\n", config(), "\n## Outputs\n\n", outputs(), OUTPUTS]
    parts += ["\n## Errors of a config\n", CONFIG_ERRORS, "\n", config_errors()]
    return "".join([*parts, "\n## Refused updates\n", UPDATE_ERRORS, "\n", update_errors()])


def test_the_reference_is_made_from_the_code(tmp_path: Path):
    (tmp_path / PAGE.name).write_text(page())
    assert PAGE.is_file(), f"cp {tmp_path / PAGE.name} {PAGE}"
    assert PAGE.read_text() == page(), f"cp {tmp_path / PAGE.name} {PAGE}"


def test_every_message_and_every_rule_is_in_the_reference():
    rules = re.findall(r'rule = f?"([^"{]{20,})', (ROOT / "components" / "transition.py").read_text())
    assert len(rules) >= 7
    assert [rule for rule in rules if rule not in update_errors()] == []
    told = [line.strip() for message in MESSAGES for line in message.read_text().split("\n") if "  fix: " in line]
    missing = [line for line in told if re.sub(r"fix: | --stack dev|pulumi config ", "", line) not in _unescaped()]
    assert missing == []


def _unescaped() -> str:
    return config_errors().replace("\\|", "|")
