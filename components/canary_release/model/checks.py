"""Checks of manifest, patches and arguments together, once each of them is well formed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .application import taken_away
from .arguments import name_problems, out_of_bounds, share_problems
from .deployment import CONTAINERS, LABELLED, MATCH_LABELS, POD, TEMPLATE, TEMPLATE_LABELS, containers
from .given import Given, Layer
from .image import ImageReference, split
from .others import one_pod_claims, pod_labels
from .problem import MISSING, REMOVE, Fix, Problem, did_you_mean, literal, nearest, unknown
from .references import pod_problems, service_problems, track_label, track_label_problems
from .share import Rolling
from .tree import ABSENT, Object, Path, get, same
from .well_formed import mended

VOLUMES, CLAIM = (*POD, "volumes"), ("persistentVolumeClaim", "claimName")
REPLICAS = ("spec", "replicas")
LONGEST_NAME = 63 - len("-canary")

Values = Mapping[str, Any]


def released_container(values: Values, deployment: Given) -> tuple[str | None, list[Problem]]:
    """Name of the container that the versions belong to; None if it is not known."""
    names = [container["name"] for _, container in containers(deployment.object)]
    name, listed = values.get("container_name"), literal(", ".join(names))
    if not names:
        where = deployment.origin(CONTAINERS)
        return None, [Problem(where, [], "must hold the container that is released")]
    # One without an image is told as that: a patch that misspells a name makes it.
    complete = {container["name"] for _, container in containers(deployment.object) if "image" in container}
    if name is None and len(found := complete or {*names}) == 1:
        return next(iter(found)), []
    if name is None:
        accepted = f"is required where there are several containers: {listed}"
        fix: Fix = [(("container_name",), deployment.name if deployment.name in names else names[0])]
        return None, [Problem(("container_name",), MISSING, accepted, fix)]
    if name not in names:
        return None, [unknown(("container_name",), name, "the name of a container", names)]
    return name, []


def image_problems(stable: Given, canary: Given, container_name: str) -> Iterator[Problem]:
    """Whether the released container has a repository, and every patch leaves the version to the arguments."""
    if not _has_image(stable, container_name):
        named = [(path, each) for path, each in containers(stable.object) if each["name"] == container_name]
        at = next(path for path, each in named if "image" not in each)
        where = stable.origin((*at, "image"))
        yield Problem(where, MISSING, "is required in the released container", [(where, "<repository>")])
    elif canary is not stable and not _has_image(canary, container_name):
        accepted = f"must keep the released container {literal(container_name)} and its image"
        yield Problem(("canary_patch",), container_name, accepted)
    for given, layers in ((stable, stable.layers), (canary, canary.layers[len(stable.layers) :])):
        yield from _without_image(given, container_name)
        for layer in layers:
            for at, container in containers(layer.object):
                if container.get("name") == container_name and (image := container.get("image")) is not None:
                    yield from _image((*layer.path, *at, "image"), image, "stable" if given is stable else "canary")


def _without_image(deployment: Given, container_name: str) -> Iterator[Problem]:
    """The other containers without an image: a patch that misspells a name makes one."""
    named = [
        each["name"] for _, each in containers(deployment.object) if "image" in each or each["name"] == container_name
    ]
    for at, each in containers(deployment.object):
        if each["name"] not in named:
            where, meant = deployment.origin((*at, "name")), nearest(each["name"], named)
            accepted = f"is a container without an image{did_you_mean(meant and literal(meant))}"
            yield Problem(where, each["name"], accepted, [(where, meant)] if meant else [])


def _has_image(deployment: Given, container_name: str) -> bool:
    """Whether the container is there and has an image."""
    found = ["image" in each for _, each in containers(deployment.object) if each["name"] == container_name]
    return bool(found) and all(found)


def _image(where: Path, image: str, track: str) -> Iterator[Problem]:
    try:
        version = ImageReference.parse(image).version
    except ValueError as error:
        repository = split(image.partition("://")[2] or image)[0].strip()
        try:
            fix: Fix = [(where, str(ImageReference.parse(repository)))]
        except ValueError:
            fix = [(where, "<repository>")]
        yield Problem(where, image, str(error), fix)
    else:
        if where[0] != "manifest" and version is not None:
            accepted = f"must be a repository without tag or digest: the version is {{{track}_version}}"
            yield Problem(where, image, accepted, [(where, ImageReference.parse(image).repository)])


def canary_patch_problems(patch: Mapping[str, Any], stable: Given, label: str) -> Iterator[Problem]:
    """Fields that `canary_patch` must not set: they are the same in both tracks, or the release sets them."""
    both, apart = "it is the same in both tracks", f"{literal(label)} is the label that tells the tracks apart"
    paths = (("metadata", "name"), ("metadata", "namespace"), ("spec", "selector"))
    owned: dict[Path, tuple[Any, str]] = {("kind",): ("Deployment", both), ("apiVersion",): ("apps/v1", both)}
    owned |= {path: (stable.get(path), both) for path in paths}
    owned[REPLICAS] = ABSENT, "{canary_replicas} is the number of the canary's pods"
    owned |= {(*path, label): (ABSENT, apart) for path in LABELLED}
    for path, (same_value, why) in owned.items():
        given, where = get(patch, path), ("canary_patch", *path)
        if given is not ABSENT and not same(given, same_value):
            meant: Fix = [(("canary_replicas",), given)] if path == REPLICAS else []
            yield Problem(where, given, f"must not be set: {why}", [(where, REMOVE), *meant])
    yield from taken_away(Layer(("canary_patch",), dict(patch)))


def count_problems(values: Values, deployment: Given | None, bad: set[str]) -> Iterator[Problem]:
    """Whether the replicas are within their bounds, and the share within its limit."""
    stable = values.get("stable_replicas")
    if stable is None and deployment and "stable_replicas" not in bad:
        stable = deployment.get(REPLICAS, 1)
        outside = [*out_of_bounds("stable_replicas", stable)]
        for problem in outside:
            where = deployment.origin(REPLICAS)
            accepted = f"{problem.accepted}, unless {{stable_replicas}} is set"
            yield Problem(where, stable, accepted, [(("stable_replicas",), 1)])
        stable = None if outside else stable
    # A share or total of numbers that are wrong says nothing.
    if stable is not None and not bad & {"stable_replicas", "canary_replicas", "max_canary_share", "fixed_total"}:
        yield from share_problems(
            stable, values["canary_replicas"], values["max_canary_share"], values.get("fixed_total")
        )


def canary_problems(values: Values, bad: set[str]) -> Iterator[Problem]:
    """Arguments of a canary without a canary."""
    if values.get("canary_version") is not None or "canary_version" in bad:
        return
    if values.get("canary_patch"):
        accepted = "is required beside {canary_patch}, which is for the canary's Deployment; it may be {stable_version}"
        fix: Fix = [(("canary_version",), values.get("stable_version", "<tag>"))]
        yield Problem(("canary_version",), MISSING, accepted, fix)
    elif (replicas := values["canary_replicas"]) > 0:
        accepted = "must be 0 without {canary_version}: there is no version to run"
        yield Problem(("canary_replicas",), replicas, accepted, [(("canary_replicas",), 0)])


def equal_problems(values: Values, stable: Object, canary: Object) -> Iterator[Problem]:
    """A canary whose pods run the same as stable's."""
    version = values.get("canary_version")
    runs = version is not None and values["canary_replicas"] > 0
    if runs and version == values.get("stable_version") and same(get(stable, TEMPLATE), get(canary, TEMPLATE)):
        accepted = "must differ from {stable_version} while {canary_replicas} is above 0, or {canary_patch} must "
        accepted += "change the pods: both would run the same"
        yield Problem(("canary_version",), version, accepted, [(("canary_replicas",), 0)])


