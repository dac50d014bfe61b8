"""The contract of a release: every argument with its meaning, unit, default and bounds."""

from typing import Any

from typing_extensions import NotRequired, TypedDict


class CanaryReleaseArgs(TypedDict):
    """What a release runs.

    Values are plain, not Inputs: a reviewer reads them, and all are checked before anything is registered.
    """

    manifest: Any
    """What the application is: a list of Kubernetes objects with one Deployment and the Services in front of it.
    In Python also the path of a YAML file that holds them."""

    patches: NotRequired[list[dict[str, Any]]]
    """Partial objects that are merged over the manifest's, as `kubectl patch --type strategic` does: each with its
    `kind`, and with its name where the kind occurs twice. The only directive is `$patch`, with the value `delete` or
    `replace`. Any other directive is refused."""

    canary_patch: NotRequired[dict[str, Any]]
    """A partial Deployment that is merged over the canary's alone: what the canary tries besides, or instead of, a
    version."""

    container_name: NotRequired[str]
    """Name of the container that the versions belong to. Default: the only container; required if there are several."""

    stable_version: str
    """Version of the stable Deployment: a tag, `sha256:…`, or `tag@sha256:…`. Never `latest`."""

    stable_replicas: NotRequired[int]
    """Pods of the stable Deployment, 1 to 1000. Default: the manifest's `replicas`; where it has none, 1."""

    canary_version: NotRequired[str]
    """Version of the canary Deployment. Without it there is no canary Deployment. While it has pods, it must differ
    from the stable version, or `canary_patch` must change the pods."""

    canary_replicas: NotRequired[int]
    """Pods of the canary Deployment, 0 to 1000. Default 0, which keeps the Deployment and scales it to zero."""

    max_canary_share: NotRequired[int]
    """Largest share of pods that the canary may have, in percent, 1 to 100. Default 50."""

    fixed_total: NotRequired[int]
    """Pods of both tracks together, 1 to 1000: `stable_replicas` and `canary_replicas` must add up to it, and no update
    asks for more. Default: no fixed total, and an update may start extra pods meanwhile."""

    soak: NotRequired[str]
    """How long the canary's content must have run, in finished updates, before it is widened or promoted: `45s`, `30m`
    or `1h30m`, at most 30 days. It holds for the updates after the one that sets it. Default: no time."""

    namespace: NotRequired[str]
    """Namespace of all objects; it must exist. Default: the manifest's; where it has none, `default`."""

    gates: NotRequired[dict[str, Any]]
    """Checks of the running canary, by name, that an update must pass which widens or promotes it. Each compares its
    bad requests with stable's (`preset`, or `total` and `bad` or `good`), or has bounds for one number (`query`,
    `command` or `web`). docs/gates.md of the project has every field."""

    prometheus_url: NotRequired[str]
    """Prometheus that gates ask, such as `http://127.0.0.1:9090`; required where one asks it."""

    prometheus_token: NotRequired[str]
    """Bearer token for it. It is not registered, and shows nowhere."""

    proven_in: NotRequired[str]
    """Another stack, by its name or as `<organization>/<project>/<stack>`: a canary starts here only with the version
    that is stable there. Default: any version may start."""

    evidence_folder: NotRequired[str]
    """Folder that gets a JSON document of each update that changed the release. In another language than Python an
    absolute path. Default: no document."""

    skip_transition_checks: NotRequired[bool]
    """Run updates that rules, `gates` or `proven_in` refuse: for emergencies. Every preview warns of it. Default
    False."""


DEFAULTS: dict[str, Any] = {
    "canary_replicas": 0,
    "max_canary_share": 50,
    "skip_transition_checks": False,
}
"""Defaults that do not depend on another argument or on the manifest."""

BOUNDS: dict[str, tuple[int, int]] = {
    "stable_replicas": (1, 1000),
    "canary_replicas": (0, 1000),
    "max_canary_share": (1, 100),
    "fixed_total": (1, 1000),
}
"""Smallest and largest accepted value of every whole number."""
