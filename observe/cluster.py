"""The objects of a release, as the cluster has them, read with nothing but the verb `list`."""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ForbiddenException
from urllib3.exceptions import HTTPError  # comes with kubernetes, which raises it

from kubeconfig import kubectl_options

from .options import Target, WatchError

Json = dict[str, Any]

TIMEOUT_SECONDS = 5
"""How long the API server may take for one answer."""


@dataclass(frozen=True)
class Objects:
    """What the cluster has of a release."""

    deployments: list[Json]
    pods: list[Json]
    endpoint_slices: list[Json]
    events: list[Json]
    """Warnings of all pods of the namespace."""


def read(target: Target) -> Objects:
    """The objects at this moment. Raises `WatchError` if they cannot be read, with every missing permission."""
    api, release = _client(target.context, target.kubeconfig), target.release
    host = str(cast(Any, api).configuration.host)
    core, app = client.CoreV1Api(api), {"label_selector": f"app={release.app}"}
    of_service = {"label_selector": f"kubernetes.io/service-name={release.service_name or ''}"}
    warnings = {"field_selector": "type=Warning,involvedObject.kind=Pod"}
    lists: dict[str, tuple[Any, dict[str, str]]] = {
        "deployments.apps": (client.AppsV1Api(api).list_namespaced_deployment, app),
        "pods": (core.list_namespaced_pod, app),
        "endpointslices.discovery.k8s.io": (client.DiscoveryV1Api(api).list_namespaced_endpoint_slice, of_service),
        "events": (core.list_namespaced_event, warnings),
    }
    found: list[list[Json]] = []
    missing: list[str] = []
    for resource, (lister, selector) in lists.items():
        try:
            # As JSON: the client's own classes refuse what a server of another version leaves out.
            answer = lister(release.namespace, **selector, _preload_content=False, _request_timeout=TIMEOUT_SECONDS)
            found.append(json.loads(cast(bytes, answer.data))["items"])
        except ForbiddenException as error:
            user = re.search(r'User \\"(.+?)\\"', str(cast(Any, error).body))
            missing.append(missing_permission(resource, release.namespace, user[1] if user else "this identity"))
        except (client.ApiException, HTTPError, ValueError, KeyError) as error:
            hint = "; `make up` starts the sandbox" if target.context == "canary-sandbox" else ""
            server = f"the API server of context {target.context} does not answer at {host}"
            raise WatchError(f"{server}: {_line(error)}{hint}") from error
    if missing:
        raise WatchError("\n".join(missing))
    return Objects(*found)


def missing_permission(resource: str, namespace: str, user: str) -> str:
    """What the user may not do, and the commands that change it."""
    where, role = f"--namespace {namespace}", f"watch-{resource.partition('.')[0]}"
    return (
        f"missing permission: {user} may not list {resource} in namespace {namespace}; "
        f"fix: kubectl create role {role} {where} --verb list --resource {resource} && "
        f"kubectl create rolebinding {role} {where} --role {role} --user {user}"
    )


def inside(item: Json, *path: str) -> Json:
    """The object in a field, at any depth; an empty one where there is none."""
    for field in path:
        item = cast(Json, item.get(field) or {})
    return item


def listed(item: Json, *path: str) -> list[Json]:
    """The list in a field, at any depth; an empty one where there is none."""
    return cast(list[Json], inside(item, *path[:-1]).get(path[-1]) or [])


def condition(item: Json, kind: str) -> Json:
    """A condition of the object's status; an empty one if it has none of the kind."""
    return {each["type"]: each for each in listed(item, "status", "conditions")}.get(kind, {})


def is_ready(pod: Json) -> bool:
    """Whether the pod is ready, in its own words."""
    return condition(pod, "Ready").get("status") == "True"


@cache
def _client(context: str, kubeconfig: str | None) -> client.ApiClient:
    settings = client.Configuration()
    settings.retries = False
    try:
        with kubectl_options(kubeconfig) as options:
            load = cast(Any, config).new_client_from_config  # without types
            return load(options[-1] if options else None, context, client_configuration=settings)
    except (config.ConfigException, OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise WatchError(f"the kubeconfig's context {context} cannot be used: {_line(error)}") from error


def _line(error: Exception) -> str:
    return " ".join(str(getattr(error, "reason", None) or error).split())[:200]
