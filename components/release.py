"""A release with every default applied: what the objects are made from."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from .args import DEFAULTS, CanaryReleaseArgs
from .exposure import Track, canary_share, rollout_waves

PRE_STOP_SECONDS = 5
"""How long a pod that leaves keeps serving, so that every node has dropped its endpoint before the process stops."""

SLACK_SECONDS = 5
"""What the update may take beyond the time of its pods: scheduling, and the controllers' own delays."""

NULL = "null: the default is taken away"
"""Stands for null in registered inputs: the state keeps no null, and a default taken away would look like one kept."""


@dataclass(frozen=True)
class Release:
    """Valid, complete arguments. Make one with `Release.of`, after `checks.problems` found none."""

    app: str
    image: str
    stable: Track
    canary: Track | None
    max_canary_share: int
    fixed_total: int | None
    name: str
    namespace: str
    container_name: str
    container_port: int
    readiness_path: str | None
    container: Mapping[str, Any]
    pod: Mapping[str, Any]
    service_type: str
    service_name: str | None
    service_port: int | None
    node_port: int | None
    min_ready_seconds: int
    ready_timeout_seconds: int
    skip_transition_checks: bool

    @staticmethod
    def of(args: CanaryReleaseArgs) -> "Release":
        """Apply the defaults. Through a plugin whole numbers arrive as floats, also inside `container` and `pod`."""
        given = {**DEFAULTS, **present(args)}
        version = given.get("canary_version")
        service = given["service_type"] != "none"
        return Release(
            app=given["app"],
            image=given["image"],
            stable=Track(given["stable_version"], given["stable_replicas"]),
            canary=Track(version, given["canary_replicas"]) if version else None,
            max_canary_share=given["max_canary_share"],
            fixed_total=given.get("fixed_total"),
            name=given["name"],
            namespace=given["namespace"],
            container_name=given.get("container_name", given["name"]),
            container_port=given["container_port"],
            readiness_path=given.get("readiness_path"),
            container=given.get("container", {}),
            pod=given.get("pod", {}),
            service_type=given["service_type"],
            service_name=given.get("service_name", f"{given['app']}-svc") if service else None,
            service_port=given.get("service_port", given["container_port"]) if service else None,
            node_port=given.get("node_port"),
            min_ready_seconds=given["min_ready_seconds"],
            ready_timeout_seconds=given["ready_timeout_seconds"],
            skip_transition_checks=given["skip_transition_checks"],
        )

    @property
    def canary_name(self) -> str:
        """Name of the canary Deployment."""
        return f"{self.name}-canary"

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
    def selector(self) -> dict[str, str]:
        """Labels that the Service selects: those of both tracks."""
        return {"app": self.app}

    @property
    def listens(self) -> bool:
        """Whether pods take connections on `container_port`: a worker does only to be probed."""
        return self.service_name is not None or self.readiness_path is not None

    @property
    def pod_seconds(self) -> int:
        """Seconds that one pod may take until it counts as available."""
        return self.ready_timeout_seconds + self.min_ready_seconds

    def rollout_seconds(self, track: Track) -> int:
        """Seconds after which an update of the track has failed: its pods come in waves, the timeout holds for all."""
        waves = max(1, track.replicas) if self.fixed_total else rollout_waves(track.replicas)
        return waves * self.pod_seconds + SLACK_SECONDS

    def arguments(self) -> dict[str, Any]:
        """The release as arguments, with every default applied; what is not set is absent."""
        values = {name: value for name, value in asdict(self).items() if value not in (None, {})}
        for track in ("stable", "canary"):
            if pods := values.pop(track, None):
                values |= {f"{track}_version": pods["version"], f"{track}_replicas": pods["replicas"]}
        return values

    def inputs(self) -> dict[str, Any]:
        """The release in the keys of the stack config, as the component registers it: what a preview compares."""
        return {camel(name): _with(value, None, NULL) for name, value in sorted(self.arguments().items())}

    @staticmethod
    def of_inputs(inputs: Mapping[str, Any]) -> "Release":
        """The release that registered these inputs, also with an earlier version of the component."""
        known = {camel(name): name for name in CanaryReleaseArgs.__annotations__}
        args = {known[key]: _with(value, NULL, None) for key, value in inputs.items() if key in known}
        return Release.of(cast(Any, args))


def camel(name: str) -> str:
    """`stable_version` → `stableVersion`: an argument's name as stack config and other languages spell it."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def present(args: Any) -> dict[str, Any]:
    """The arguments that are set: None is as good as absent."""
    return {name: value for name, value in whole_numbers(args).items() if value is not None}


def whole_numbers(value: Any) -> Any:
    """The value with every whole float as an int, at any depth."""
    if isinstance(value, Mapping):
        return {str(key): whole_numbers(item) for key, item in cast(Mapping[str, Any], value).items()}
    if isinstance(value, list):
        return [whole_numbers(item) for item in cast(list[Any], value)]
    return int(value) if isinstance(value, float) and math.isfinite(value) and value.is_integer() else value


def _with(value: Any, old: Any, new: Any) -> Any:
    """The value with the new in place of every old, at any depth."""
    if isinstance(value, Mapping):
        return {field: _with(item, old, new) for field, item in cast(Mapping[str, Any], value).items()}
    if isinstance(value, list):
        return [_with(item, old, new) for item in cast(list[Any], value)]
    return new if value == old else value
