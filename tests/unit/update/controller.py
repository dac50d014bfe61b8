"""A small model of Kubernetes' Deployment controller, written after `pkg/controller/deployment`: scaling first, then
rolling or recreating. Pods become ready at any time; ReplicaSets make and take away pods at once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from canary_release.model.release import Release, Track
from canary_release.update.content import content


@dataclass
class ReplicaSet:
    """Pods of one content: how many are wanted, exist and are ready."""

    content: str
    wanted: int = 0
    pods: int = 0
    ready: int = 0

    def create(self) -> bool:
        """Makes one pod that is missing, or takes one away that is too many: unready ones first."""
        if self.pods < self.wanted:
            self.pods += 1
        elif self.pods > self.wanted:
            self.pods -= 1
            self.ready = min(self.ready, self.pods)
        else:
            return False
        return True

    def become_ready(self) -> bool:
        """Makes one pod ready."""
        if self.ready < self.pods:
            self.ready += 1
            return True
        return False


@dataclass
class Deployment:
    """One Deployment: its ReplicaSets, what it wants, and for how many replicas it last scaled them."""

    sets: list[ReplicaSet] = field(default_factory=list[ReplicaSet])
    wanted: int = 0
    content: str = ""
    strategy: dict[str, object] = field(default_factory=dict[str, object])
    scaled_for: int | None = None

    def sync(self) -> bool:
        """One run of the controller; whether it changed anything."""
        before = [(each.content, each.wanted) for each in self.sets]
        new = next((each for each in self.sets if each.content == self.content), None)
        active = [each for each in self.sets if each.wanted]
        if active and self.scaled_for != self.wanted:
            # Here a Deployment has one active ReplicaSet, since the update before has finished.
            assert len(active) == 1
            active[0].wanted = self.wanted
            self.scaled_for = self.wanted
            return True
        self.scaled_for = self.wanted
        old = [each for each in self.sets if each is not new]
        if self.strategy.get("type") == "Recreate":
            for each in old:
                each.wanted = 0
            if not any(each.pods for each in old):
                self._new(new).wanted = self.wanted
        else:
            self._roll(self._new(new), old)
        return before != [(each.content, each.wanted) for each in self.sets]

    def _new(self, new: ReplicaSet | None) -> ReplicaSet:
        if new is None:
            new = ReplicaSet(self.content)
            self.sets.append(new)
        return new

    def _roll(self, new: ReplicaSet, old: list[ReplicaSet]) -> None:
        surge, unavailable = self._fenceposts()
        if new.wanted > self.wanted:
            new.wanted = self.wanted
            return
        room = self.wanted + surge - sum(each.wanted for each in self.sets)
        if new.wanted < self.wanted and room > 0:
            new.wanted += min(room, self.wanted - new.wanted)
            return
        fewest = self.wanted - unavailable
        most = sum(each.wanted for each in self.sets) - fewest - (new.wanted - new.ready)
        if most <= 0:
            return
        for each in old:
            unhealthy = min(most, each.wanted - min(each.ready, each.wanted))
            each.wanted -= unhealthy
            most -= unhealthy
        spare = sum(each.ready for each in self.sets) - fewest
        for each in old:
            down = min(each.wanted, max(0, spare))
            each.wanted -= down
            spare -= down

    def _fenceposts(self) -> tuple[int, int]:
        numbers = self.strategy["rollingUpdate"]
        assert isinstance(numbers, dict)
        surge, unavailable = (numbers[name] for name in ("maxSurge", "maxUnavailable"))  # pyright: ignore
        surge = int(surge) if isinstance(surge, int) else -(-int(str(surge)[:-1]) * self.wanted // 100)
        unavailable = (
            int(unavailable) if isinstance(unavailable, int) else int(str(unavailable)[:-1]) * self.wanted // 100
        )
        if not surge and not unavailable:
            unavailable = 1
        return surge, min(unavailable, self.wanted)


class Controller:
    """Carries updates out: in a random order of events; without one, each pod becomes ready as late as it can."""

    def __init__(self, random: Random | None) -> None:
        self._random = random

    def carry_out(self, old: Release, new: Release, first: str) -> list[tuple[int, int]]:
        """Pods and ready pods of both Deployments at every moment of an update."""
        tracks = [_running(old, old.stable), _running(old, old.canary)]
        seen = [_counts(tracks)]
        goals = [(tracks[0], new.stable), (tracks[1], new.canary)]
        for deployment, goal in goals[::-1] if first == "canary" else goals:
            if goal:
                deployment.wanted, deployment.content = goal.replicas, content(goal, new.container_name)
                deployment.strategy = goal.deployment["spec"]["strategy"]
                seen += [_counts(tracks) for _ in self._until_done(deployment)]
        if not new.canary:
            tracks[1].sets.clear()
        return [*seen, _counts(tracks)]

    def _until_done(self, deployment: Deployment) -> Iterator[None]:
        while any(self._act(step) for step in self._steps(deployment)):
            yield

    def _steps(self, deployment: Deployment) -> list[list[Callable[[], bool]]]:
        """What may happen, in groups: the first that changes anything is taken."""
        made = [each.create for each in deployment.sets]
        ready = [each.become_ready for each in deployment.sets]
        if self._random:
            steps = [deployment.sync, *ready]
            self._random.shuffle(steps)
            return [made, steps]
        return [made, [deployment.sync], ready]

    def _act(self, steps: list[Callable[[], bool]]) -> bool:
        return any(step() for step in steps)


def _running(release: Release, track: Track | None) -> Deployment:
    """A Deployment whose pods all run and are ready."""
    if not track:
        return Deployment()
    runs = content(track, release.container_name)
    return Deployment([ReplicaSet(runs, track.replicas, track.replicas, track.replicas)], scaled_for=track.replicas)


def _counts(deployments: list[Deployment]) -> tuple[int, int]:
    sets = [each for deployment in deployments for each in deployment.sets]
    return sum(each.pods for each in sets), sum(each.ready for each in sets)
