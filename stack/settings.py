"""Turns config into what the program needs, or into all problems of the config."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import pulumi

from canary_release import CanaryReleaseArgs, pulumi_host
from canary_release.gates import parse_gates
from canary_release.model.arguments import GATES, TYPES, UNREGISTERED
from canary_release.model.parsing import Parsed, parse
from canary_release.model.problem import MISSING, REMOVE, SECRET, Problem, did_you_mean, nearest
from canary_release.text.report import report
from canary_release.text.spelling import config_keys

from .arguments import ARGUMENT_NAMES, STACK_KEYS, arguments_of, entries_by_name, stack_value
from .context import context_problems, provider_problems
from .files import Config, ConfigError, Entry, read_config, stack_file
from .quoting import date_problems, version_problems, with_written_fix, written_versions
from .siblings import sibling_problems

TOKEN = "prometheusToken"
OBJECTS = ("patches", "canary_patch", "gates")


@dataclass(frozen=True)
class Settings:
    """What the config of a stack describes."""

    arguments: CanaryReleaseArgs
    parsed: Parsed
    """The release that the arguments describe, and what is told of it."""
    protect: bool
    """Whether Pulumi protects the stable Deployment and the Services."""


def read_settings() -> Settings:
    """The settings of the stack that the engine runs. Raises `pulumi.RunError` with all problems."""
    config = _config_of_the_engine()
    settings = deployable(config, pulumi.get_organization())
    problems = settings if isinstance(settings, list) else []
    if not any(_secret_problems(config)):
        problems += context_problems(config)
    if problems or isinstance(settings, list):
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        headline = f"the config of stack {config.stack} has {count}; nothing was changed"
        raise pulumi_host.Refusal(report(headline, problems, config_keys(config.stack, config.project)))
    return settings


def deployable(config: Config, organization: str | None = None) -> Settings | list[Problem]:
    """What the config says, or all problems that the files of the project show: see `settings_of`."""
    settings = settings_of(config, organization)
    if isinstance(settings, list):
        return settings
    return [config.placed(each) for each in sibling_problems(config, settings.parsed.release)] or settings


def settings_of(config: Config, organization: str | None = None) -> Settings | list[Problem]:
    """What the config says, or all its problems, without those that other files show: the kubeconfig, and those of the
    other stacks.

    `organization` is the one of the engine's login, where an engine runs.
    """
    # These alone: the text of another problem could show the secret.
    if secrets := list(_secret_problems(config)):
        return [config.placed(each) for each in secrets]
    entries, args = dict(entries_by_name(config)), arguments_of(config)
    problems = list(_entry_problems(entries))
    for problem in problems:
        args.pop(str(problem.path[0]), None)
    problems += config.problems
    problems += version_problems(entries)
    args |= written_versions(entries)
    parsed = parse(args, STACK_KEYS)
    told = {problem.path[0] for problem in problems}
    found = [each for each in parsed if each.path[0] not in told] if isinstance(parsed, list) else []
    problems += [with_written_fix(each, entries) for each in found]
    problems += [each for name in OBJECTS if name in entries for each in date_problems(name, entries[name])]
    gates = parse_gates(*map(args.get, GATES))
    stack_problems = [*_stack_problems(config, organization), *(gates if isinstance(gates, list) else [])]
    problems += [each for each in stack_problems if each.path[0] not in told]
    problems += _required_problems(config, [each.path for each in problems])
    problems += [*provider_problems(config), *_project_problems(config)]
    if problems or isinstance(parsed, list):
        return [config.placed(each) for each in problems]
    return Settings(cast(CanaryReleaseArgs, args), parsed, stack_value(config, "protect") is True)


def _config_of_the_engine() -> Config:
    project, stack, values = pulumi.get_project(), pulumi.get_stack(), pulumi_host.config()
    try:
        config = read_config(stack)
    except ConfigError as error:
        # The engine has read the config: it may be in another file.
        if stack_file(stack).is_file():
            pulumi.log.warn(str(error))
        config = Config(project, stack, {}, {})
    secrets = frozenset(key for key in values if pulumi_host.is_secret(key))
    return replace(config, project=project, engine_values=values, engine_secrets=secrets)


def _secret_problems(config: Config) -> Iterator[Problem]:
    """Secrets among the plain arguments, which state, preview and Deployment would show; a token that is no secret."""
    token = config.key(TOKEN)
    for key in sorted(config.secrets):
        namespace, _, name = key.partition(":")
        if namespace == config.project and key != token:
            accepted = f"must not be secret, as only {TOKEN} may be: messages show it in plain text"
            if ARGUMENT_NAMES.get(name, GATES[0]) not in UNREGISTERED:
                accepted = "must not be secret: it would stand in the state and the Deployment in plain text; "
                accepted += (
                    "keep it in a Kubernetes Secret and name that in the manifest, in env[].valueFrom.secretKeyRef"
                )
            yield Problem((key,), SECRET, accepted, [((key,), REMOVE)])
    if config.values.get(token) and token not in config.secrets:
        accepted = f"must be secret: `pulumi config set --secret {TOKEN}` asks for it; "
        accepted += "this one stands in a file in plain text, so revoke it and make another"
        yield Problem((TOKEN,), SECRET, accepted, [((TOKEN,), REMOVE)])


def _entry_problems(entries: Mapping[str, Entry]) -> Iterator[Problem]:
    """Values that the engine refuses by the types of Pulumi.yaml, if it checks them."""
    for name, entry in entries.items():
        value: Any = entry.value
        wanted = STACK_KEYS.get(name) or TYPES[name]
        if value is None:
            yield Problem((name,), None, "must have a value, or not be there", [((name,), REMOVE)])
        elif isinstance(value, list | dict) and wanted in (str, Any) and not entry.is_secret:
            yield Problem((name,), value, "must be text", [((name,), REMOVE)])


def _stack_problems(config: Config, organization: str | None) -> Iterator[Problem]:
    protect, proven_in = stack_value(config, "protect"), config.get("provenIn")
    if not isinstance(protect, bool | None):
        yield Problem(("protect",), protect, "must be true or false", [(("protect",), True)])
    if _is_itself(proven_in, config, organization):
        accepted = "must be another stack: what this one runs as stable proves no new version"
        yield Problem(("proven_in",), proven_in, accepted, [(("proven_in",), "<stack>")])


def _project_problems(config: Config) -> Iterator[Problem]:
    """Keys of a release whose project is misspelt: the engine takes them for those of another package."""
    for key in sorted({*config.values, *config.secrets}):
        namespace, _, name = key.partition(":")
        if namespace == config.project or not {name} & {*ARGUMENT_NAMES, *STACK_KEYS}:
            continue
        if meant := nearest(namespace, [config.project]):
            accepted = f"is no key of project {config.project}{did_you_mean(f'{meant}:{name}')}"
            yield Problem((key,), config.values.get(key, SECRET), accepted, [((key,), REMOVE)])


def _required_problems(config: Config, told: list[Any]) -> Iterator[Problem]:
    """Keys that have no value, and that Pulumi.yaml declares without a default."""
    for key in sorted(config.required):
        name = key.partition(":")[2]
        path = (ARGUMENT_NAMES.get(name, name),)
        if key not in config.values and key not in config.secrets and path not in told:
            accepted = "is required: Pulumi.yaml declares it without a default"
            yield Problem(path, MISSING, accepted, [(path, "<value>")])


def _is_itself(proven_in: str, config: Config, organization: str | None) -> bool:
    whole = f"{organization or ''}/{config.project}/{config.stack}"
    return proven_in in (config.stack, whole) or (organization is None and proven_in.endswith(whole))
