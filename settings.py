"""Stack config → what the program needs. Everything that is wrong with the config is told in one error."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, cast

import pulumi
import yaml

from components import CanaryReleaseArgs, Gates, checks
from components.args import BOUNDS, DEFAULTS
from components.gates import problems as gate_problems
from components.problems import (
    MISSING,
    REMOVE,
    SECRET,
    Fix,
    Problem,
    config_keys,
    did_you_mean,
    literal,
    nearest,
    report,
)
from components.release import camel
from kubeconfig import servers
from stack_files import Scalar, config_in, scalars

KEYS = {camel(name): name for name in CanaryReleaseArgs.__annotations__}
STACK_KEYS = ("protect", "provenIn", "apiServer", "gates", "prometheusUrl", "prometheusToken", "evidenceFolder")
"""Keys that say where the stack runs and how it treats its release, and are no arguments of it."""
OBJECTS = ("container", "pod", "gates")
VERSIONS = ("stable_version", "canary_version")
PLAIN_TOKEN = Problem(
    "prometheusToken",
    SECRET,
    "must be secret: `pulumi config set --secret prometheusToken` asks for it; "
    "this one stands in a file in plain text, so have it replaced",
    [("prometheusToken", REMOVE)],
)
ZERO_IS_ABSENT = ("service_port", "node_port", "fixed_total")


@dataclass(frozen=True)
class Settings:
    """What the config of a stack describes."""

    release: CanaryReleaseArgs
    protect: bool
    """Whether stable Deployment and Service can be deleted only after this is taken back."""
    gates: Gates
    evidence_folder: Path | None
    """Where each update that changed the release leaves a document; None for nowhere."""
    proven_in: str | None
    """Fully qualified name of the stack whose stable version a canary must have; None where any may start."""


def read_settings() -> Settings:
    """The settings of the selected stack. Raises `pulumi.RunError` with all problems."""
    stack, project = pulumi.get_stack(), pulumi.get_project()
    own = _own(_config(), project)
    args = arguments_of(own)
    kubernetes = pulumi.Config("kubernetes")
    context, server = kubernetes.get("context"), own.get("apiServer", "")
    # Alone: the text of another problem could show the secret.
    problems = [*_secrets(project)] or [
        *problems_of(project, stack, args, context, kubernetes.get("kubeconfig"), server),
        *stack_problems(own, _qualified(stack)),
        *_declared_twice(project, stack, args, context),
    ]
    if problems:
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        headline = f"the config of stack {stack} has {count}; nothing was changed"
        raise pulumi.RunError(report(headline, problems, config_keys(stack)))
    folder, proven_in = own.get("evidenceFolder"), own.get("provenIn")
    return Settings(
        cast(CanaryReleaseArgs, args),
        own.get("protect") == "true",
        _gates(own),
        Path(folder) if folder else None,
        _qualified(proven_in) if proven_in else None,
    )


def _gates(own: Mapping[str, Any]) -> Gates:
    token = own.get("prometheusToken")  # In the stack's file an object that hides it.
    given = _parsed("gates", own.get("gates") or {})
    return Gates(given, own.get("prometheusUrl", ""), token if isinstance(token, str) and token else None)


def problems_of(
    project: str, stack: str, args: dict[str, Any], context: str | None, kubeconfig: str | None, server: str
) -> list[Problem]:
    """Everything that is wrong with a stack's arguments and its Kubernetes context, which must lead to the server."""
    file = Path(f"Pulumi.{stack}.yaml")
    versions, fields = scalars(file, project, map(camel, VERSIONS), ("container", "pod"))
    return [
        *_unquoted_versions(file.name, args, versions),
        *_unquoted_dates(file.name, fields),
        *(_as_written(problem, fields) for problem in checks.problems(args, STACK_KEYS)),
        *_context(stack, context, kubeconfig, server),
    ]


def _config() -> dict[str, str]:
    """Every key of the stack. Language hosts hand it over in the environment or by a call."""
    return {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}


