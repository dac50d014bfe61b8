"""Reads live objects, as the API server returns them. Any field may be missing, or of another type."""

from ..model.tree import Object, get, objects_at, text_at


def condition(item: Object, type_: str) -> Object:
    """The condition of this type in the object's status; an empty one if there is none."""
    found = [each for each in objects_at(item, "status", "conditions") if text_at(each, "type") == type_]
    return found[0] if found else {}


def has_condition(item: Object, type_: str, status: str) -> bool:
    """Whether the object has a condition of this type with this status: `True`, `False` or `Unknown`."""
    return text_at(condition(item, type_), "status") == status


def lasting_containers(pod: Object) -> list[Object]:
    """The statuses of all containers that run as long as the pod does: also of the init containers that restart."""
    init = objects_at(pod, "spec", "initContainers")
    sidecars = {text_at(each, "name") for each in init if text_at(each, "restartPolicy") == "Always"}
    started = objects_at(pod, "status", "initContainerStatuses")
    own = [each for each in started if text_at(each, "name") in sidecars]
    return [*objects_at(pod, "status", "containerStatuses"), *own]


def is_ready(pod: Object) -> bool:
    """Whether the pod's condition `Ready` is true."""
    return has_condition(pod, "Ready", "True")


def is_leaving(pod: Object) -> bool:
    """Whether somebody deleted the pod. It may still run for a moment."""
    return get(pod, ("metadata", "deletionTimestamp"), None) is not None


def controller(item: Object) -> Object | None:
    """The reference to the object's controller, among its owners; None without one."""
    return next((each for each in objects_at(item, "metadata", "ownerReferences") if each.get("controller")), None)
