"""Objects on the sandbox's API server, as the stand-in provider reads and writes them."""

import json
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
import yaml
from kubernetes import client, config, dynamic
from kubernetes.dynamic import exceptions

CONTEXT = "canary-sandbox"
MANAGER = "canary-sandbox"
"""Field manager of everything the stand-in writes."""

Manifest = dict[str, Any]


class RefusedError(Exception):
    """What the API server, or this provider, says to a request; the text is for the user."""


class ForbiddenError(RefusedError):
    """This identity has no right to do that."""


class NotFoundError(RefusedError):
    """There is no such object, or no such namespace to write it to."""


class ConflictError(RefusedError):
    """A create met an object of the same kind and name, or a patch a later version of its object."""


class UnreachableError(RefusedError):
    """No answer, which may be different in a moment."""


REFUSALS: dict[type[exceptions.DynamicApiError], type[RefusedError]] = {
    exceptions.ForbiddenError: ForbiddenError,
    exceptions.NotFoundError: NotFoundError,
    exceptions.ConflictError: ConflictError,
}


class Api:
    """The sandbox's API server; `kubeconfig` is a path, the text itself, or empty for KUBECONFIG."""

    def __init__(self, context: str, kubeconfig: str, namespace: str) -> None:
        if context != CONTEXT:
            raise RefusedError(
                f"kubernetes:context is {context!r}, but this stand-in for the Kubernetes provider only serves "
                f"{CONTEXT!r}; `pulumi config set kubernetes:context {CONTEXT}`, or install the official provider"
            )
        settings: Any = client.Configuration()
        try:
            loaded = _load(kubeconfig, settings)
        except (config.ConfigException, yaml.YAMLError, OSError) as error:
            raise RefusedError(f"no context {CONTEXT!r}: {error}") from None
        if urlsplit(str(settings.host)).hostname != "127.0.0.1":
            raise RefusedError(
                f"context {CONTEXT!r} leads to {settings.host}, but this stand-in only serves the sandbox on 127.0.0.1"
            )
        settings.retries = False
        self.namespace = namespace or loaded or "default"
        self.host = settings.host
        # Discovery would cost several requests per preview; these few kinds need none of it.
        self._dynamic: Any = dynamic.DynamicClient(client.ApiClient(settings), discoverer=_no_discovery)

    def get(self, version: str, kind: str, namespace: str, name: str) -> Manifest | None:
        """None when there is no such object."""
        try:
            return self._call("get", self._resource(version, kind), name=name, namespace=namespace)
        except NotFoundError:
            return None

    def list(self, version: str, kind: str, namespace: str, **selectors: str) -> list[Manifest]:
        return self._call("get", self._resource(version, kind), namespace=namespace, **selectors)["items"]

    def create(self, manifest: Manifest, dry_run: bool) -> Manifest:
        """Raises ConflictError where there is such an object."""
        return self._write("create", manifest, dry_run)

    def apply(self, manifest: Manifest, dry_run: bool) -> Manifest:
        """Server-side apply, which takes the fields it names from any other manager."""
        return self._write("server_side_apply", manifest, dry_run, force_conflicts=True)

    def delete(self, version: str, kind: str, namespace: str, name: str) -> Manifest | None:
        """Foreground deletion, which ends when the object's dependents are gone; None when there is no such object."""
        body = {"propagationPolicy": "Foreground"}
        try:
            return self._call("delete", self._resource(version, kind), name=name, namespace=namespace, body=body)
        except NotFoundError:
            return None

    def take_over(self, manifest: Manifest) -> None:
        """Makes what a create or kubectl wrote this manager's own: an apply never removes a field of another's."""
        metadata = manifest["metadata"]
        resource = self._resource(manifest["apiVersion"], manifest["kind"])
        live = self.get(manifest["apiVersion"], manifest["kind"], metadata.get("namespace", ""), metadata["name"])
        entries: list[Manifest] = live["metadata"].get("managedFields", []) if live else []
        own = [entry for entry in entries if _is_taken_over(entry)]
        if not live or all(entry["manager"] == MANAGER and entry["operation"] == "Apply" for entry in own):
            return
        fields: Manifest = {}
        for entry in own:
            fields = _united(fields, entry["fieldsV1"])
        mine = own[0] | {"manager": MANAGER, "operation": "Apply", "fieldsV1": fields}
        patch = [
            {"op": "replace", "path": "/metadata/managedFields", "value": [*_others(entries), mine]},
            {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
        ]
        where = {"name": metadata["name"], "namespace": metadata.get("namespace")}
        try:
            self._call("patch", resource, body=patch, content_type="application/json-patch+json", **where)
        except ConflictError:
            self.take_over(manifest)

    def _write(self, verb: str, manifest: Manifest, dry_run: bool, **options: Any) -> Manifest:
        metadata = manifest["metadata"]
        resource = self._resource(manifest["apiVersion"], manifest["kind"])
        if verb != "create":
            options["name"] = metadata["name"]
        if dry_run:
            options["dry_run"] = "All"
        namespace = metadata.get("namespace")
        return self._call(verb, resource, body=manifest, namespace=namespace, field_manager=MANAGER, **options)

    def _resource(self, version: str, kind: str) -> Any:
        group, _, name = version.rpartition("/")
        return dynamic.Resource(  # pyright: ignore
            prefix="apis" if group else "api",
            group=group,
            api_version=name,
            kind=kind,
            namespaced=kind not in CLUSTER_WIDE,
            verbs=["create", "delete", "get", "list", "patch"],
            name=kind.lower() + "s",
            client=self._dynamic,
        )

    def _call(self, verb: str, resource: Any, **arguments: Any) -> Any:
        try:
            answer = getattr(self._dynamic, verb)(resource, serialize=False, **arguments)
        except exceptions.DynamicApiError as error:
            raise REFUSALS.get(type(error), RefusedError)(_text(error)) from None
        except urllib3.exceptions.HTTPError as error:
            reason = str(getattr(error, "reason", error)).split(": ", 1)[-1]
            raise UnreachableError(f"the API server at {self.host} cannot be reached: {reason}") from None
        return json.loads(answer.data)


CLUSTER_WIDE = ("Namespace", "Node", "PersistentVolume", "ClusterRole", "ClusterRoleBinding")


def _is_taken_over(entry: Manifest) -> bool:
    """As the official provider does: also what kubectl wrote, but for subresources such as scale."""
    return "subresource" not in entry and entry["manager"].startswith((MANAGER, "kubectl"))


def _others(entries: list[Manifest]) -> list[Manifest]:
    return [entry for entry in entries if not _is_taken_over(entry)]


def _united(one: Manifest, other: Manifest) -> Manifest:
    """All fields of both sets, as managedFields writes them: an empty object is a leaf."""
    return {
        **one,
        **{field: _united(one.get(field, {}), below) for field, below in other.items()},
    }


def _no_discovery(*_: Any) -> None:
    pass


def _load(kubeconfig: str, settings: Any) -> str:
    """Fills `settings` from the kubeconfig and returns the namespace of its context."""
    if "\n" in kubeconfig:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(kubeconfig)
            file.flush()
            return _load(file.name, settings)
    path: Any = str(Path(kubeconfig).expanduser()) if kubeconfig else None
    loader: Any = config
    loader.load_kube_config(config_file=path, context=CONTEXT, client_configuration=settings)
    contexts: Any = loader.list_kube_config_contexts(config_file=path)[0]
    return next(context["context"].get("namespace", "") for context in contexts if context["name"] == CONTEXT)


def _text(error: Any) -> str:
    try:
        return json.loads(error.body)["message"]
    except (TypeError, ValueError, KeyError):
        return f"{error.status} {error.reason}"
