"""Which stacks a change touches."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.review.stacks import changed, project_in, stacks_in, touched

ROOT = Path(__file__).parents[4]
STACKS = ["dev", "prod", "staging"]


class Clone:
    """A repository with three stacks, one of which has its manifest in docs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "test")
        self.git("config", "user.email", "test@example.com")
        for stack in STACKS:
            (folder / f"Pulumi.{stack}.yaml").write_text("config: {}\n")
        (folder / "Pulumi.yaml").write_text("name: shop\n")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, text=True)
        assert done.returncode == 0, done
        return done.stdout.strip()

    def write(self, path: str, text: str = "text\n") -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    monkeypatch.chdir(tmp_path)
    return Clone(tmp_path)


@pytest.mark.parametrize(
    ("paths", "stacks"),
    [
        (["Pulumi.staging.yaml"], ["staging"]),
        (["Pulumi.staging.yaml", "Pulumi.dev.yaml", "README.md"], ["dev", "staging"]),
        ([".release-dev.json", "releases/20260501T120000Z-dev-run.html"], []),
        (["evidence/20260501T120000.250000Z-dev-release.json", "evidence/20260501T120000Z-dev-run.html"], []),
        (["docs/pull-requests.md", "tests/unit/conftest.py", "components/README.md", "sandbox/build.py"], []),
        (["Makefile", "tools/plan.py", "requirements-dev.txt", ".github/workflows/ci.yml"], []),
        (["Pulumi.yaml"], STACKS),
        (["app.yaml"], STACKS),
        (["requirements.txt"], STACKS),
        (["components/pyproject.toml", "Pulumi.dev.yaml"], STACKS),
        (["a_new_module.py"], STACKS),
        (["components"], STACKS),
        ([".gitmodules"], STACKS),
        (["Pulumi.gone.yaml"], []),
        (["other/Pulumi.dev.yaml"], STACKS),
        ([], []),
    ],
)
def test_a_change_touches_the_stacks_whose_update_it_can_alter(paths: list[str], stacks: list[str]):
    assert touched(paths, ROOT) == stacks


def test_every_file_that_the_program_loads_touches_every_stack():
    loading = "import sys, pkgutil, importlib, canary_release, stack"
    loading += "\nfor each in pkgutil.iter_modules(stack.__path__): importlib.import_module(f'stack.{each.name}')"
    listing = "print(*(getattr(module, '__file__', None) for module in sys.modules.values()))"
    command = [sys.executable, "-c", f"{loading}\n{listing}"]
    loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    own = {str(path.relative_to(ROOT)) for path in map(Path, loaded) if path.is_relative_to(ROOT)}
    own = {file for file in own if not file.startswith(".venv")} | {"__main__.py"}
    assert {"stack/settings.py", "components/canary_release/component.py"} <= own
    assert [file for file in own if touched([file], ROOT) != STACKS] == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("context.py", "docs/context.py"),
        ("docs/context.py", "context.py"),
        ("a file.py", "docs/a file.py"),
        ("Grüße.py", "docs/Grüße.py"),
        ('"quoted".py', 'docs/"quoted".py'),
        ("two\nlines.py", "docs/two\nlines.py"),
    ],
)
def test_a_file_that_moves_has_changed_where_it_was_and_where_it_is(clone: Clone, before: str, after: str):
    clone.write(before)
    clone.write("docs/README.md")
    clone.git("config", "diff.renames", "copies")
    first = clone.commit()
    clone.git("mv", before, after)
    second = clone.commit()
    assert sorted(changed(first, second) or ()) == sorted([before, after])
    assert touched(changed(first, second) or (), clone.folder) == STACKS


def test_a_file_that_is_copied_has_changed_where_the_copy_is(clone: Clone):
    clone.write("docs/program.py")
    first = clone.commit()
    clone.write("program.py")
    assert changed(first, clone.commit()) == ["program.py"]


def test_a_submodule_that_is_moved_on_has_changed_also_if_git_is_told_to_ignore_it(clone: Clone):
    first = clone.commit()
    clone.git("update-index", "--add", "--cacheinfo", f"160000,{first},components")
    clone.write(".gitmodules", '[submodule "components"]\n\tpath = components\n\turl = x\n\tignore = all\n')
    clone.git("add", ".gitmodules")
    clone.git("commit", "--quiet", "--message", "submodule")
    second = clone.git("rev-parse", "HEAD")
    clone.git("update-index", "--cacheinfo", f"160000,{second},components")
    clone.git("commit", "--quiet", "--message", "moved on")
    assert changed(second, "HEAD") == ["components"]


def test_without_the_commit_before_nothing_is_known(clone: Clone):
    head = clone.commit()
    assert [changed(before, head) for before in ("", "0" * 40, "1" * 40)] == [None, None, None]
    assert changed(head, head) == []


def test_a_manifest_touches_its_stacks_wherever_it_is(clone: Clone):
    clone.write("Pulumi.dev.yaml", "config:\n  canary:manifest: ./docs/app.yaml\n")
    assert touched(["docs/app.yaml"], clone.folder) == STACKS
    assert touched(["docs/other.yaml"], clone.folder) == []


@pytest.mark.parametrize(
    "text", ["name: shop\n", "# a\nname: 'shop'\n", '"name": "shop"\n', "description: x\nname:  shop # y\n"]
)
def test_the_project_is_the_one_of_pulumi_yaml(tmp_path: Path, text: str):
    (tmp_path / "Pulumi.yaml").write_text(text)
    assert project_in(tmp_path) == "shop"


def test_the_stacks_are_told_without_any_installed_package():
    command = [sys.executable, "-S", "-m", "tools.review", "stacks"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ('["dev", "prod", "staging"]\n', "")
    assert stacks_in(ROOT) == STACKS
