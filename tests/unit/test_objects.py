"""How `container` and `pod` merge with what the release declares by itself: the common cases of real applications."""

from typing import Any

import pytest

from components import CanaryReleaseArgs, objects
from components.release import PRE_STOP_SECONDS, Release


def declared(**args: Any) -> dict[str, Any]:
    """The stable Deployment's pod spec."""
    release = Release.of({"app": "shop", "image": "example/shop", "stable_version": "v1", **args})  # pyright: ignore[reportArgumentType]
    return objects.stable_deployment(release)["spec"]["template"]["spec"]


def container(**fields: Any) -> dict[str, Any]:
    """The container with these further fields."""
    return declared(container=fields)["containers"][0]


def test_environment_and_resources_stand_beside_the_defaults():
    env = [{"name": "LOG_LEVEL", "value": "info"}]
    resources = {"requests": {"cpu": "100m"}, "limits": {"memory": "128Mi"}}
    merged = container(env=env, resources=resources)
    assert (merged["env"], merged["resources"]) == (env, resources)
    assert merged["lifecycle"] == {"preStop": {"sleep": {"seconds": PRE_STOP_SECONDS}}}
    assert merged["readinessProbe"] == {"tcpSocket": {"port": 8080}, "periodSeconds": 2}


def test_volumes_pull_secrets_and_service_account_stand_beside_the_pods_defaults():
    fields = {
        "volumes": [{"name": "cache", "emptyDir": {}}],
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccountName": "shop",
    }
    merged = declared(pod=fields)
    assert merged.items() >= fields.items()
    assert merged["automountServiceAccountToken"] is False
    assert merged["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}


def test_an_application_that_calls_the_api_server_mounts_its_token():
    assert declared(pod={"automountServiceAccountToken": True})["automountServiceAccountToken"] is True


def test_a_security_context_adds_to_the_default():
    assert container(securityContext={"readOnlyRootFilesystem": True})["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
    }


def test_a_readiness_path_makes_the_probe_an_http_request():
    [own] = declared(readiness_path="/healthz", container_port=9000)["containers"]
    assert own["readinessProbe"] == {"httpGet": {"path": "/healthz", "port": 9000}, "periodSeconds": 2}


def test_another_way_to_probe_replaces_the_default_way_and_keeps_its_period():
    assert container(readinessProbe={"exec": {"command": ["ready"]}})["readinessProbe"] == {
        "exec": {"command": ["ready"]},
        "periodSeconds": 2,
    }


def test_a_slower_probe_keeps_the_default_way():
    assert container(readinessProbe={"periodSeconds": 10})["readinessProbe"] == {
        "tcpSocket": {"port": 8080},
        "periodSeconds": 10,
    }


def test_further_probes_are_taken_as_they_are():
    probe = {"httpGet": {"path": "/alive", "port": 8080}, "failureThreshold": 5}
    assert container(livenessProbe=probe)["livenessProbe"] == probe


def test_an_own_pre_stop_hook_replaces_the_sleep():
    hook = {"exec": {"command": ["drain"]}}
    assert container(lifecycle={"preStop": hook})["lifecycle"] == {"preStop": hook}


def test_null_takes_a_default_away():
    assert "lifecycle" not in container(lifecycle=None)


def test_merging_leaves_the_arguments_as_they_were():
    given = {"readinessProbe": {"exec": {"command": ["ready"]}}}
    container(**given)
    assert given == {"readinessProbe": {"exec": {"command": ["ready"]}}}


@pytest.mark.parametrize(
    ("version", "image"), [("v1", "example/shop:v1"), (f"sha256:{'ab' * 32}", f"example/shop@sha256:{'ab' * 32}")]
)
def test_a_tag_follows_a_colon_and_a_digest_an_at_sign(version: str, image: str):
    assert declared(stable_version=version)["containers"][0]["image"] == image


def test_a_rollout_never_has_fewer_ready_pods_than_replicas():
    release = Release.of({"app": "shop", "image": "example/shop", "stable_version": "v1"})
    strategy = objects.stable_deployment(release)["spec"]["strategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}}


def test_without_a_node_port_the_cluster_allocates_one():
    release = Release.of({"app": "shop", "image": "example/shop", "stable_version": "v1"})
    assert objects.service(release)["spec"]["ports"] == [{"port": 8080, "protocol": "TCP", "targetPort": 8080}]


def test_a_worker_has_neither_port_nor_probe_of_its_own_and_stops_at_once():
    [container] = declared(service_type="none")["containers"]
    assert container.keys() == {"name", "image", "securityContext"}


def test_a_worker_that_gives_a_readiness_path_is_probed_there():
    [container] = declared(service_type="none", readiness_path="/healthz")["containers"]
    assert container["readinessProbe"] == {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 2}
    assert container["ports"] == [{"containerPort": 8080}]


def test_with_a_fixed_total_a_rollout_takes_one_pod_away_before_it_adds_one():
    args: CanaryReleaseArgs = {"app": "shop", "image": "example/shop", "stable_version": "v1", "fixed_total": 2}
    strategy = objects.stable_deployment(Release.of(args))["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}