def naming_problems(values: Values, deployment: Given, services: Sequence[Given]) -> Iterator[Problem]:
    """Names that Kubernetes refuses once suffixed, and namespaces that differ."""
    because = f" (the canary's Deployment is called {literal(deployment.name)}-canary)"
    yield from name_problems(deployment.origin(("metadata", "name")), deployment.name, LONGEST_NAME, because)
    where, namespace = ("namespace",), values.get("namespace")
    if namespace is None:
        where, namespace = (
            deployment.origin(("metadata", "namespace")),
            deployment.get(("metadata", "namespace"), "default"),
        )
        for service in services:
            other = service.get(("metadata", "namespace"), namespace)
            if other != namespace:
                own = service.origin(("metadata", "namespace"))
                accepted = (
                    f"must be the Deployment's namespace, {literal(namespace)}: a Service selects pods of its own"
                )
                yield Problem(own, other, accepted, [(own, namespace)])
    yield from name_problems(where, namespace, 63)


def paused_problems(tracks: Sequence[Given]) -> Iterator[Problem]:
    """Paused Deployments, of which Kubernetes would roll nothing out."""
    for given in tracks:
        if given.get(("spec", "paused"), False):
            where = given.origin(("spec", "paused"))
            accepted = "must not be set: Kubernetes rolls out nothing of a paused Deployment"
            yield Problem(where, True, accepted, [(where, REMOVE)])


