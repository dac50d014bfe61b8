"""What a run commits, so that Git says what runs."""

import subprocess
from contextlib import suppress
from pathlib import Path

from .journal import PlanError


def is_committed(file: Path, pushes: bool) -> bool:
    """Whether the last commit has the file as it is, also on the remote branch if it is pushed."""
    if git("status", "--porcelain", "--ignored", "--", str(file)):
        return False
    return not pushes or git("rev-list", "--count", "@{upstream}..HEAD") == "0"


def commit(message: str, files: list[Path], pushes: bool, seconds: float | None = None) -> None:
    """Commits those of the files that lie in the repository, also if they are gone, and nothing else.

    Raises `PlanError`, also if the remote repository does not answer within the seconds.
    """
    _drop_lock_of_a_killed_git()
    root = git("rev-parse", "--show-toplevel")
    files = [file for file in files if file.resolve().is_relative_to(root)]
    for file in files:
        if file.exists():
            git("add", "--force", "--", str(file))
    known = [str(file) for file in files if file.exists() or git("ls-files", "--", str(file))]
    if known and git("status", "--porcelain", "--", *known):
        git("commit", "--quiet", "--message", message, "--", *known)
    if pushes:
        try:
            git("pull", "--quiet", "--rebase", "--autostash", seconds=seconds)
        except PlanError:
            # Others changed the same lines. The stack file is again what this run wrote.
            subprocess.run(["git", "rebase", "--abort"], capture_output=True)
            raise
        git("push", "--quiet", seconds=seconds)


def _drop_lock_of_a_killed_git() -> None:
    """Git leaves the lock of its index when it is killed. One that may still run has its folder in /proc."""
    lock, processes = Path(git("rev-parse", "--git-path", "index.lock")), Path("/proc")
    root = git("rev-parse", "--show-toplevel")
    if not lock.exists() or not (processes / "self").exists():
        return
    for process in processes.glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            try:
                if (process / "comm").read_text() == "git\n" and (process / "cwd").readlink().is_relative_to(root):
                    return
            except PermissionError:
                return  # Another user's git.
    lock.unlink(missing_ok=True)


def git(*arguments: str, seconds: float | None = None) -> str:
    """What git prints. Raises `PlanError` with its reason, also if it takes longer than the seconds."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise PlanError(f"git {arguments[0]}: no answer after {seconds} s") from None
    if done.returncode:
        raise PlanError(f"git {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.strip()
