"""The README's table of config keys is the one of Pulumi.yaml, its programs are the examples."""

import json
import re
from pathlib import Path

import pytest
import yaml

from components.release import camel
from settings import ZERO_IS_ABSENT

from .conftest import ROOT

SECTION = re.compile(r"(<!-- config: generated from Pulumi.yaml -->\n).*?(<!-- /config -->)", re.DOTALL)


def config_table() -> str:
    """Key, type, default and description of every config key."""
    rows = ["| key | type | default | |", "|---|---|---|---|"]
    zero_is_absent = {camel(name) for name in ZERO_IS_ABSENT}
    for key, entry in yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"].items():
        unset = entry["default"] in ("", {}) or (entry["default"] == 0 and key in zero_is_absent)
        value = json.dumps(entry["default"]).strip('"')
        required = entry["description"].startswith("Required")
        default = "required" if required else "" if unset else f"`{value}`"
        rows.append(f"| `{key}` | {entry['type']} | {default} | {entry['description'].removeprefix('Required. ')} |")
    return "\n".join(rows) + "\n"


def test_the_table_of_config_keys_is_generated_from_pulumi_yaml(tmp_path: Path):
    text = (ROOT / "README.md").read_text()
    generated = SECTION.sub(lambda section: section[1] + config_table() + section[2], text)
    (tmp_path / "README.md").write_text(generated)
    assert text == generated, f"cp {tmp_path / 'README.md'} README.md"


SHOWN = re.findall(
    r"^```(python|yaml|typescript)\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE
)


@pytest.mark.parametrize("number", range(len(SHOWN)), ids=lambda number: f"{number}-{SHOWN[number][0]}")
def test_every_program_that_is_shown_is_short_and_stands_in_the_examples(number: int):
    language, text = SHOWN[number]
    suffix = {"python": "__main__.py", "yaml": "Pulumi.yaml", "typescript": "index.ts"}[language]
    examples = [path.read_text().splitlines() for path in (ROOT / "examples").glob(f"*/{suffix}")]
    lines = text.splitlines()
    assert len(lines) < 15
    assert any(all(line in rest for line in lines) for rest in map(iter, examples)), (
        f"no example holds, in order:\n{text}"
    )


def test_every_language_of_the_examples_is_shown():
    assert {language for language, _ in SHOWN} == {"python", "yaml", "typescript"}