def reference_problems(
    stable: Given, canary: Given, services: Sequence[Given], others: Sequence[Object]
) -> Iterator[Problem]:
    """Names in either track that lead nowhere: see `references`. `others` are the manifest's other objects."""
    pods = list(pod_labels(others))
    key = track_label(stable)
    yield from track_label_problems(stable, key)
    changed = list(_changed_labels(stable, canary, services, key))
    yield from changed
    canary = canary if canary is stable else Given(canary.kind, (*stable.layers, mended(canary.layers[-1], changed)))
    found, of_canary = (
        [
            *pod_problems(deployment, key, track),
            *(each for service in services for each in service_problems(service, deployment, pods, key, track)),
        ]
        for deployment, track in ((stable, "stable"), (canary, "canary"))
    )
    yield from found
    for problem in of_canary:
        if canary is stable or problem.path[0] == "canary_patch":
            yield problem
        elif problem.path not in [each.path for each in found]:
            # The manifest is right for stable: to mend it there would break stable.
            named = f"{literal(str(problem.value))}, which {problem.accepted}"
            accepted = f"must not take away what the manifest names: {named}; keep it in the patch"
            yield Problem(("canary_patch",), problem.value, accepted)
    selectors = [service.get(("spec", "selector"), {}) for service in services]
    if selectors and all(selector.get(key) in ("stable", "canary") for selector in selectors):
        first = next((at for at, selector in enumerate(selectors) if selector[key] == "stable"), 0)
        where = services[first].origin(("spec", "selector", key))
        values = " or ".join(sorted({selector[key] for selector in selectors}, reverse=True))
        accepted = (
            f"no Service selects both tracks: each has {literal(key)}: {values}. Remove this label from the Service "
        )
        accepted += "that users reach"
        yield Problem(where, selectors[first][key], accepted, [(where, REMOVE)])


def claim_problems(values: Values, stable: Given, canary: Given, others: Sequence[Object]) -> Iterator[Problem]:
    """Claims of both tracks that one pod alone may have: the canary's pod would never start."""
    if values.get("canary_version") is None:
        return
    alone = one_pod_claims(others)
    of_stable = [get(each, CLAIM, None) for each in stable.get(VOLUMES, [])]
    for index, volume in enumerate(canary.get(VOLUMES, [])):
        if (claim := get(volume, CLAIM, None)) in alone and claim in of_stable:
            accepted = "must not be a claim for one pod alone (ReadWriteOncePod) while {canary_version} is set. "
            accepted += "Stable's pod has it, so the canary's pod would never start"
            fix: list[tuple[Path, Any]] = [(("canary_version",), REMOVE)]
            fix += [(("canary_replicas",), 0)] if values["canary_replicas"] else []
            yield Problem(canary.origin((*VOLUMES, index, *CLAIM)), claim, accepted, fix)


def _changed_labels(stable: Given, canary: Given, services: Sequence[Given], key: str) -> Iterator[Problem]:
    """Labels of the canary's patch by which the Deployment, or a Service in front of the canary, selects the pods."""
    selectors = {f"Service {each.name}": each.get(("spec", "selector"), {}) for each in services}
    selectors = {who: labels for who, labels in selectors.items() if labels.get(key) != "stable"}
    selectors = {"the Deployment": stable.get(MATCH_LABELS, {}), **selectors}
    for name, value in stable.get(TEMPLATE_LABELS, {}).items():
        where, changed = canary.origin((*TEMPLATE_LABELS, name)), canary.get((*TEMPLATE_LABELS, name))
        selecting = [who for who, labels in selectors.items() if labels.get(name) == value]
        if name != key and selecting and changed != value and where[0] == "canary_patch":
            accepted = literal(f"must stay {value}, which is in the selector of {' and '.join(selecting)}")
            yield Problem(where, None if changed is ABSENT else changed, accepted, [(where, REMOVE)])


def total_problems(values: Values, tracks: Mapping[str, tuple[Given, Object]]) -> Iterator[Problem]:
    """Whether a rollout of any track would run more pods than the fixed total."""
    for given, deployment in tracks.values() if values.get("fixed_total") is not None else ():
        if Rolling.of(deployment).surge(1):
            surge, unavailable = (
                ("spec", "strategy", "rollingUpdate", name) for name in ("maxSurge", "maxUnavailable")
            )
            where, value = given.origin(surge), given.get(surge)
            accepted = "must be 0 with {fixed_total}: more pods than that would run during an update"
            fix: list[tuple[Path, Any]] = [(where, 0)]
            if given.get(unavailable, 1) in (0, "0", "0%"):
                fix.append((given.origin(unavailable), 1))
            yield Problem(where, "25% by default" if value is ABSENT else value, accepted, fix)
