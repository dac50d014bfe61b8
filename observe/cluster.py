"""The objects of a release, as the cluster has them, read with nothing but the verb `list`."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from kubernetes import client, config
from urllib3.exceptions import HTTPError  # comes with kubernetes, which raises it

from components.release import Release

Json = dict[str, Any]

TIMEOUT_SECONDS = 5
"""How long the API server may take for one answer."""


class ClusterError(Exception):
    """The cluster cannot be read at all; the text says why, and what to do."""


@dataclass(frozen=True)
class MissingPermission:
    """A resource that the identity may not list."""

    resource: str
    namespace: str
    user: str

    def __str__(self) -> str:
        where, role = f"--namespace {self.namespace}", f"watch-{self.resource.partition('.')[0]}"
        return (
            f"{self.user} may not list {self.resource} in namespace {self.namespace}; "
            f"fix: kubectl create role {role} {where} --verb list --resource {self.resource} && "
            f"kubectl create rolebinding {role} {where} --role {role} --user {self.user}"
        )


@dataclass(frozen=True)
class Objects:
    """What the cluster has of a release; None is what the identity may not list."""

    deployments: list[Json] | None
    pods: list[Json] | None
    endpoint_slices: list[Json] | None
    events: list[Json] | None
    missing: tuple[MissingPermission, ...]


class Cluster:
    """The API server of a context. Raises `ClusterError` if there is none."""

    def __init__(self, context: str, kubeconfig: str | None) -> None:
        self.context = context
        settings = client.Configuration()
        settings.retries = False
        try:
            api = _client(context, kubeconfig, settings)
        except (config.ConfigException, OSError, ValueError, TypeError, yaml.YAMLError) as error:
            raise ClusterError(f"the kubeconfig's context {context} cannot be used: {_line(error)}") from error
        self.host = str(cast(Any, api).configuration.host)
        core = client.CoreV1Api(api)
        self._lists: dict[str, Callable[..., Any]] = {
            "deployments.apps": client.AppsV1Api(api).list_namespaced_deployment,
            "pods": core.list_namespaced_pod,
            "endpointslices.discovery.k8s.io": client.DiscoveryV1Api(api).list_namespaced_endpoint_slice,
            "events": core.list_namespaced_event,
        }

    def read(self, release: Release) -> Objects:
        """The objects at this moment. Raises `ClusterError` if the API server does not answer, or refuses to."""
        missing: list[MissingPermission] = []

        def permitted(resource: str, **selector: str) -> list[Json] | None:
            items = self._list(resource, release.namespace, selector)
            if isinstance(items, MissingPermission):
                missing.append(items)
                return None
            return items

        app = f"app={release.app}"
        deployments = permitted("deployments.apps", label_selector=app)
        pods = permitted("pods", label_selector=app)
        slices: list[Json] | None = []
        if release.service_name:
            selector = f"kubernetes.io/service-name={release.service_name}"
            slices = permitted("endpointslices.discovery.k8s.io", label_selector=selector)
        events: list[Json] | None = []
        if any(not is_ready(pod) for pod in pods or []):
            events = permitted("events", field_selector="type=Warning,involvedObject.kind=Pod")
        return Objects(deployments, pods, slices, events, tuple(missing))

    def _list(self, resource: str, namespace: str, selector: Mapping[str, str]) -> list[Json] | MissingPermission:
        # As JSON: the client's own classes refuse what a server of another version leaves out.
        options = {"_preload_content": False, "_request_timeout": TIMEOUT_SECONDS}
        try:
            answer = self._lists[resource](namespace, **selector, **options)
            status, body = cast(int, answer.status), cast(bytes, answer.data)
        except client.ApiException as error:
            status, body = cast(Any, error).status, str(cast(Any, error).body or "").encode()
        except HTTPError as error:
            hint = "; `make up` starts the sandbox" if self.context == "canary-sandbox" else ""
            text = f"the API server of context {self.context} does not answer at {self.host}: {_line(error)}{hint}"
            raise ClusterError(text) from error
        try:
            content = cast(Json, json.loads(body))
            if status == 200:
                return cast(list[Json], content["items"])
            message = str(content.get("message"))
        except (ValueError, KeyError, TypeError, AttributeError):
            message = body[:100].decode(errors="replace")
        if status == 403:
            user = re.search(r'User "([^"]+)"', message)
            return MissingPermission(resource, namespace, user[1] if user else "this identity")
        if status == 401:
            raise ClusterError(f"the API server at {self.host} does not accept the credentials of {self.context}")
        raise ClusterError(f"the API server at {self.host} answers {status} to list {resource}: {message}")


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


def _client(context: str, kubeconfig: str | None, settings: client.Configuration) -> client.ApiClient:
    load = cast(Any, config)  # without types
    if kubeconfig and not Path(kubeconfig).is_file():
        content = yaml.safe_load(kubeconfig)
        return load.new_client_from_config_dict(content, context, client_configuration=settings)
    return load.new_client_from_config(kubeconfig, context, client_configuration=settings)


def _line(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return " ".join(str(reason).split())[:200]