def _own(config: Mapping[str, Any], project: str) -> dict[str, Any]:
    """The keys of the project; a known one without its namespace."""
    own = {key: value for key, value in config.items() if key.startswith(f"{project}:")}
    known = (*KEYS, *STACK_KEYS)
    return {short if (short := key.partition(":")[2]) in known else key: value for key, value in own.items()}


def arguments_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments from config by key, as text or as YAML has it."""
    args: dict[str, Any] = {}
    for key, given in config.items():
        if key in STACK_KEYS:
            continue
        name = KEYS.get(key, key)
        value = _parsed(name, given)
        # Defaults in Pulumi.yaml that say `not set`: the engine requires every key without a default.
        if value not in ("", {}) and not (value == 0 and name in ZERO_IS_ABSENT):
            args[name] = value
    return args


def config_of_file(stack: str, project: str) -> dict[str, Any]:
    """Config by key, as the stack's file has it. Raises `ValueError` if there is none, or it is no YAML."""
    path = Path(f"Pulumi.{stack}.yaml")
    if not path.is_file():
        known = sorted(file.name.split(".")[1] for file in Path().glob("Pulumi.*.yaml"))
        proposal = did_you_mean(nearest(stack, known))
        raise ValueError(f"there is no {path}: the stack must be one of {', '.join(known)}{proposal}")
    try:
        return _own(config_in(path), project)
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is no YAML: {error}") from error


def _parsed(name: str, text: Any) -> Any:
    """The value of a text, or the text itself where it is no such value: `checks` says what is accepted."""
    if not isinstance(text, str):
        return text
    if name in BOUNDS and re.fullmatch(r"[+-]?[0-9]+", text):
        return int(text)
    if checks.TYPES.get(name) is bool or name == "protect":
        return {"true": True, "false": False}.get(text, text)
    if name in OBJECTS:
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return text


def _unquoted_versions(file: str, args: dict[str, Any], versions: Sequence[Scalar]) -> Iterator[Problem]:
    """YAML reads an unquoted 1.10 as the number 1.1, and the program only ever sees 1.1. Only the file shows it."""
    for key, value, text in versions:
        if key not in KEYS or value is None or isinstance(value, str):
            continue
        args[KEYS[key]] = text
        if not checks.TAG.fullmatch(text):
            continue  # Quotes would not make it one: `checks` says so.
        kind = "boolean" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "date"
        accepted = f"must be quoted in {file}: unquoted, YAML reads it as the {kind} {str(value).lower()}"
        yield Problem(KEYS[key], text, accepted, [(KEYS[key], text)])


def _unquoted_dates(file: str, fields: Sequence[Scalar]) -> Iterator[Problem]:
    """The program sees 2026-11-23 as `2026-11-23 00:00:00 +0000 UTC`, and `pulumi stack init` writes that."""
    for path, value, text in fields:
        written = text.removesuffix(" 00:00:00 +0000 UTC")
        if isinstance(value, date) or written != text:
            accepted = f"must be quoted in {file}: unquoted, YAML reads it as a date"
            yield Problem(path, text, accepted, [(path, written)])


def _as_written(problem: Problem, fields: Sequence[Scalar]) -> Problem:
    """What is to be quoted is what the file says: 0644 and 1.10, which YAML reads as 420 and 1.1."""
    if problem.accepted.endswith("(quote it)"):
        for path, _, text in fields:
            if path == problem.path:
                return replace(problem, fix=[(path, text)])
    return problem


def _secrets(project: str) -> Iterator[Problem]:
    """Arguments are plain: the state, the preview and the Deployment would show a secret. The token is one."""
    for key, value in _config().items():
        namespace, _, short = key.partition(":")
        secret = pulumi.runtime.is_config_secret(key)
        if secret and namespace == project and short != "prometheusToken":
            accepted = "must not be secret, as only prometheusToken may be: messages show it in plain text"
            if short in KEYS:
                accepted = "must not be secret: it would stand in the state and the Deployment in plain text; "
                accepted += "keep it in a Kubernetes Secret and name that in container.env[].valueFrom.secretKeyRef"
            yield Problem(key, SECRET, accepted, [(key, REMOVE)])
        elif namespace == project and short == "prometheusToken" and value and not secret:
            yield PLAIN_TOKEN


