"""What the other objects of a manifest say of the release: it leaves them to whoever applies them."""

from collections.abc import Iterator, Mapping, Sequence

from .deployment import TEMPLATE_LABELS
from .tree import Object, get, object_at, text_at


def named(others: Sequence[Object]) -> tuple[tuple[str, str], ...]:
    """Kind and name of each."""
    return tuple((each["kind"], str(get(each, ("metadata", "name"), ""))) for each in others)


def pod_labels(others: Sequence[Object]) -> Iterator[Mapping[str, str]]:
    """The labels of each other workload's pods."""
    for each in others:
        if labels := object_at(each, *(("metadata", "labels") if each["kind"] == "Pod" else TEMPLATE_LABELS)):
            yield labels


def one_pod_claims(others: Sequence[Object]) -> list[str]:
    """The names of the PersistentVolumeClaims that one pod alone may have."""
    claims = (each for each in others if each["kind"] == "PersistentVolumeClaim")
    modes = ("spec", "accessModes")
    return [text_at(each, "metadata", "name") for each in claims if get(each, modes, None) == ["ReadWriteOncePod"]]
