"""A namespace whose controllers act at once: Deployments, ReplicaSets, endpoints; enough for an adoption."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from canary_release.model.tree import Object, get
from canary_release.update.live import controller
from tools.adopt.adoption import owned
from tools.adopt.namespace import Namespace, is_selected


class KilledError(BaseException):
    """The process ends at once."""


@dataclass(frozen=True)
class Simulated(Namespace):
    """Answers as the API server would."""

    objects: dict[str, Object] = field(default_factory=dict[str, Object])
    """By uid."""
    calls: list[str] = field(default_factory=list[str])
    killed_at: list[int] = field(default_factory=list[int])
    """Number of the call at which the process is killed."""
    watched: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    """Called after every change."""
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def get(self, kind: str, name: str) -> Object | None:
        self._called(f"get {kind}")
        return next((deepcopy(each) for each in self._all(kind) if each["metadata"]["name"] == name), None)

    def listed(self, kind: str, labels: Mapping[str, str] | None = None) -> list[Object]:
        self._called(f"list {kind}")
        found = self._slices() if kind == "EndpointSlice" else self._all(kind)
        return [deepcopy(each) for each in found if (labels or {}).items() <= labels_of(each).items()]

    def patch(self, object_: Object, patch: Object) -> None:
        self._called(f"patch {object_['kind']}")
        _merge(self.objects[object_["metadata"]["uid"]], patch)
        self.settle()
        self._called("patched")

    def delete(self, objects: Sequence[Object], propagation: str) -> None:
        for each in objects:
            self._called(f"delete {each['kind']}")
            gone = self.objects.pop(each["metadata"]["uid"], None)
            for below in list(self.objects.values()) if gone else []:
                if (reference := controller(below)) and reference["uid"] == each["metadata"]["uid"]:
                    if propagation != "Orphan":
                        raise AssertionError("the objects below would be deleted")
                    del below["metadata"]["ownerReferences"]
            self.settle()
            self._called("deleted")

    def forbidden(self, questions: Sequence[tuple[str, str, str]]) -> list[str]:  # noqa: ARG002
        return []

    def create(self, object_: Object, controller: Object | None = None) -> Object:
        """Makes an object, and what its controllers make of it."""
        made = deepcopy(object_)
        number = next(self.numbers)
        made["metadata"] |= {"uid": f"uid-{number}", "generation": 1, "resourceVersion": "1"}
        made["metadata"].setdefault("name", f"{object_['kind'].lower()}-{number}")
        if controller:
            reference = {"kind": controller["kind"], "uid": controller["metadata"]["uid"], "controller": True}
            made["metadata"]["ownerReferences"] = [{**reference, "name": controller["metadata"]["name"]}]
        self.objects[made["metadata"]["uid"]] = made
        if made["kind"] == "Deployment":
            spec = made["spec"]
            counts = dict.fromkeys(
                ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), spec["replicas"]
            )
            made["status"] = {"observedGeneration": 1, **counts}
            template = deepcopy(spec["template"])
            template["metadata"]["labels"]["pod-template-hash"] = f"hash-{number}"
            self.create(
                {
                    "kind": "ReplicaSet",
                    "metadata": {"labels": template["metadata"]["labels"]},
                    "spec": {"replicas": spec["replicas"], "template": template},
                },
                made,
            )
        self.settle()
        return made

    def ready_endpoints(self, service: str) -> set[str]:
        """Names of the pods that the Service sends connections to."""
        slices = [
            each for each in self._slices() if each["metadata"]["labels"]["kubernetes.io/service-name"] == service
        ]
        return {endpoint["targetRef"]["name"] for each in slices for endpoint in each["endpoints"]}

    def pods(self) -> list[Object]:
        """All pods."""
        return self._all("Pod")

    def _all(self, kind: str) -> list[Object]:
        return [each for each in self.objects.values() if each["kind"] == kind]

    def _called(self, what: str) -> None:
        self.calls.append(what)
        if len(self.calls) in self.killed_at:
            raise KilledError(what)

    def settle(self) -> None:
        """Lets the controllers act."""
        for replica_set in self._all("ReplicaSet"):
            while len(owned(self.pods(), replica_set)) < replica_set["spec"]["replicas"]:
                pod = {"kind": "Pod", "metadata": deepcopy(replica_set["spec"]["template"]["metadata"])}
                pod["spec"] = deepcopy(replica_set["spec"]["template"]["spec"])
                pod["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
                self.create(pod, replica_set)
        for look in self.watched:
            look()

    def _slices(self) -> list[Object]:
        return [
            {
                "metadata": {"labels": {"kubernetes.io/service-name": service["metadata"]["name"]}},
                "endpoints": [
                    {
                        "conditions": {"ready": True},
                        "targetRef": {"uid": pod["metadata"]["uid"], "name": pod["metadata"]["name"]},
                    }
                    for pod in self.pods()
                    if is_selected(service["spec"]["selector"], labels_of(pod)) and _has_port(pod, port)
                ],
                "ports": [{"name": port.get("name", "")}],
            }
            for service in self._all("Service")
            for port in service["spec"]["ports"]
        ]


def labels_of(object_: Object) -> dict[str, str]:
    return object_["metadata"].get("labels", {})


def _has_port(pod: Object, port: Object) -> bool:
    """A named targetPort leads nowhere in a pod that has none of that name."""
    named = {each.get("name") for each in pod["spec"]["containers"][0].get("ports", [])}
    return not isinstance(port.get("targetPort"), str) or port["targetPort"] in named


def _merge(target: dict[str, Any], patch: Mapping[str, Any]) -> None:
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict):
            _merge(target.setdefault(name, {}), value)  # pyright: ignore[reportUnknownArgumentType] # JSON
        else:
            target[name] = deepcopy(value)


def is_reached(cluster: Simulated, pod: Object) -> bool:
    """Whether any Service sends connections to the pod."""
    services = [each for each in cluster.objects.values() if each["kind"] == "Service"]
    return any(is_selected(get(each, ("spec", "selector")), labels_of(pod)) for each in services)
