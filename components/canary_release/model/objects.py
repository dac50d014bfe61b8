"""The objects that a release declares: the given ones, with the fields that the release sets."""

from .deployment import labelled, with_image
from .release import Release, Track
from .tree import Object, get, with_value

FIELD_MANAGER = "canary-release"
"""The field manager in the API server. It is the same for every stack and provider."""

# A replica count or an image that somebody set by hand must not block an update.
OWNERSHIP = {"pulumi.com/patchForce": "true", "pulumi.com/patchFieldManager": FIELD_MANAGER}
# The provider waits until no endpoint is unready: one bad canary pod would block the Service.
WITHOUT_AWAIT = {"pulumi.com/skipAwait": "true"}


def manifests(release: Release) -> dict[tuple[str, str], Object]:
    """All objects of the release by kind and name: stable, canary, Services."""
    found = {("Deployment", release.name): stable_deployment(release)}
    if release.canary:
        found["Deployment", release.canary_name] = canary_deployment(release, release.canary)
    for service in release.services:
        found["Service", service["metadata"]["name"]] = declared_service(service)
    return found


def stable_deployment(release: Release) -> Object:
    """The Deployment that serves most users."""
    return _deployment(release, release.name, "stable", release.stable)


def canary_deployment(release: Release, canary: Track) -> Object:
    """The Deployment that serves the canary's share."""
    return _deployment(release, release.canary_name, "canary", canary)


def declared_service(service: Object) -> Object:
    """A Service of the release, as it is declared."""
    return _annotated(service, {**OWNERSHIP, **WITHOUT_AWAIT})


def _deployment(release: Release, name: str, label: str, track: Track) -> Object:
    declared = with_image(labelled(track.deployment, release.track_label, label), release.container_name, track.version)
    declared = with_value(declared, ("metadata", "name"), name)
    return _annotated(with_value(declared, ("spec", "replicas"), track.replicas), OWNERSHIP)


def _annotated(object_: Object, annotations: dict[str, str]) -> Object:
    """The annotations that the manifest gives stay."""
    path = ("metadata", "annotations")
    return with_value(object_, path, {**annotations, **get(object_, path, {})})