def _qualified(stack: str) -> str:
    """The name by which every backend knows the stack: `organization/project/stack`."""
    return stack if "/" in stack else f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}"


def stack_problems(own: Mapping[str, Any], this: str) -> Iterator[Problem]:
    """What is wrong with the keys that are no arguments, as text or as YAML has it, in the stack of this name."""
    protect, proven_in = _parsed("protect", own.get("protect", False)), str(own.get("provenIn") or "")
    another: Fix = [("provenIn", "<stack>")]
    if not isinstance(protect, bool):
        yield Problem("protect", protect, "must be true or false", [("protect", True)])
    if proven_in in (this, this.rpartition("/")[2]):
        accepted = "must be another stack: what this one runs as stable proves no new version"
        yield Problem("provenIn", proven_in, accepted, another)
    elif proven_in and not re.fullmatch(r"([\w.-]+/[\w.-]+/)?[\w.-]+", proven_in):
        accepted = "must be the name of a stack, or of a stack of another project: <organization>/<project>/<stack>"
        yield Problem("provenIn", proven_in, accepted, another)
    for key in ("apiServer", "evidenceFolder"):
        if isinstance(own.get(key), list | dict):
            yield Problem(key, own[key], "must be text", [(key, REMOVE)])
    gates = _gates(own)
    yield from gate_problems(gates.checks, gates.prometheus_url, gates.prometheus_token)


def declared_in(project: str, args: Mapping[str, Any], context: str | None) -> Iterator[tuple[Path, str]]:
    """Stack files of a release with the same name or app in the same namespace of the context, and what is the same."""
    own = {**DEFAULTS, **args}
    for path in sorted(Path().glob("Pulumi.*.yaml")):
        try:
            config = config_in(path)
        except yaml.YAMLError:
            continue
        other = {**DEFAULTS, **arguments_of(_own(config, project))}
        if config.get("kubernetes:context") != context or other["namespace"] != own["namespace"]:
            continue
        if same := [key for key in ("name", "app") if own.get(key) is not None and own.get(key) == other.get(key)]:
            yield path, " and ".join(same)


def _declared_twice(project: str, stack: str, args: Mapping[str, Any], context: str | None) -> Iterator[Problem]:
    """Two stacks that declare the same objects undo each other's updates. Only their files show it."""
    for path, same in declared_in(project, args, context):
        if path.name != f"Pulumi.{stack}.yaml":
            accepted = f"must not be {path}'s: in one namespace of one context both have the same {same}"
            accepted += "; or remove that file"
            namespace = args.get("namespace", DEFAULTS["namespace"])
            yield Problem("namespace", namespace, accepted, [("namespace", "<another namespace>")])


def _context(stack: str, context: str | None, kubeconfig: str | None, server: str) -> Iterator[Problem]:
    """The provider takes the current context if none is set, and previews an unknown one without a word."""
    key, known = "kubernetes:context", servers(kubeconfig)
    example = "canary-sandbox" if stack == "dev" else "<context>"
    hint = "; `make up` makes the context canary-sandbox" if "canary-sandbox" in (context, example) else ""
    if not context:
        accepted = f"is required, so that no stack runs wherever the kubeconfig happens to point{hint}"
        yield Problem(key, MISSING, accepted, [(key, example)])
    elif context not in known:
        listed = (
            f"one of the kubeconfig's: {', '.join(sorted(known))}" if known else "in the kubeconfig, which has none"
        )
        proposal = nearest(context, known)
        accepted = f"must be {listed}{did_you_mean(proposal)}{hint if not known else ''}"
        yield Problem(key, context, accepted, [(key, proposal or example)])
    elif server and known[context] != server:
        leads = known[context] or "no server"
        accepted = literal(f"must lead to {server}, which is apiServer; the kubeconfig leads it to {leads}")
        fixes = [(key, name) for name in sorted(known) if known[name] == server][:1]
        yield Problem(key, context, accepted, fixes or [("apiServer", known[context] or REMOVE)])
