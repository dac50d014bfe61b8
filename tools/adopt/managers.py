"""Who manages the fields of an object.

If a manifest drops a field, the API server removes it only if nobody else ever set it. kubectl has set all fields, so a
Service would keep a dropped port for ever.
"""

from typing import Any, cast

from canary_release.model.objects import FIELD_MANAGER
from canary_release.model.tree import Object

from .namespace import Namespace


def make_only_manager(namespace: Namespace, kind: str, name: str) -> None:
    """Makes the release the only manager of the fields that it sets, once it has set them."""
    if (live := namespace.get(kind, name)) and (kept := managed_alone(live["metadata"].get("managedFields", []))):
        # Only this very version of the object: somebody may have set a field since.
        version = live["metadata"]["resourceVersion"]
        namespace.patch(live, {"metadata": {"resourceVersion": version, "managedFields": kept}})


def handed_over(managers: list[Object], to: str) -> list[Object]:
    """The managers, with another one in place of the release."""
    return [{**each, "manager": to} if _is_ours(each) else each for each in managers]


def managed_alone(managers: list[Object]) -> list[Object]:
    """The managers without those who set a field that the release sets; empty if there is nothing to change."""
    ours = next((each for each in managers if _is_ours(each)), None)
    if ours is None:
        return []
    kept = [each for each in managers if each is ours or not _share(each["fieldsV1"], ours["fieldsV1"])]
    return kept if len(kept) < len(managers) else []


def _is_ours(manager: Object) -> bool:
    return (manager["manager"], manager["operation"]) == (FIELD_MANAGER, "Apply")


def _share(theirs: Any, ours: Any) -> bool:
    """Whether both set a field: one that has no further ones below."""
    if not theirs or not ours:
        return True
    fields = cast(Object, theirs).items()
    return any(_share(below, ours[name]) for name, below in fields if name in ours and name != ".")
