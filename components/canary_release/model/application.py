"""Which objects of a manifest are the release's, and which patches are for which of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from .deployment import LAST_APPLIED, REVISION
from .given import Given, Layer
from .problem import MISSING, REMOVE, Problem, did_you_mean, literal, nearest, unknown
from .tree import ABSENT, Object, Path, get

API_VERSIONS = {"Deployment": "apps/v1", "Service": "v1"}
"""The kinds that a release declares."""

GROUPS = {"Deployment": ("apps", "extensions", ""), "Service": ("",)}
"""API groups in which the kind is meant: other groups have kinds of the same name."""

AUTOSCALERS = ("HorizontalPodAutoscaler", "ScaledObject")

NAMESPACE: Path = ("metadata", "namespace")
GENERATED: Path = ("metadata", "generateName")

NOT_OURS: dict[Path, str] = {
    GENERATED: "a release needs a name that stays, in metadata.name",
    **{
        ("metadata", name): "the API server sets it"
        for name in ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink")
    },
    **{
        ("metadata", name): "it belongs to the object in the cluster"
        for name in ("ownerReferences", "finalizers", "deletionTimestamp", "deletionGracePeriodSeconds")
    },
    ("metadata", "annotations", REVISION): "Kubernetes counts the revisions",
    ("metadata", "annotations", LAST_APPLIED): "kubectl apply keeps it",
}
"""What no manifest may set, and why."""


INSTEAD = {
    "Kustomization": "Give the output of `kubectl kustomize <folder>`",
    "DeploymentConfig": "Write a Deployment of apps/v1: a DeploymentConfig is OpenShift's",
}
"""What to do about kinds that others take for a Deployment."""


@dataclass
class Application:
    """What a manifest and the patches say."""

    deployment: Given | None = None
    services: list[Given] = field(default_factory=list[Given])
    others: list[Object] = field(default_factory=list[Object])
    """The objects that are left to whoever applies them."""
    problems: list[Problem] = field(default_factory=list[Problem])


def application(objects: Sequence[Any], patches: Sequence[Any]) -> Application:
    """The application of the manifest's objects with the patches, and all that keeps it from being one."""
    found = Application()
    others: list[Layer] = []
    deployments: list[Layer] = []
    services: dict[str, Given] = {}
    every = list(_flattened(("manifest",), objects))
    ours = next((get(each, NAMESPACE) for _, each in every if get(each, ("kind",)) == "Deployment"), ABSENT)
    for path, given in every:
        kind = _kind(path, given, found.problems)
        if kind is None:
            continue
        if kind not in API_VERSIONS:
            others.append(Layer(path, {"kind": kind, **given}))
            continue
        layer = Layer(path, {name: value for name, value in given.items() if name != "status"})
        found.problems += _metadata_problems(layer, kind)
        name = get(given, ("metadata", "name"))
        if not isinstance(name, str) or not isinstance(get(given, ("spec",)), Mapping):
            continue
        if kind == "Deployment":
            deployments.append(layer)
        elif name in services:
            gone, accepted = layer, "must be another name: two Services of the manifest have it"
            if get(given, NAMESPACE) != services[name].get(NAMESPACE):
                accepted = "stands twice: all objects of a release are in one namespace"
                if get(given, NAMESPACE) == ours:
                    gone, services[name] = services[name].layers[0], Given("Service", (layer,))
            found.problems.append(Problem((*gone.path, "metadata", "name"), name, accepted, [(gone.path, REMOVE)]))
        else:
            services[name] = Given("Service", (layer,))
    found.others = [each.object for each in others]
    deployment = _the_deployment(deployments, others, found.problems)
    if deployment:
        found.problems += _autoscalers(others, deployment)
        found.deployment = Given("Deployment", (deployment,))
    for index, patch in enumerate(patches):
        _apply(Layer(("patches", index), patch), found, services)
    found.services = list(services.values())
    return found


def _flattened(path: Path, objects: Sequence[Any]) -> Iterator[tuple[Path, Any]]:
    """Every object with its path, also those in a List."""
    for index, given in enumerate(objects):
        items = get(given, ("items",))
        if isinstance(items, list) and str(get(given, ("kind",))).endswith("List"):
            yield from _flattened((*path, index, "items"), cast(list[Any], items))
        else:
            yield (*path, index), given


