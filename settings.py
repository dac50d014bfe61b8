"""Stack config → arguments of the release. Everything that is wrong with the config is told in one error."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pulumi
import yaml  # comes with pulumi, which reads stack files with it

from components import CanaryReleaseArgs, checks
from components.args import BOUNDS
from components.problems import MISSING, REMOVE, SECRET, Problem, config_keys, did_you_mean, nearest, report
from components.release import camel
from kubeconfig import contexts

KEYS = {camel(name): name for name in CanaryReleaseArgs.__annotations__}
OBJECTS = ("container", "pod")
VERSIONS = ("stable_version", "canary_version")
ZERO_IS_ABSENT = ("service_port", "node_port", "fixed_total")


def read_settings() -> CanaryReleaseArgs:
    """The arguments that the stack's config describes. Raises `pulumi.RunError` with all problems."""
    stack, project = pulumi.get_stack(), pulumi.get_project()
    args = arguments_of(_own(_config(), project))
    kubernetes = pulumi.Config("kubernetes")
    # Alone: the text of another problem could show the secret.
    problems = [*_secrets(project)] or problems_of(
        project, stack, args, kubernetes.get("context"), kubernetes.get("kubeconfig")
    )
    if problems:
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        headline = f"the config of stack {stack} has {count}; nothing was changed"
        raise pulumi.RunError(report(headline, problems, config_keys(stack)))
    return cast(CanaryReleaseArgs, args)


def problems_of(
    project: str, stack: str, args: dict[str, Any], context: str | None, kubeconfig: str | None
) -> list[Problem]:
    """Everything that is wrong with a stack's arguments and its Kubernetes context."""
    return [
        *_unquoted_versions(project, stack, args),
        *checks.problems(args),
        *_context(stack, context, kubeconfig),
    ]


def _config() -> dict[str, str]:
    """Every key of the stack. Language hosts hand it over in the environment or by a call."""
    return {**pulumi.runtime.config.get_config_env(), **pulumi.runtime.config.CONFIG.get()}


def _own(config: Mapping[str, Any], project: str) -> dict[str, Any]:
    """The keys of the project; a known one without its namespace."""
    own = {key: value for key, value in config.items() if key.startswith(f"{project}:")}
    return {short if (short := key.partition(":")[2]) in KEYS else key: value for key, value in own.items()}


def arguments_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments from config by key, as text or as YAML has it."""
    args: dict[str, Any] = {}
    for key, given in config.items():
        name = KEYS.get(key, key)
        value = _parsed(name, given) if isinstance(given, str) else given
        # Defaults in Pulumi.yaml that say `not set`: the engine requires every key without a default.
        if value not in ("", {}) and not (value == 0 and name in ZERO_IS_ABSENT):
            args[name] = value
    return args


def config_of_file(stack: str, project: str) -> dict[str, Any]:
    """Config by key, as the stack's file has it. Raises `ValueError` if there is none."""
    path = Path(f"Pulumi.{stack}.yaml")
    if not path.is_file():
        known = sorted(file.name.split(".")[1] for file in Path().glob("Pulumi.*.yaml"))
        proposal = did_you_mean(nearest(stack, known))
        raise ValueError(f"there is no {path}: the stack must be one of {', '.join(known)}{proposal}")
    return _own(_config_in(path, yaml.SafeLoader), project)


def _parsed(name: str, text: str) -> Any:
    """The value of the text, or the text itself where it is no such value: `checks` says what is accepted."""
    if name in BOUNDS and re.fullmatch(r"[+-]?[0-9]+", text):
        return int(text)
    if checks.TYPES.get(name) is bool:
        return {"true": True, "false": False}.get(text, text)
    if name in OBJECTS:
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return text


def _unquoted_versions(project: str, stack: str, args: dict[str, Any]) -> Iterator[Problem]:
    """YAML reads an unquoted 1.10 as the number 1.1, and the program only ever sees 1.1. Only the file shows it."""
    path = Path(f"Pulumi.{stack}.yaml")
    if not path.exists():
        return
    typed, written = _config_in(path, yaml.SafeLoader), _config_in(path, yaml.BaseLoader)
    for name in VERSIONS:
        key = f"{project}:{camel(name)}"
        if typed.get(key) is not None and not isinstance(typed[key], str | dict):
            args[name] = written[key]
            kind = (
                "boolean"
                if isinstance(typed[key], bool)
                else "number"
                if isinstance(typed[key], int | float)
                else "date"
            )
            accepted = f"must be quoted in {path.name}: unquoted, YAML reads it as the {kind} {typed[key]}"
            yield Problem(name, written[key], accepted, [(name, written[key])])


def _secrets(project: str) -> Iterator[Problem]:
    """Arguments are plain: the state, the preview and the Deployment would show a secret."""
    for name in KEYS:
        if pulumi.runtime.is_config_secret(key := f"{project}:{name}"):
            accepted = "must not be secret: it would stand in the state and the Deployment in plain text; "
            accepted += "keep it in a Kubernetes Secret and name that in container.env[].valueFrom.secretKeyRef"
            yield Problem(key, SECRET, accepted, [(key, REMOVE)])


def _config_in(path: Path, loader: type[yaml.BaseLoader | yaml.SafeLoader]) -> dict[str, Any]:
    return _object(_object(yaml.load(path.read_text(encoding="utf-8"), Loader=loader)).get("config"))


def _object(value: Any) -> dict[str, Any]:
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _context(stack: str, context: str | None, kubeconfig: str | None) -> Iterator[Problem]:
    """The provider takes the current context if none is set, and previews an unknown one without a word."""
    key, known = "kubernetes:context", contexts(kubeconfig)
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
