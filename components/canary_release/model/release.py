"""A release: what one component declares, with every default applied, and valid by construction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .contract import DEFAULTS
from .share import canary_share, rollout_seconds
from .tree import Object, whole_numbers


@dataclass(frozen=True)
class Track:
    """One of the two Deployments: what it runs and its number of pods."""

    version: str
    """Tag, `sha256:…`, or `tag@sha256:…`."""
    replicas: int
    deployment: Object
    """The Deployment with patches and additions, without what the release owns: it has no replicas and no track label,
    it has the manifest's name in both tracks, and the released container's image is the repository alone."""

    @property
    def rollout_seconds(self) -> int:
        """Seconds after which an update of the track has failed."""
        return rollout_seconds(self.deployment, self.replicas)


@dataclass(frozen=True)
class Release:
    """A stable track, perhaps a canary, and the Services in front. `parsing.parse` makes one."""

    stable: Track
    canary: Track | None
    services: tuple[Object, ...]
    """The Services with patches and additions, in the order of the manifest."""
    container_name: str
    """The container that the versions belong to."""
    track_label: str
    """Key of the label that tells the tracks apart: its value is `stable` or `canary`."""
    max_canary_share: int
    """In percent."""
    fixed_total: int | None
    soak_seconds: int | None
    """How long the canary's content must have run before it is widened or promoted."""
    skip_transition_checks: bool

    @property
    def name(self) -> str:
        """Name of the stable Deployment."""
        return self.stable.deployment["metadata"]["name"]

    @property
    def canary_name(self) -> str:
        """Name of the canary Deployment."""
        return f"{self.name}-canary"

    @property
    def namespace(self) -> str:
        """Namespace of all objects."""
        return self.stable.deployment["metadata"]["namespace"]

    @property
    def selector(self) -> dict[str, str]:
        """Labels that the Deployments of both tracks select by, without the track label."""
        return dict(self.stable.deployment["spec"]["selector"].get("matchLabels", {}))

    @property
    def canary_version(self) -> str | None:
        """Version of the canary Deployment; None without one."""
        return self.canary.version if self.canary else None

    @property
    def canary_replicas(self) -> int:
        """Pods of the canary Deployment; 0 without one."""
        return self.canary.replicas if self.canary else 0

    @property
    def canary_share(self) -> float:
        """Share of the canary's pods in all pods, in percent with one decimal."""
        return canary_share(self.stable.replicas, self.canary_replicas)

    @property
    def total_pods(self) -> int:
        """Pods of both tracks together."""
        return self.stable.replicas + self.canary_replicas

    @property
    def sharing_services(self) -> tuple[Object, ...]:
        """The Services that select the pods of both tracks. The others serve one track."""
        return tuple(service for service in self.services if self.track_label not in service["spec"]["selector"])

    def inputs(self) -> dict[str, Any]:
        """What the component registers, and a preview compares. It holds no null; what is not set is absent."""
        inputs: dict[str, Any] = {
            "stableVersion": self.stable.version,
            "stableReplicas": self.stable.replicas,
            "maxCanaryShare": self.max_canary_share,
            "containerName": self.container_name,
            "trackLabel": self.track_label,
            "skipTransitionChecks": self.skip_transition_checks,
            "deployment": self.stable.deployment,
            "services": list(self.services),
        }
        if self.canary:
            inputs |= {"canaryVersion": self.canary.version, "canaryReplicas": self.canary.replicas}
            if self.canary.deployment != self.stable.deployment:
                inputs["canaryDeployment"] = self.canary.deployment
        if self.fixed_total is not None:
            inputs["fixedTotal"] = self.fixed_total
        if self.soak_seconds is not None:
            inputs["soakSeconds"] = self.soak_seconds
        return inputs

    @staticmethod
    def of_inputs(inputs: Mapping[str, Any]) -> "Release":
        """The release that registered these inputs. Whole numbers may have become floats on the way."""
        given = whole_numbers(inputs)
        deployment, version = given["deployment"], given.get("canaryVersion")
        canary = None
        if version is not None:
            canary = Track(version, given["canaryReplicas"], given.get("canaryDeployment", deployment))
        return Release(
            stable=Track(given["stableVersion"], given["stableReplicas"], deployment),
            canary=canary,
            services=tuple(given["services"]),
            container_name=given["containerName"],
            track_label=given["trackLabel"],
            max_canary_share=given.get("maxCanaryShare", DEFAULTS["max_canary_share"]),
            fixed_total=given.get("fixedTotal"),
            soak_seconds=given.get("soakSeconds"),
            skip_transition_checks=given.get("skipTransitionChecks", DEFAULTS["skip_transition_checks"]),
        )
