"""What runs: a Deployment, the Services that select its pods, and what keeps them from becoming a release."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from canary_release.model.deployment import target
from canary_release.model.objects import manifests
from canary_release.model.release import Release
from canary_release.model.tree import Object, get
from canary_release.update.live import controller
from canary_release.update.rollout import Rollout

from .defaults import manifest_of
from .namespace import AdoptionError, Namespace, is_selected


@dataclass(frozen=True)
class Application:
    """The manifest of what runs."""

    deployment: Object
    services: tuple[Object, ...]
    container_name: str
    """The container that the versions belong to."""

    @property
    def containers(self) -> list[Object]:
        """The containers of its pods."""
        return self.deployment["spec"]["template"]["spec"]["containers"]

    @property
    def image(self) -> str:
        """Image of the container that the versions belong to."""
        return next(each["image"] for each in self.containers if each["name"] == self.container_name)

    @property
    def replicas(self) -> int:
        """Its number of pods."""
        return self.deployment["spec"].get("replicas", 1)


def application_of(namespace: Namespace, deployment: Object, services: Sequence[Object]) -> Application:
    """The manifest of these live objects. Raises `AdoptionError` if they cannot become a release."""
    if reason := next(refusals(namespace, deployment), None):
        raise AdoptionError(reason)
    return Application(
        deployment=manifest_of(deployment, namespace.replaced),
        services=tuple(manifest_of(each, namespace.replaced) for each in services),
        container_name=released_container(deployment, services)["name"],
    )


def deployment_of(namespace: Namespace, name: str) -> Object:
    """The live Deployment. Raises `AdoptionError` if there is none."""
    if (found := namespace.get("Deployment", name)) is None:
        raise AdoptionError(
            f"there is no Deployment {name} in namespace {namespace.name} of {namespace.cluster.context}"
        )
    return found


def selecting(namespace: Namespace, deployment: Object) -> list[Object]:
    """The Services that send connections to the Deployment's pods."""
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    return [each for each in namespace.listed("Service") if is_selected(each["spec"].get("selector"), labels)]


def refusals(namespace: Namespace, deployment: Object) -> Iterator[str]:
    """Why a release cannot adopt this Deployment, and what to do first."""
    name = deployment["metadata"]["name"]
    for each in namespace.listed("HorizontalPodAutoscaler"):
        target = each["spec"]["scaleTargetRef"]
        if (target["kind"], target["name"]) == ("Deployment", name):
            scaler = each["metadata"]["name"]
            yield (
                f"HorizontalPodAutoscaler {scaler} and the stack file would both set its replicas. "
                "Delete it first, the number of pods stays: "
                f"kubectl delete horizontalpodautoscaler {scaler} --namespace {namespace.name}"
            )
    if owner := controller(deployment):
        yield (
            f"{owner['kind']} {owner['name']} owns it, and would change back what a release changes; "
            "take it away from there first"
        )
    if namespace.get("Deployment", f"{name}-canary"):
        delete = f"kubectl delete deployment {name}-canary --namespace {namespace.name}"
        yield f"Deployment {name}-canary has the name of its canary, and would serve beside it: {delete}"
    if deployment["spec"]["replicas"] == 0:
        scale = f"kubectl scale deployment {name} --replicas 1 --namespace {namespace.name}"
        yield f"it has no pods, and a release has at least 1: {scale}"
    if get(deployment, ("spec", "paused"), False):
        yield f"it is paused: kubectl rollout resume deployment {name} --namespace {namespace.name}"
    elif not is_rolled_out(deployment):
        yield f"its rollout is not finished: kubectl rollout status deployment {name} --namespace {namespace.name}"


def is_rolled_out(deployment: Object) -> bool:
    """Whether all pods of the Deployment run its present template and are available, and no others exist."""
    return Rollout.of(deployment).runs(deployment["spec"]["replicas"])


def is_in_place(release: Release, deployment: Object) -> bool:
    """Whether the release can keep the live Deployment: a selector never changes, so it must already tell the track."""
    return deployment["spec"]["selector"] == declared(release)["spec"]["selector"]


def declared(release: Release) -> Object:
    """The stable Deployment of the release."""
    return manifests(release)["Deployment", release.name]


def released_container(deployment: Object, services: Sequence[Object]) -> Object:
    """The only container; else the one that kubectl takes, the first one that a Service reaches, or the first."""
    template = deployment["spec"]["template"]
    containers: list[Object] = template["spec"]["containers"]
    default = get(template, ("metadata", "annotations", "kubectl.kubernetes.io/default-container"))
    targets = [target(port) for each in services for port in each["spec"].get("ports", [])]

    def is_reached(container: Object) -> bool:
        ports: list[Object] = container.get("ports", [])
        return any(target in (port.get("name"), port["containerPort"]) for port in ports for target in targets)

    named = [each for each in containers if each["name"] == default]
    return [*named, *filter(is_reached, containers), *containers][0]
