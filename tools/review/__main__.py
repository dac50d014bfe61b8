"""`python -m tools.review <command>`: what the workflows call."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from ..answers import parsed
from . import engine, rendering
from .github import GitHubError, Repository, comment_previews, report_drift
from .stacks import changed, project_in, stacks_in, touched

MOST_BYTES = 1_000_000
"""Of a text that another job left."""


def main() -> None:
    """Runs one command. Exits with the engine's code if that failed."""
    parser = argparse.ArgumentParser(prog="python -m tools.review", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    stacks = commands.add_parser(
        "stacks", help="prints, as JSON, the stacks that a change touches; all without commits"
    )
    stacks.add_argument("commits", nargs="*", metavar="commit", help="the one before and the one after the change")
    for name, text in {"comment": "prints a preview of a stack", "drift": "prints how a stack has drifted"}.items():
        commands.add_parser(name, help=text).add_argument("stack", help="`stack` or `organization/stack`")
    post = commands.add_parser("post", help="puts previews, the files <stack>.md of a folder, on a pull request")
    post.add_argument("--pull-request", type=int, required=True)
    report = commands.add_parser("report", help="keeps one issue about drift, the files <stack>.md of a folder")
    for each in (post, report):
        each.add_argument("folder", type=Path)
        each.add_argument("--stacks", type=_listed, required=True, help="the stacks, as `stacks` prints them")
    given = parser.parse_args()
    if given.command == "stacks":
        if len(given.commits) not in (0, 2):
            parser.error("stacks takes the commit before and the one after the change, or none")
        try:
            paths = changed(*given.commits) if given.commits else None
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"error: git cannot tell what changed: {error}")
        print(json.dumps(stacks_in(Path()) if paths is None else touched(paths, Path())))
    elif given.command in ("comment", "drift"):
        preview = given.command == "comment"
        code, document = engine.run(["preview"] if preview else ["refresh", "--preview-only"], given.stack)
        render = rendering.comment if preview else rendering.drift
        # JSON can hold characters that no encoding has.
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # pyright: ignore
        print(render(given.stack.rpartition("/")[2], document), end="")
        sys.exit(code or (1 if engine.said(document, "error") else 0))
    else:
        _publish(given)


def _listed(text: str) -> list[str]:
    """The stacks that a JSON list names."""
    try:
        stacks: list[str] = parsed(text)
        if [*map(str, stacks)] == stacks:
            return stacks
    except (ValueError, TypeError):
        pass
    raise argparse.ArgumentTypeError(f"""{text!r} is no JSON list of stacks, such as '["dev", "prod"]'""")


def _publish(given: argparse.Namespace) -> None:
    try:
        repository = Repository(*(os.environ[f"GITHUB_{name}"] for name in ("API_URL", "REPOSITORY", "TOKEN")))
        job = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}".format_map(os.environ)
        project = project_in(Path())
        texts = {stack: _text(given.folder / f"{stack}.md") for stack in given.stacks}
        missing = f"its job ended without a result: {job}"
        texts = {stack: f"### {stack}: {missing}\n" if text is None else text for stack, text in texts.items()}
        if given.command == "post":
            comment_previews(repository, project, given.pull_request, texts)
        else:
            report_drift(repository, project, texts)
    except KeyError as error:
        sys.exit(f"error: {error.args[0]} is not set; GitHub's workflows set it, GITHUB_TOKEN by `env`")
    except (OSError, ValueError) as error:
        sys.exit(f"error: the project's name cannot be read: {error}")
    except GitHubError as error:
        sys.exit(f"error: the request to GitHub failed: {error}")


def _text(file: Path) -> str | None:
    """What a job left; None if it left nothing that can be read."""
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            return opened.read(MOST_BYTES)
    except OSError:
        return None


if __name__ == "__main__":
    main()
