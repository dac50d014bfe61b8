"""How far the rollout of a live Deployment is, as `kubectl rollout status` tells it."""

from dataclasses import dataclass

from ..model.tree import Object, number_at, object_at, text_at
from .live import condition

COUNTS = ("updatedReplicas", "readyReplicas", "availableReplicas", "replicas")


@dataclass(frozen=True)
class Rollout:
    """The pods of one live Deployment, as its controller counted them last."""

    wanted: int
    """Pods that the live Deployment asks for. Somebody may have changed what was declared."""
    updated: int
    ready: int
    available: int
    total: int
    """Pods of all revisions, without those that end."""
    is_observed: bool
    """Whether the controller has counted since the Deployment changed last: until then all counts are old."""
    is_paused: bool
    has_ended: bool
    """Whether its last rollout ended, by the condition Progressing. Pods may have become unready since. A change of
    replicas alone starts no rollout."""

    @staticmethod
    def of(deployment: Object) -> "Rollout":
        """The rollout of a Deployment that the API server returned. The server leaves out counts of 0."""
        spec, status = object_at(deployment, "spec"), object_at(deployment, "status")
        updated, ready, available, total = (number_at(status, count) for count in COUNTS)
        is_observed = number_at(status, "observedGeneration") >= number_at(deployment, "metadata", "generation")
        reason = text_at(condition(deployment, "Progressing"), "reason")
        return Rollout(
            wanted=number_at(spec, "replicas", default=1),
            updated=updated,
            ready=ready,
            available=available,
            total=total,
            is_observed=is_observed,
            is_paused=spec.get("paused") is True,
            has_ended=is_observed and reason == "NewReplicaSetAvailable",
        )

    @property
    def updated_available(self) -> int:
        """At least so many pods of the newest revision are available; exactly so many if all other pods are."""
        return max(0, self.available - (self.total - self.updated))

    def runs(self, replicas: int) -> bool:
        """Whether so many pods run and are available, and no others."""
        counts = {self.wanted, self.updated, self.ready, self.available, self.total}
        return self.is_observed and counts == {replicas}

    def is_stuck(self, replicas: int) -> bool:
        """Whether somebody must act before so many pods can run: resume the Deployment, or set its replicas back."""
        return self.wanted != replicas or (self.is_observed and self.is_paused and not self.runs(replicas))
