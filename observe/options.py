"""What the watch is asked: its options, and the stack file that it compares with. All problems in one error."""

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import yaml

from components.problems import Problem, config_keys, report
from components.release import Release
from settings import arguments_of, config_of_file, problems_of

from .traffic import Source

RATES = (1, 100)
"""Fewest and most requests per second."""


@dataclass(frozen=True)
class Target:
    """The release that a stack file describes, and the cluster it is in."""

    stack: str
    context: str
    kubeconfig: str | None
    """Path or content; None: that of kubectl."""
    release: Release


@dataclass(frozen=True)
class Options:
    """What the watch is asked."""

    target: Target
    source: Source | None
    json: bool
    once: bool
    expect: bool


class InvalidError(Exception):
    """Its text tells all that is wrong with options and stack file."""


def options(arguments: Sequence[str]) -> Options:
    """The options of a command line. Raises `InvalidError`."""
    given = _parser().parse_args(arguments)
    problems, source = _source(given)
    if given.expect and not given.once:
        problems.append(Problem("--expect", True, "needs --once: a live view has no end to exit with"))
    target, further = _target(given.stack)
    problems += further
    if not target or problems:
        raise InvalidError(report("the watch cannot start", problems, config_keys(given.stack)))
    return Options(target, source, given.json, given.once, given.expect)


def read_target(stack: str) -> Target:
    """The stack file as it is now. Raises `InvalidError`."""
    target, problems = _target(stack)
    if not target or problems:
        raise InvalidError(report(f"the config of stack {stack} is invalid", problems, config_keys(stack)))
    return target


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m observe", description="The live split of a release.")
    parser.add_argument("--stack", default="dev", help="the release is that of its file (default: %(default)s)")
    parser.add_argument("--url", help="address of the release: opens a new connection for every request")
    rates = f"{RATES[0]} to {RATES[1]}"
    parser.add_argument("--rate", default="20", help=f"requests per second, {rates} (default: %(default)s)")
    parser.add_argument("--version-header", metavar="NAME", help="response header that holds the version")
    parser.add_argument(
        "--version-pattern", metavar="REGEX", help=r"finds the version in the answer (default: its first word, ^(\S+))"
    )
    parser.add_argument("--json", action="store_true", help="a JSON document per line")
    parser.add_argument("--once", action="store_true", help="look once; with --url after 200 requests")
    parser.add_argument("--expect", action="store_true", help="exit with 1 if what runs is not what the config says")
    return parser


def _source(given: argparse.Namespace) -> tuple[list[Problem], Source | None]:
    problems: list[Problem] = []
    try:
        rate = float(given.rate)
    except ValueError:
        rate = 0.0
    if not RATES[0] <= rate <= RATES[1]:
        problems.append(Problem("--rate", given.rate, f"must be a number from {RATES[0]} to {RATES[1]}"))
    try:
        pattern = re.compile(given.version_pattern or r"^(\S+)")
    except re.error as error:
        problems.append(
            Problem("--version-pattern", given.version_pattern, _plain(f"is no regular expression: {error}"))
        )
        pattern = re.compile("")
    if given.version_pattern and given.version_header:
        problems.append(
            Problem("--version-header", given.version_header, "excludes --version-pattern: use one of them")
        )
    if given.url is None:
        return problems, None
    return [*_url(given.url), *problems], Source(given.url, rate, given.version_header, pattern)


def _url(text: str) -> Iterator[Problem]:
    accepted = "must be an address that begins with http:// or https://"
    try:
        url = httpx.URL(text)
        if url.scheme not in ("http", "https") or not url.host:
            yield Problem("--url", text, accepted)
    except httpx.InvalidURL as error:
        yield Problem("--url", text, _plain(f"{accepted}: {error}"))


def _target(stack: str) -> tuple[Target | None, list[Problem]]:
    try:
        project = str(yaml.safe_load(Path("Pulumi.yaml").read_text(encoding="utf-8"))["name"])
        own = config_of_file(stack, project)
        kubernetes = config_of_file(stack, "kubernetes")
    except (OSError, yaml.YAMLError, ValueError) as error:
        return None, [Problem("--stack", stack, _plain(str(error)))]
    context, kubeconfig = _text(kubernetes.get("kubernetes:context")), _text(kubernetes.get("kubernetes:kubeconfig"))
    args, server = arguments_of(own), _text(own.get("apiServer")) or ""
    if problems := problems_of(project, stack, args, context, kubeconfig, server):
        return None, problems
    return Target(stack, cast(str, context), kubeconfig, Release.of(cast(Any, args))), []


def _text(value: Any) -> str | None:
    """A secret is None: the watch has no way to decrypt it, and takes the kubeconfig that kubectl takes."""
    return value if isinstance(value, str) else None


def _plain(text: str) -> str:
    """Braces in it would be read as names of arguments."""
    return text.replace("{", "{{").replace("}", "}}")
