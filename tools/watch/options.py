"""The options of the watch, and the stack file that it compares with. One error tells all problems."""

import argparse
import re
import socket
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import httpx

from canary_release.model.problem import Problem, literal
from canary_release.text.report import report
from canary_release.text.spelling import config_keys
from stack.context import CONTEXT, KUBECONFIG, context_problems
from stack.files import ConfigError, read_config
from stack.settings import settings_of

from .target import Target, WatchError
from .traffic import Source

RATES = (1, 100)
"""Fewest and most requests per second."""


@dataclass(frozen=True)
class Options:
    """The options of the watch."""

    stack: str
    source: Source | None
    json: bool
    once: bool
    expect: bool


def options(arguments: Sequence[str]) -> Options:
    """The options of a command line. Raises `WatchError` with all that is wrong with them and the stack file."""
    parser = argparse.ArgumentParser(prog="python -m tools.watch", description="The live split of a release.")
    parser.add_argument("--stack", default="dev", help="the release is that of its file (default: %(default)s)")
    parser.add_argument("--url", help="address of the release: opens a new connection for every request")
    rates = f"{RATES[0]} to {RATES[1]}"
    parser.add_argument("--rate", default="20", help=f"most requests per second, {rates} (default: %(default)s)")
    pattern = "finds the version in an answer: its body, then its headers as `name: value` lines (default: %(default)s)"
    parser.add_argument("--version-pattern", metavar="REGEX", default=r"^(\S+)", help=pattern)
    parser.add_argument("--json", action="store_true", help="a JSON object per line")
    parser.add_argument("--once", action="store_true", help="look once; with --url after 200 requests")
    parser.add_argument("--expect", action="store_true", help="exit with 1 if what runs is not what the config says")
    given = parser.parse_args(arguments)
    read_target(given.stack, _problems(given))
    source = None if given.url is None else Source(given.url, float(given.rate), re.compile(given.version_pattern))
    return Options(given.stack, source, given.json, given.once, given.expect)


def read_target(stack: str, problems: Iterable[Problem] = ()) -> Target:
    """The stack file as it is now. Raises `WatchError` with these problems and its own."""
    headline, told = f"stack {stack} cannot be watched", list(problems)
    try:
        config = read_config(stack)
    except ConfigError as error:
        reason = literal(textwrap.indent(str(error), "    ").strip())
        raise WatchError(report(headline, [*told, Problem(("--stack",), stack, reason)], config_keys(stack))) from error
    settings, unknown = settings_of(config), config.only_the_engine_knows()
    told += [*(settings if isinstance(settings, list) else ()), *context_problems(config)]
    if told or isinstance(settings, list):
        raise WatchError("\n\n".join([report(headline, told, config_keys(stack, config.project)), *unknown]))
    kubeconfig = config.values.get(KUBECONFIG)
    return Target(stack, config.values[CONTEXT], kubeconfig, settings.parsed.release, tuple(unknown))


def _problems(given: argparse.Namespace) -> Iterator[Problem]:
    if given.url is not None and (refused := _refused(given.url)):
        yield Problem(("--url",), given.url, refused)
    if not re.fullmatch(r"\d+(\.\d+)?", given.rate) or not RATES[0] <= float(given.rate) <= RATES[1]:
        yield Problem(("--rate",), given.rate, f"must be a number from {RATES[0]} to {RATES[1]}")
    try:
        re.compile(given.version_pattern)
    except re.error as error:
        yield Problem(("--version-pattern",), given.version_pattern, literal(f"is no regular expression: {error}"))
    if given.expect and not given.once:
        yield Problem(("--expect",), True, "needs --once: only that ends with an exit code")


def _refused(text: str) -> str | None:
    """Why no request can be sent to this address, if none can."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 1) < 65536:
        return "must be http:// or https:// and a host, with a port up to 65535 if any"
    try:
        socket.getaddrinfo(url.raw_host, None)
    except socket.gaierror as error:
        return literal(f"names a host that does not resolve: {error.strerror}")
    return None
