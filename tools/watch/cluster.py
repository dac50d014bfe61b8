"""The objects of a release, as the cluster has them, read with nothing but the verb `list`."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import yaml
from kubernetes import client, config
from urllib3 import Timeout
from urllib3.exceptions import HTTPError  # comes with kubernetes, which raises it

from canary_release.hooks.kubectl import kubectl_options, label_selector
from canary_release.model.tree import Object, objects_at, text_at

from ..answers import in_time, parsed, plain
from .target import Target, WatchError

SECONDS = 10
"""How long all objects together may take."""
MOST_BYTES = 100_000_000
"""Of one answer."""
PAGE = 500
"""Objects that one answer has at most."""


@dataclass(frozen=True)
class Objects:
    """What the cluster has of a release."""

    deployments: list[Object]
    replica_sets: list[Object]
    pods: list[Object]
    endpoint_slices: list[Object]
    events: list[Object]
    """Warnings of all pods of the namespace."""


class _ForbiddenError(Exception):
    """The API server does not let this user read; the text is its own."""


def read(target: Target) -> Objects:
    """The objects at this moment. Raises `WatchError` if they cannot be read, with every missing permission."""
    try:
        return in_time(SECONDS, lambda: _read(target))
    except TimeoutError as error:
        raise WatchError(f"the API server of context {target.context} does not answer: {error}") from error


def missing_permission(resource: str, namespace: str, user: str) -> str:
    """What the user may not do, and the commands that change it."""
    role, where = f"watch-{resource.partition('.')[0]}", ["--namespace", namespace]
    commands = (
        ["kubectl", "create", "role", role, *where, "--verb", "list", "--resource", resource],
        ["kubectl", "create", "rolebinding", role, *where, "--role", role, "--user", user],
    )
    fix = " && ".join(map(shlex.join, commands))
    return f"missing permission: {user} may not list {resource} in namespace {namespace}; fix: {fix}"


def _read(target: Target) -> Objects:
    api, release = _client(target.context, target.kubeconfig), target.release
    app = {"labelSelector": label_selector(release.selector)}
    services = ",".join(service["metadata"]["name"] for service in release.services)
    of_services = {"labelSelector": f"kubernetes.io/service-name in ({services})"}
    names = [{"fieldSelector": f"metadata.name={name}"} for name in (release.name, release.canary_name)]
    warnings = {"fieldSelector": "type=Warning,involvedObject.kind=Pod"}
    # What is owned before its owner: of what is made meanwhile, the owner is seen too.
    lists: dict[str, tuple[str, list[dict[str, str]]]] = {
        "endpointslices.discovery.k8s.io": ("apis/discovery.k8s.io/v1", [of_services] if services else []),
        "pods": ("api/v1", [app]),
        "replicasets.apps": ("apis/apps/v1", [app]),
        "deployments.apps": ("apis/apps/v1", names),
        "events": ("api/v1", [warnings]),
    }
    found: dict[str, list[Object]] = {}
    missing: list[str] = []
    for resource, (group, queries) in lists.items():
        path = f"/{group}/namespaces/{release.namespace}/{resource.partition('.')[0]}"
        try:
            found[resource] = [item for query in queries for item in _items(api, path, query)]
        except _ForbiddenError as error:
            user = re.search(r'User "(.+?)"', str(error))
            missing.append(missing_permission(resource, release.namespace, user[1] if user else "this identity"))
        except (HTTPError, OSError, ValueError) as error:
            # A login that has ended, or an authority that is another one now, is read anew.
            _client.cache_clear()
            hint = "; `make up` starts the sandbox" if target.context == "canary-sandbox" else ""
            server = f"the API server of context {target.context} does not answer at {_host(api)}"
            raise WatchError(f"{server}: {_line(error)}{hint}") from error
    if missing:
        raise WatchError("\n".join(missing))
    slices, pods, replica_sets, deployments, events = found.values()
    return Objects(deployments, replica_sets, pods, slices, events)


def _items(api: client.ApiClient, path: str, query: dict[str, str]) -> Iterator[Object]:
    """The objects of a list, page after page."""
    more = ""
    while True:
        # As JSON: the client's own classes refuse what a server of another version leaves out.
        answer = _answer(api, path, {**query, "limit": str(PAGE), **({"continue": more} if more else {})})
        if not text_at(answer, "kind").endswith("List"):
            raise ValueError("what answers is no list of Kubernetes")
        yield from objects_at(answer, "items")
        before, more = more, text_at(answer, "metadata", "continue")
        if not more:
            return
        if more == before:
            raise ValueError("a list that has no end")


def _answer(api: Any, path: str, query: dict[str, str]) -> Any:
    headers: dict[str, str] = {"Accept": "application/json"}
    api.update_params_for_auth(headers, [], ["BearerToken"], path, "GET", None)
    options = {"timeout": Timeout(SECONDS), "retries": False, "preload_content": False, "redirect": False}
    response = api.rest_client.pool_manager.request("GET", _host(api) + path, fields=query, headers=headers, **options)
    try:
        body = cast(bytes, response.read(MOST_BYTES + 1))
    finally:
        response.close()
    if len(body) > MOST_BYTES:
        raise ValueError(f"an answer of more than {MOST_BYTES} bytes")
    try:
        answer = parsed(body)
    except ValueError as error:
        answer = error
    if response.status == 403:
        raise _ForbiddenError(text_at(answer, "message"))
    if response.status != 200:
        raise ValueError(f"{response.status} {response.reason}: {text_at(answer, 'message')}".rstrip(": "))
    if isinstance(answer, ValueError):
        raise answer
    return answer


@cache
def _client(context: str, kubeconfig: str | None) -> client.ApiClient:
    """What the kubeconfig says: the address, the certificates, and who asks."""
    try:
        with kubectl_options(kubeconfig) as options:
            load = cast(Any, config).new_client_from_config  # without types
            return load(options[-1] if options else None, context)
    except (config.ConfigException, OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise WatchError(f"the kubeconfig's context {context} cannot be used: {_line(error)}") from error


def _host(api: Any) -> str:
    return str(api.configuration.host)


def _line(error: Exception) -> str:
    return plain(str(getattr(error, "reason", None) or error), 200)
