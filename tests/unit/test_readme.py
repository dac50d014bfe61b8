"""What the README shows is what the files of this repository say."""

import json
import re
import shutil
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from canary_release.text.announcement import announcement
from canary_release.text.spelling import camel
from canary_release.update.update import Update
from stack.arguments import ZERO_IS_ABSENT
from stack.files import read_config
from stack.settings import Settings, settings_of

from .conftest import ROOT

README = (ROOT / "README.md").read_text()
SECTION = re.compile(r"(<!-- config: generated from Pulumi.yaml -->\n).*?(<!-- /config -->)", re.DOTALL)


def shown(language: str) -> str:
    """The first block of a language."""
    found = re.search(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def config_table() -> str:
    """Key, type, default and description of every config key."""
    rows = ["| key | type | default | |", "|---|---|---|---|"]
    zero_is_absent = {camel(name) for name in ZERO_IS_ABSENT}
    for key, entry in yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"].items():
        unset = entry["default"] in ("", {}, []) or (entry["default"] == 0 and key in zero_is_absent)
        value = json.dumps(entry["default"]).strip('"')
        required = entry["description"].startswith("Required")
        default = "required" if required else "" if unset else f"`{value}`"
        rows.append(f"| `{key}` | {entry['type']} | {default} | {entry['description'].removeprefix('Required. ')} |")
    return "\n".join(rows) + "\n"


def test_the_table_of_config_keys_is_generated_from_pulumi_yaml(tmp_path: Path):
    generated = SECTION.sub(lambda section: section[1] + config_table() + section[2], README)
    (tmp_path / "README.md").write_text(generated)
    assert generated == README, f"cp {tmp_path / 'README.md'} README.md"


def test_the_manifest_that_is_shown_is_the_beginning_of_app_yaml():
    def check(part: Any, whole: Any) -> None:
        if isinstance(part, dict):
            assert part.keys() <= whole.keys()
            for name, value in part.items():
                check(value, whole[name])
        else:
            assert part in ("…", whole)

    objects = list(yaml.safe_load_all(shown("yaml")))
    for part, whole in zip(objects, yaml.safe_load_all((ROOT / "app.yaml").read_text()), strict=True):
        check(part, whole)


def test_the_diff_that_is_shown_promotes_and_has_the_preview_that_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "app.yaml"):
        shutil.copy(ROOT / name, name)
    file = Path("Pulumi.dev.yaml")
    before = settings_of(read_config("dev"))
    lines = shown("diff").splitlines()
    assert {line[1:] for line in lines if line[0] in " -"} <= set(file.read_text().splitlines())
    removed, added = ([line[1:] for line in lines if line[0] == sign] for sign in "-+")
    for old, new in zip(removed, added, strict=True):
        file.write_text(file.read_text().replace(old, new))
    after = settings_of(read_config("dev"))
    assert isinstance(before, Settings)
    assert isinstance(after, Settings)
    told = announcement(Update(before.parsed.release, after.parsed.release))
    assert f"\n{textwrap.indent(told, '    ')}\n" in README


def test_the_program_that_is_shown_is_part_of_an_example():
    lines = shown("python").splitlines()
    rest = iter((ROOT / "examples" / "python" / "__main__.py").read_text().splitlines())
    assert all(line in rest for line in lines)


def test_every_language_of_the_examples_is_named():
    languages = {"python": "Python", "yaml": "YAML", "typescript": "TypeScript"}
    examples = {path.name for path in (ROOT / "examples").iterdir()} - {"python-consumer", "template"}
    assert examples == languages.keys()
    section = README.partition("\n## The component in another program\n")[2].partition("\n## ")[0]
    assert [name for name in languages.values() if f"**{name}**" not in section] == []
