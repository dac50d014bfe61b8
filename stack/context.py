"""Where a stack runs: its Kubernetes context, looked up in the kubeconfig that the provider uses.

That is `kubernetes:kubeconfig` (path or text), else kubectl's own.
"""

import inspect
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import yaml  # comes with pulumi

from canary_release.hooks.kubectl import is_file
from canary_release.model.problem import MISSING, REMOVE, SECRET, Problem, did_you_mean, literal, nearest
from canary_release.model.tree import Object
from canary_release.text.spelling import camel

from .files import Config

CONTEXT = "kubernetes:context"
KUBECONFIG = "kubernetes:kubeconfig"
CLUSTER = "kubernetes:cluster"
"""The provider's option that leads a context to another cluster of the kubeconfig."""
PROVIDER = "kubernetes:"
SANDBOX = "canary-sandbox"
"""The context that `make up` makes, which is that of stack `dev`."""


def provider_problems(config: Config) -> Iterator[Problem]:
    """Keys that the provider does not know, and a context that is not set. If none is set, the provider takes the
    current context.
    """
    keys = {key for key in {*config.values, *config.secrets} if key.startswith(PROVIDER)} - {CONTEXT, KUBECONFIG}
    known = provider_keys() if keys else []
    for key in sorted(keys):
        if key not in known:
            meant = nearest(key, known)
            value = SECRET if meant == KUBECONFIG else config.values.get(key, SECRET)
            yield Problem((key,), value, f"is not a key of the provider{did_you_mean(meant)}", [((key,), REMOVE)])
    if CLUSTER in config.values:
        accepted = "must not be set: the context says which cluster it is, and nothing else is looked up"
        yield Problem((CLUSTER,), config.values[CLUSTER], accepted, [((CLUSTER,), REMOVE)])
    path, example = (CONTEXT,), _example(config)
    if CONTEXT in config.secrets:
        yield Problem(path, MISSING, "must not be encrypted: it says where the stack runs", [(path, example)])
    elif not config.values.get(CONTEXT) and not (config.has_environment and config.engine_values is None):
        accepted = f"is required, so that no stack runs wherever the kubeconfig happens to point{_hint(config)}"
        yield Problem(path, MISSING, accepted, [(path, example)])


def provider_keys() -> list[str]:
    """What the installed provider reads of the config."""
    # The import takes 20 ms. Most stacks set no keys but context and kubeconfig.
    from pulumi_kubernetes import ProviderArgs

    return [PROVIDER + camel(name) for name in (*inspect.signature(ProviderArgs).parameters, "version")]


def _example(config: Config) -> str:
    return SANDBOX if config.stack == "dev" else "<context>"


def _hint(config: Config) -> str:
    is_meant = SANDBOX in (config.values.get(CONTEXT), _example(config))
    return f"; `make up` makes the context {SANDBOX}" if is_meant else ""


def context_problems(config: Config) -> Iterator[Problem]:
    """Why the context that the stack sets is not the one that is meant. The provider previews an unknown one without
    an error.
    """
    path, context, server = (CONTEXT,), config.values.get(CONTEXT), config.get("apiServer")
    if not context:
        return
    known = servers(config.values.get(KUBECONFIG))
    if context not in known:
        listed = (
            f"one of the kubeconfig's: {', '.join(sorted(known))}" if known else "in the kubeconfig, which has none"
        )
        proposal = nearest(context, known)
        hint = _hint(config) if context == SANDBOX or not known else did_you_mean(proposal)
        accepted = literal(f"must be {listed}{hint}")
        fix = [(path, meant)] if (meant := proposal or _example(config)) != context else []
        yield config.placed(Problem(path, context, accepted, fix))
    elif server and known[context] != server:
        leads = known[context] or "no server"
        accepted = literal(f"must lead to {server}, which is apiServer; the kubeconfig leads it to {leads}")
        fixes = [(path, name) for name in sorted(known) if known[name] == server][:1]
        yield config.placed(Problem(path, context, accepted, fixes or [(("apiServer",), known[context] or REMOVE)]))


def servers(given: str | None) -> dict[str, str]:
    """Address of the API server of each context, by the context's name; empty where there is none.

    A text that is no YAML has no context. Its error is not shown, because it could quote a secret.
    """
    files = [_object(_parsed(text)) for text in _texts(given)]
    addresses = {name: str(cluster.get("server") or "") for name, cluster in _named(files, "clusters", "cluster")}
    return {
        name: addresses.get(str(context.get("cluster")), "") for name, context in _named(files, "contexts", "context")
    }


def _parsed(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _texts(given: str | None) -> Iterator[str]:
    if given and not is_file(given):
        yield given
        return
    for path in (given or os.environ.get("KUBECONFIG") or "~/.kube/config").split(os.pathsep):
        try:
            yield Path(path).expanduser().read_text(encoding="utf-8")
        except (OSError, ValueError, RuntimeError):
            continue  # kubectl skips a file that is not there, too.


def _named(files: list[Object], section: str, part: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    # Of two entries with one name kubectl takes the first, and a dict keeps the last.
    for file in reversed(files):
        listed = file.get(section)
        for entry in reversed(cast(list[Any], listed) if isinstance(listed, list) else []):
            yield str(_object(entry).get("name")), _object(_object(entry).get(part))


def _object(value: Any) -> Object:
    return cast(Object, value) if isinstance(value, dict) else {}
