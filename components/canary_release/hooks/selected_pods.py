"""Which pods the Services of a release select besides the release's own: users are sent to them, too."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ..model.release import Release
from ..model.tree import Object, object_at, text_at
from ..update.live import controller, is_leaving
from .cluster import Cluster, objects
from .kubectl import label_selector

MOST_OWNERS = 5
"""Owners that one warning names."""
ENDED = ("Succeeded", "Failed")


def selected(release: Release, cluster: Cluster) -> list[Object]:
    """Pods and ReplicaSets of the namespace that a Service of the release selects. Raises `KubectlError`."""
    found: dict[str, Object] = {}
    for selector in {label_selector(service["spec"]["selector"]): None for service in release.services}:
        # A ReplicaSet has the labels of its pods, and says which Deployment they belong to.
        items = objects(cluster.ask, release.namespace, "pods,replicasets.apps", "--selector", selector)
        found |= {item["metadata"]["uid"]: item for item in items}
    return list(found.values())


def foreign_pods(release: Release, found: Sequence[Object]) -> Iterator[str]:
    """One warning for each Service that selects other pods than the release's; `found` is what `selected` returns."""
    sets = {each["metadata"]["uid"]: each for each in found if each["kind"] == "ReplicaSet"}
    pods = [each for each in found if each["kind"] == "Pod" and _serves(each)]
    for service in release.services:
        selector = service["spec"]["selector"].items()
        owners = [_owner(pod, sets) for pod in pods if selector <= object_at(pod, "metadata", "labels").items()]
        own = [("Deployment", release.name), ("Deployment", release.canary_name)]
        others = Counter(f"{kind} {name}" for kind, name in owners if (kind, name) not in own)
        if others:
            named = [f"{count} of {owner}" for owner, count in others.most_common(MOST_OWNERS)]
            more = [f"{len(others) - MOST_OWNERS} more"] if len(others) > MOST_OWNERS else []
            title = f"Service {service['metadata']['name']} in {release.namespace}"
            yield f"{title} also selects pods that are not this release's, and sends users there: " + ", ".join(
                [*named, *more]
            )


def _serves(pod: Object) -> bool:
    return text_at(pod, "status", "phase") not in ENDED and not is_leaving(pod)


def _owner(pod: Object, sets: Mapping[str, Object]) -> tuple[str, str]:
    """Kind and name of what the pod belongs to: of a ReplicaSet's pod its Deployment; of one without owner itself."""
    owner = controller(pod)
    if owner is None:
        return "Pod", pod["metadata"]["name"]
    above = controller(sets[owner["uid"]]) if owner["uid"] in sets else None
    whose = above or owner
    return whose["kind"], whose["name"]
