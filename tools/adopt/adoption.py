"""A release adopts what runs under the same name, without a lost request.

The progress is read from the cluster, so that the same command goes on after a kill at any moment. A Deployment without
track label is still to be deleted. Before that, its ReplicaSets and pods get the label `LEAVING`, and keep it.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations

from canary_release.model.additions import PRE_STOP_SECONDS
from canary_release.model.objects import manifests
from canary_release.model.release import Release
from canary_release.model.tree import Object, get
from canary_release.update.live import controller, is_leaving, is_ready

from .live import declared, is_in_place, is_rolled_out, refusals
from .managers import make_only_manager
from .namespace import GRACE_PERIOD, AdoptionError, Namespace, is_selected, until

LEAVING = "canary-release/leaving"
"""Label of ReplicaSets and pods that leave; its value is the Deployment that they were of."""
STEPS = 6
RIGHTS = (
    *((verb, "apps", resource) for resource in ("deployments", "replicasets") for verb in ("list", "patch", "delete")),
    *((verb, "", "pods") for verb in ("list", "patch", "delete")),
    ("list", "", "services"),
    ("patch", "", "services"),
    ("list", "discovery.k8s.io", "endpointslices"),
    ("list", "networking.k8s.io", "networkpolicies"),
)
"""Rights that an adoption needs: verb, API group and resource."""


class Adoption:
    """The adoption of one Deployment: every step may be repeated."""

    def __init__(
        self, namespace: Namespace, release: Release, update: Callable[[], None], sleep: Callable[[float], None]
    ):
        """`update` runs an update of the stack, in which `create` adopts what is there."""
        self._namespace, self._release, self._update, self._sleep = namespace, release, update, sleep
        self._leaving = {LEAVING: release.name}

    def run(self) -> Iterator[str]:
        """Carries it out, and tells each step before it is taken. Raises `AdoptionError` where it cannot go on."""
        name = self._release.name
        deployment = self._namespace.get("Deployment", name)
        if deployment is None and not self._namespace.listed("ReplicaSet", self._leaving):
            raise AdoptionError(f"there is no Deployment {name} in namespace {self._namespace.name}")
        if missing := self._namespace.forbidden(RIGHTS):
            raise AdoptionError(f"you are not allowed to {', '.join(missing)} in namespace {self._namespace.name}")
        if deployment and not is_in_place(self._release, deployment):
            yield f"1/{STEPS} deletes Deployment {name}; its pods stay and serve"
            self._delete_deployment(deployment)
        yield f"2/{STEPS} updates the stack"
        self._update()
        if self._namespace.listed("ReplicaSet", self._leaving) or self._old_pods():
            yield f"3/{STEPS} waits until the release's pods serve"
            self._await_new_pods()
            self._sleep(PRE_STOP_SECONDS)  # Now every node knows them.
            yield f"4/{STEPS} frees the old pods of their ReplicaSets, and takes the Services' labels from them"
            for replica_set in self._namespace.listed("ReplicaSet", self._leaving):
                self._free_pods(replica_set)
            seconds = self._take_out_of_services()
            yield f"5/{STEPS} waits {seconds} s for the old pods' last connections, and deletes them"
            self._sleep(seconds)
            self._namespace.delete(self._old_pods(), "Background")
        yield f"6/{STEPS} makes the release the only manager of its fields"
        for kind, object_name in manifests(self._release):
            make_only_manager(self._namespace, kind, object_name)
        yield f"Deployment {name} is a release"

    def _old_pods(self) -> list[Object]:
        return self._namespace.listed("Pod", self._leaving)

    def _delete_deployment(self, deployment: Object) -> None:
        if "deletionTimestamp" not in deployment["metadata"]:
            if reason := next(refusals(self._namespace, deployment), None):
                raise AdoptionError(reason)
            for replica_set in owned(self._namespace.listed("ReplicaSet"), deployment):
                self._namespace.patch(replica_set, labels(self._leaving))
        self._namespace.delete([deployment], "Orphan")

    def _await_new_pods(self) -> None:
        """Until each Service that reaches an old pod reaches all new ones, at each of the same ports."""
        name = self._release.name

        def deployment_serves() -> bool:
            found = self._namespace.get("Deployment", name)
            return found is not None and is_rolled_out(found)

        until(deployment_serves, f"all pods of Deployment {name} to be available")
        template = declared(self._release)["spec"]["template"]["metadata"]["labels"]
        pods = [pod for pod in self._namespace.listed("Pod", template) if is_ready(pod) and not is_leaving(pod)]
        new = {pod["metadata"]["uid"] for pod in pods}
        old = {pod["metadata"]["uid"] for pod in (*self._old_pods(), *self._pods_of_old_replica_sets())}

        def unreached() -> list[str]:
            slices = self._namespace.listed("EndpointSlice")
            behind_old, behind_new = (reached(slices, uids) for uids in (old, new))
            return [service for service, port in behind_old if len(behind_new.get((service, port), ())) < len(new)]

        until(lambda: not unreached(), "every Service that reaches the old pods to reach the release's")

    def _pods_of_old_replica_sets(self) -> list[Object]:
        pods = self._namespace.listed("Pod")
        return [pod for each in self._namespace.listed("ReplicaSet", self._leaving) for pod in owned(pods, each)]

    def _free_pods(self, replica_set: Object) -> None:
        """Deletes the ReplicaSet without its pods. A pod that it makes until then carries the label, too."""
        self._namespace.patch(replica_set, {"spec": {"template": labels(self._leaving)}})

        def all_marked() -> bool:
            pods = owned(self._namespace.listed("Pod"), replica_set)
            unmarked = [pod for pod in pods if LEAVING not in pod["metadata"].get("labels", {})]
            for pod in unmarked:
                self._namespace.patch(pod, labels(self._leaving))
            return not unmarked

        until(all_marked, f"the pods of ReplicaSet {replica_set['metadata']['name']} to be marked")
        self._namespace.delete([replica_set], "Orphan")

    def _take_out_of_services(self) -> int:
        """Takes the old pods out of all Services. Returns the seconds after which their last connections have ended."""
        pods, services = self._old_pods(), self._namespace.listed("Service")
        policies = self._namespace.listed("NetworkPolicy")
        for pod in pods:
            if lost := labels_to_lose(pod, services, policies):
                self._namespace.patch(pod, labels(dict.fromkeys(lost)))
        uids = {pod["metadata"]["uid"] for pod in pods}
        until(lambda: not reached(self._namespace.listed("EndpointSlice"), uids), "the old pods to leave all Services")
        # Every node drops their endpoints; then a request takes no longer than a pod has to end by itself.
        return PRE_STOP_SECONDS + max((get(pod, GRACE_PERIOD, 0) for pod in pods), default=0)


def owned(objects: list[Object], owner: Object) -> list[Object]:
    """Those of the objects whose controller is the owner."""
    uid = owner["metadata"]["uid"]
    return [each for each in objects if (reference := controller(each)) and reference["uid"] == uid]


def labels(values: Mapping[str, str | None]) -> Object:
    """The patch that sets labels, and takes away those that are None."""
    return {"metadata": {"labels": dict(values)}}


def reached(slices: list[Object], uids: set[str]) -> dict[tuple[str, str], set[str]]:
    """Which of these pods get connections, by Service and name of its port."""
    found: dict[tuple[str, str], set[str]] = {}
    for each in slices:
        service = get(each, ("metadata", "labels", "kubernetes.io/service-name"), "")
        endpoints: list[Object] = each.get("endpoints") or []
        ready = [endpoint for endpoint in endpoints if get(endpoint, ("conditions", "ready"), True)]
        pods = {str(get(endpoint, ("targetRef", "uid"), "")) for endpoint in ready} & uids
        ports: list[Object] = each.get("ports") or []
        for port in ports if pods else []:
            found.setdefault((service, port.get("name", "")), set()).update(pods)
    return found


def labels_to_lose(pod: Object, services: list[Object], policies: list[Object]) -> tuple[str, ...]:
    """The fewest labels to remove so that no Service selects the pod. Labels that NetworkPolicies use come last."""
    labels: dict[str, str] = pod["metadata"].get("labels", {})
    selectors = [each["spec"]["selector"] for each in services if is_selected(each["spec"].get("selector"), labels)]
    needed = set(keys_of_policies(policies))
    keys = sorted({key for selector in selectors for key in selector}, key=lambda key: (key in needed, key))
    return next(
        chosen
        for count in range(len(keys) + 1)
        for chosen in combinations(keys, count)
        if all(not selector.keys().isdisjoint(chosen) for selector in selectors)
    )


def keys_of_policies(policies: list[Object]) -> Iterator[str]:
    """The labels by which NetworkPolicies select pods: those that they are for, and those that these may talk to."""
    for policy in policies:
        spec: Object = policy["spec"]
        rules = [(rule, side) for name, side in (("ingress", "from"), ("egress", "to")) for rule in spec.get(name, [])]
        peers: list[Object] = [peer for rule, side in rules for peer in rule.get(side, [])]
        for selector in (get(each, ("podSelector",), {}) for each in (spec, *peers)):
            yield from selector.get("matchLabels", {})
            yield from (each["key"] for each in selector.get("matchExpressions", []))