def _kind(path: Path, given: Any, problems: list[Problem]) -> str | None:
    """The kind that the object is meant as; None if it is none."""
    if not isinstance(given, Mapping):
        problems.append(Problem(path, given, "must be a Kubernetes object", [(path, REMOVE)]))
        return None
    kind, version = get(given, ("kind",)), get(given, ("apiVersion",))
    if kind is ABSENT and isinstance(get(given, ("resources",)), list):
        return "Kustomization"
    if not isinstance(kind, str):
        value = MISSING if kind is ABSENT else kind
        problems.append(
            Problem((*path, "kind"), value, "is required: the kind of the object", [((*path, "kind"), "<kind>")])
        )
        return None
    group = version.rpartition("/")[0] if isinstance(version, str) else ""
    # No other kind of these versions is spelled so much like one of the two.
    meant = nearest(kind, API_VERSIONS) if version in API_VERSIONS.values() or version is ABSENT else None
    # Other groups have kinds of these names, but none whose name is nearly the right one.
    named = kind in API_VERSIONS and (group in GROUPS[kind] or nearest(group, filter(None, GROUPS[kind])))
    if named:
        wanted = API_VERSIONS[kind]
        if version != wanted:
            where, value = (*path, "apiVersion"), MISSING if version is ABSENT else version
            problems.append(Problem(where, value, f"must be {wanted} in a {kind}", [(where, wanted)]))
    elif meant and kind not in (*API_VERSIONS, *INSTEAD):
        where = (*path, "kind")
        problems.append(Problem(where, kind, f"is no kind of Kubernetes{did_you_mean(meant)}", [(where, meant)]))
        return meant
    else:
        return f"{group}/{kind}" if kind in API_VERSIONS else kind
    return kind


def _metadata_problems(layer: Layer, kind: str) -> Iterator[Problem]:
    required = {("metadata", "name"): f": the name of the {kind}", ("spec",): f" in a {kind}"}
    for path, what in required.items():
        if get(layer.object, path) is ABSENT:
            where = (*layer.path, *path)
            yield Problem(where, MISSING, f"is required{what}", [(where, f"<{'name' if 'name' in path else 'value'}>")])
    found = [path for path in NOT_OURS if get(layer.object, path) is not ABSENT]
    if len(of_cluster := [path for path in found if path != GENERATED]) > 1:
        # The first one of the file stands for all of them.
        in_order = list(layer.object["metadata"])
        where = (*layer.path, *min(of_cluster, key=lambda path: in_order.index(str(path[1]))))
        accepted = "shows that this object was read from the cluster (kubectl get): `make adopt` writes its manifest; "
        accepted += "or remove what belongs to the cluster"
        value = get(layer.object, where[len(layer.path) :])
        yield Problem(where, value, accepted, [((*layer.path, *path), REMOVE) for path in of_cluster])
        found = [path for path in found if path == GENERATED]
    for path in found:
        where = (*layer.path, *path)
        yield Problem(where, get(layer.object, path), f"must not be set: {NOT_OURS[path]}", [(where, REMOVE)])


def _the_deployment(found: Sequence[Layer], others: Sequence[Layer], problems: list[Problem]) -> Layer | None:
    """The one Deployment of the manifest; None if there is none, or several."""
    if not found:
        if not any(problem.path[0] == "manifest" for problem in problems):
            kinds = literal(", ".join(dict.fromkeys(each.object["kind"] for each in others)))
            accepted = f"must hold the Deployment that is released{f'; it holds {kinds}' if kinds else ''}"
            accepted += next((f". {each}" for kind, each in INSTEAD.items() if kind in kinds), "")
            problems.append(Problem(("manifest",), MISSING, accepted))
        return None
    names = [get(each.object, ("metadata", "name")) for each in found]
    whole: list[Layer] = []
    for layer, name in zip(found, names, strict=True):
        # Whoever made the canary by hand has its Deployment in the file, too.
        if name.endswith("-canary") and name.removesuffix("-canary") in names:
            accepted = "must not be in the manifest: the release makes the canary's Deployment itself, "
            accepted += "from {canary_version}, {canary_replicas} and {canary_patch}"
            problems.append(Problem((*layer.path, "metadata", "name"), name, accepted, [(layer.path, REMOVE)]))
        else:
            whole.append(layer)
    if len(whole) == 1:
        return whole[0]
    names = [get(each.object, ("metadata", "name")) for each in whole]
    accepted = f"is one of {len(names)} Deployments, and a release has one: {literal(', '.join(names))}; "
    accepted += "give each a file of its own, with its Services"
    problems.append(Problem((*whole[1].path, "metadata", "name"), names[1], accepted))
    return None


