"""What a release commits is in Git once, whatever was killed, and nothing else of the operator's is."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tools.release.git import commit, git, is_committed
from tools.release.journal import PlanError

FILE, JOURNAL = Path("Pulumi.dev.yaml"), Path(".release-dev.json")


@pytest.fixture(autouse=True)
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A clone of an empty repository, with one commit that is pushed."""
    folder = tmp_path / "clone"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(tmp_path / "origin")], check=True)
    subprocess.run(["git", "clone", "--quiet", str(tmp_path / "origin"), str(folder)], check=True, capture_output=True)
    monkeypatch.chdir(folder)
    for arguments in (("config", "user.name", "test"), ("config", "user.email", "test@example.com")):
        git(*arguments)
    FILE.write_text("before\n")
    Path(".gitignore").write_text(".release-*\n")
    git("add", "--all")
    git("commit", "--quiet", "--message", "before")
    git("push", "--quiet", "--set-upstream", "origin", "HEAD")


def test_a_stack_file_and_its_journal_are_one_commit_and_then_nothing_is_left_to_do():
    FILE.write_text("after\n")
    JOURNAL.write_text("{}")
    assert not is_committed(FILE, pushes=False)
    for _ in range(2):
        commit("start", [FILE, JOURNAL], pushes=False)
    assert is_committed(FILE, pushes=False)
    assert git("log", "--format=%s", "--reverse").splitlines() == ["before", "start"]
    assert git("show", "--name-only", "--format=").splitlines() == [str(JOURNAL), str(FILE)]


def test_a_commit_that_was_not_pushed_is_not_done(tmp_path: Path):
    FILE.write_text("after\n")
    commit("start", [FILE, JOURNAL], pushes=False)
    assert not is_committed(FILE, pushes=True)
    commit("start", [FILE, JOURNAL], pushes=True)
    assert is_committed(FILE, pushes=True)
    assert subprocess.run(
        ["git", "log", "--format=%s"], cwd=tmp_path / "origin", capture_output=True, text=True
    ).stdout.splitlines() == ["start", "before"]


def push_from_elsewhere(folder: Path, text: str) -> None:
    """Somebody else's commit, which writes the text into the stack file, is on the remote branch."""
    other, author = folder / "other", ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", "clone", "--quiet", str(folder / "origin"), str(other)], check=True, capture_output=True)
    (other / FILE).write_text(text)
    for command in (
        [*author, "commit", "--quiet", "--all", "--allow-empty", "--message", "other"],
        ["push", "--quiet"],
    ):
        subprocess.run(["git", *command], cwd=other, check=True, capture_output=True)


def test_a_change_of_the_same_lines_by_others_is_told_and_the_stack_file_stays(tmp_path: Path):
    push_from_elsewhere(tmp_path, "theirs\n")
    FILE.write_text("ours\n")
    with pytest.raises(PlanError, match="git pull: "):
        commit("start", [FILE], pushes=True)
    assert FILE.read_text() == "ours\n"
    assert git("status", "--porcelain") == ""
    assert git("log", "--format=%s").splitlines() == ["start", "before"]


def test_a_record_outside_of_the_repository_is_left(tmp_path: Path):
    record = tmp_path / "record.json"
    record.write_text("{}")
    FILE.write_text("after\n")
    commit("ended", [FILE, record], pushes=False)
    assert git("show", "--name-only", "--format=").splitlines() == [str(FILE)]


def test_what_others_have_pushed_meanwhile_comes_first(tmp_path: Path):
    push_from_elsewhere(tmp_path, FILE.read_text())
    FILE.write_text("after\n")
    commit("start", [FILE], pushes=True)
    assert git("log", "--format=%s").splitlines() == ["start", "other", "before"]


def test_a_journal_that_is_gone_is_gone_from_git_as_well():
    JOURNAL.write_text("{}")
    commit("start", [JOURNAL], pushes=False)
    JOURNAL.unlink()
    commit("ended", [JOURNAL], pushes=False)
    assert git("ls-files", str(JOURNAL)) == ""


def test_the_lock_that_a_killed_git_left_is_dropped():
    Path(".git/index.lock").touch()
    FILE.write_text("after\n")
    commit("start", [FILE], pushes=False)
    assert is_committed(FILE, pushes=False)


def test_the_lock_of_a_git_that_runs_stays():
    holds = ["git", "-c", "alias.hold=!cat", "hold"]
    with subprocess.Popen(holds, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin
        assert running.stdout
        running.stdin.write("runs\n")
        running.stdin.flush()
        assert running.stdout.readline() == "runs\n"
        Path(".git/index.lock").touch()
        FILE.write_text("after\n")
        with pytest.raises(PlanError, match=r"index\.lock"):
            commit("start", [FILE], pushes=False)
        running.stdin.close()


def test_a_stack_file_that_git_does_not_know_is_not_committed():
    new = Path("Pulumi.new.yaml")
    new.write_text("config:\n")
    assert not is_committed(new, pushes=False)
    commit("start", [new], pushes=False)
    assert is_committed(new, pushes=False)


def test_the_lock_of_a_git_that_runs_at_the_root_of_the_repository_stays(monkeypatch: pytest.MonkeyPatch):
    root, folder = Path.cwd(), Path.cwd() / "shop"
    folder.mkdir()
    (folder / FILE).write_text("after\n")
    monkeypatch.chdir(folder)
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(["git", "-c", "alias.hold=!cat", "hold"], cwd=root, **pipes) as running:
        assert running.stdin
        assert running.stdout
        running.stdin.write("runs\n")
        running.stdin.flush()
        running.stdout.readline()
        (root / ".git/index.lock").touch()
        try:
            with pytest.raises(PlanError, match=r"index\.lock"):
                commit("start", [FILE], pushes=False)
        finally:
            running.stdin.close()
