"""`python -m review <command>`: what the workflows call."""

import argparse
import json
import os
import sys
from pathlib import Path

from . import engine, rendering
from .github import Repository, comment_previews, report_drift
from .stacks import stacks_in, touched


def main() -> None:
    """Runs one command. Exits with the engine's code if that failed."""
    parser = argparse.ArgumentParser(prog="python -m review", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("stacks", help="prints the stacks, as JSON, that the files named on stdin touch")
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
        print(json.dumps(touched(sys.stdin.read().splitlines(), stacks_in(Path()))))
    elif given.command in ("comment", "drift"):
        preview = given.command == "comment"
        code, document = engine.run(["preview"] if preview else ["refresh", "--preview-only"], given.stack)
        render = rendering.comment if preview else rendering.drift
        print(render(given.stack.rpartition("/")[2], document), end="")
        sys.exit(code)
    else:
        _publish(given)


def _listed(text: str) -> list[str]:
    """The stacks that a JSON list names."""
    try:
        stacks: list[str] = json.loads(text)
        if [*map(str, stacks)] == stacks:
            return stacks
    except (ValueError, TypeError):
        pass
    raise argparse.ArgumentTypeError(f"""{text!r} is no JSON list of stacks, such as '["dev", "prod"]'""")


def _publish(given: argparse.Namespace) -> None:
    try:
        repository = Repository(*(os.environ[f"GITHUB_{name}"] for name in ("API_URL", "REPOSITORY", "TOKEN")))
        job = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}".format_map(os.environ)
    except KeyError as error:
        sys.exit(f"error: {error.args[0]} is not set; GitHub's workflows set it, GITHUB_TOKEN by `env`")
    files = {stack: given.folder / f"{stack}.md" for stack in given.stacks}
    missing = f"its job ended without a result: {job}"
    texts = {stack: file.read_text() if file.exists() else f"### {stack}: {missing}\n" for stack, file in files.items()}
    try:
        if given.command == "post":
            comment_previews(repository, given.pull_request, texts)
        else:
            report_drift(repository, texts)
    except OSError as error:
        sys.exit(f"error: the request to GitHub failed: {error}")


if __name__ == "__main__":
    main()