def _autoscalers(others: Sequence[Layer], deployment: Layer) -> Iterator[Problem]:
    name = get(deployment.object, ("metadata", "name"))
    for each in others:
        target = get(each.object, ("spec", "scaleTargetRef"), {})
        scales = each.object["kind"] in AUTOSCALERS and get(target, ("kind",), "Deployment") == "Deployment"
        if scales and get(target, ("name",)) == name:
            accepted = "must not target the Deployment of the release: an autoscaler sets the replicas of one track, "
            accepted += "and with them the canary's share; {stable_replicas} and {canary_replicas} set them"
            where = (*each.path, "spec", "scaleTargetRef", "name")
            yield Problem(where, name, accepted, [(each.path, REMOVE)])


def _apply(layer: Layer, found: Application, services: dict[str, Given]) -> None:
    """Puts the patch over the object that it is for."""
    kind = get(layer.object, ("kind",))
    if not isinstance(layer.object, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] # whatever the user gave
        accepted = "must be a partial object of the manifest, with its kind"
        found.problems.append(Problem(layer.path, layer.object, accepted, [(layer.path, REMOVE)]))
    elif not isinstance(kind, str) or kind not in API_VERSIONS:
        where, meant = (*layer.path, "kind"), nearest(kind, API_VERSIONS) if isinstance(kind, str) else None
        accepted = f"must be Deployment or Service{did_you_mean(meant)}"
        value = MISSING if kind is ABSENT else kind
        found.problems.append(Problem(where, value, accepted, [(where, meant or "<kind>")]))
    elif kind == "Deployment":
        if found.deployment and _is_for(layer, kind, [found.deployment.name], found.problems):
            found.deployment = found.deployment.with_layer(layer)
    elif name := _is_for(layer, kind, list(services), found.problems):
        services[name] = services[name].with_layer(layer)


def _is_for(layer: Layer, kind: str, names: list[str], problems: list[Problem]) -> str | None:
    """Name of the object that the patch is for; None if there is no such object."""
    where, name = (*layer.path, "metadata", "name"), get(layer.object, ("metadata", "name"))
    if whole := list(taken_away(layer)):
        problems += whole
        return None
    wanted = API_VERSIONS[kind]
    if (version := get(layer.object, ("apiVersion",), wanted)) != wanted:
        at = (*layer.path, "apiVersion")
        problems.append(Problem(at, version, f"must be {wanted} in a {kind}", [(at, wanted)]))
    if name in names:
        return name
    if name is ABSENT and len(names) == 1:
        return names[0]
    if not names:
        problems.append(Problem(layer.path, kind, f"has no {kind} in the manifest", [(layer.path, REMOVE)]))
    elif name is ABSENT:
        accepted = f"is required where the manifest has several: {literal(', '.join(names))}"
        problems.append(Problem(where, MISSING, accepted, [(where, "<name>")]))
    else:
        problems.append(unknown(where, name, f"the name of a {kind} in the manifest", names))
    return None


def taken_away(layer: Layer) -> Iterator[Problem]:
    """Where a patch would take away what every object has."""
    for path in ((), ("metadata",), ("spec",)):
        where, directive = (*layer.path, *path), (*path, "$patch")
        if path and get(layer.object, path) is None:
            yield Problem(where, None, "must not be null: a patch keeps the object", [(where, REMOVE)])
        elif (value := get(layer.object, directive)) is not ABSENT:
            accepted = "must not be set here: a patch keeps the object"
            yield Problem((*where, "$patch"), value, accepted, [((*where, "$patch"), REMOVE)])
