"""What the watch makes of a cluster's objects: figures by track, mismatches, text, JSON and the picture."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from canary_release.model.release import Release
from tools.watch.cluster import Objects, missing_permission
from tools.watch.glance import Glance, document, lines
from tools.watch.live import frame, shown_age
from tools.watch.picture import Picture, Share, picture
from tools.watch.target import Target
from tools.watch.traffic import Sample, Traffic, traffic

from .observed import (
    CANARY,
    NOW,
    PODS,
    SETS,
    STABLE,
    UNREADY,
    changed,
    deployment,
    endpoints,
    objects,
    pod,
    release,
    replica_set,
    service,
)


def seen(found: Objects, configured: Release | None = None) -> Picture:
    return picture(configured or release(), found, NOW)


def differences(found: Objects, configured: Release | None = None) -> list[str]:
    return glance(found, configured).mismatches


def glance(found: Objects, configured: Release | None = None, asked: Traffic | None = None, note: str = "") -> Glance:
    configured = configured or release()
    return Glance(NOW, Target("dev", "canary-sandbox", None, configured), seen(found, configured), asked, 0.0, note)


def answers(stable: int, canary: int, *others: Sample) -> Traffic:
    of_tracks = [*[Sample("v1", None, 0, 0.002)] * stable, *[Sample("v2", None, 0, 0.004)] * canary]
    return traffic([*of_tracks, *others], release())


def text(found: Glance, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as captured:
        console.print(frame(found))
    return captured.get()


def share(found: Picture) -> Share:
    [one] = found.shares
    return one


def counts(found: Picture) -> list[tuple[str | None, int, int]]:
    return [(track.version, track.desired, track.ready) for track in (found.stable, found.canary)]


def test_pods_and_endpoints_are_counted_by_track():
    found = seen(objects())
    assert counts(found) == [("v1", 2, 2), ("v2", 1, 1)]
    assert (share(found).stable, share(found).canary, share(found).percent) == (2, 1, pytest.approx(100 / 3))
    assert [each.age_seconds for each in found.stable.pods] == [300, 300]
    assert differences(objects()) == []


def test_pods_are_of_the_version_that_their_replica_set_declares_whatever_image_was_admitted():
    assert PODS[0]["spec"]["containers"][0]["image"] == "mirror.local/example/shop:v1"
    assert [each.version for each in seen(objects()).stable.pods] == ["v1", "v1"]


def test_the_version_is_that_of_the_released_container_wherever_it_stands():
    assert seen(objects()).stable.version == "v1"
    without = changed(STABLE, "spec/template/spec/containers", [{"name": "mesh", "image": "example/mesh:1"}])
    assert seen(objects([without])).stable.version == "no container web"


def test_pods_of_another_deployment_with_the_same_labels_and_a_like_name_are_of_no_track():
    stranger = pod("shop-canary-x", "shop-canary-of-another", "v2")
    assert seen(objects(pods=[*PODS, stranger])) == seen(objects())
    deployments = [STABLE, CANARY, deployment("shop-canary-of-another", "v2", 1)]
    sets = [*SETS, replica_set("shop-canary-of-another", "v2")]
    assert seen(objects(deployments, sets, [*PODS, stranger])) == seen(objects())


def test_pods_of_a_deployment_of_before_with_the_same_name_are_of_no_track():
    again = changed(STABLE, "metadata/uid", "uid-new")
    assert counts(seen(objects([again, CANARY]))) == [("v1", 2, 0), ("v2", 1, 1)]


def test_the_newest_replica_set_is_the_one_of_the_greatest_revision_also_after_a_rollback():
    sets = [replica_set("shop", "v1", 10), replica_set("shop", "v2", 9), SETS[1]]
    pods = [*PODS, pod("s3", "shop", "v2")]
    found = seen(objects(sets=sets, pods=pods))
    assert [each.version for each in found.stable.pods if each.is_current] == ["v1", "v1"]
    assert len(found.stable.pods) == 3
    assert found.stable.ready == 2


@pytest.mark.parametrize("path", ["spec/template/spec/containers", "spec/template/metadata/annotations"])
def test_until_a_replica_set_has_what_the_deployment_declares_no_pod_is_ready(path: str):
    """A controller that has not seen the change yet, and a Deployment that is paused."""
    found = objects([changed(STABLE, path, [{"name": "web", "image": "example/shop:v1", "env": []}]), CANARY])
    assert counts(seen(found))[0] == ("v1", 2, 0)
    assert differences(found) == [
        "stable: 0 pods of v1 ready, the config says 2",
        "stable: pods of an earlier update still serve: 2 of v1",
    ]


def test_a_pod_with_two_addresses_stands_in_two_slices_and_counts_once():
    slices = [endpoints("s1", "s2", "c1"), endpoints("s1", "s2", "c1")]
    assert share(seen(objects(slices=slices))).total == 3


def test_an_endpoint_that_is_not_ready_does_not_count_and_one_that_does_not_tell_does():
    slices = [
        endpoints("s1", ready=True),
        endpoints("s2", serving=True),
        endpoints("c1", ready=False),
        {"endpoints": None},
        {**endpoints("s1"), "endpoints": None},
    ]
    found = share(seen(objects(slices=slices)))
    assert (found.stable, found.canary) == (2, 0)


def test_an_endpoint_is_matched_by_its_pods_identity_and_not_by_its_name():
    slices = [endpoints("s1", "s2", "c1")]
    slices[0]["endpoints"][0]["targetRef"]["uid"] = "uid-of-before"
    found = share(seen(objects(slices=slices)))
    assert (found.stable, found.canary, found.strays) == (1, 1, ("s1",))


def test_without_a_service_the_share_is_one_of_ready_pods():
    workers = release(workers=True)
    pods = [PODS[0], pod("s2", "shop", "v1", UNREADY), PODS[2]]
    assert share(seen(objects(pods=pods, slices=[]), workers)).percent == 50
    assert "share: the canary has 1 of 2 ready pods, 50.0 %; the config says 33.3 %" in differences(
        objects(pods=pods, slices=[]), workers
    )
    assert differences(objects(slices=[]), workers) == []


def test_each_service_has_a_share_and_one_of_a_single_track_has_that_tracks_pods():
    several = release(service(), service("admin"), service("smoke", track="canary"), service("old", track="stable"))
    slices = [
        endpoints("s1", "s2", "c1"),
        endpoints("s1", "c1", of="admin"),
        endpoints("c1", of="smoke"),
        endpoints("s1", "s2", of="old"),
    ]
    found = objects(slices=slices)
    assert [(each.of, each.serves, each.percent, each.configured) for each in seen(found, several).shares] == [
        ("ready endpoints of Service shop", "both", pytest.approx(100 / 3), pytest.approx(100 / 3)),
        ("ready endpoints of Service admin", "both", 50, pytest.approx(100 / 3)),
        ("ready endpoints of Service smoke", "canary", 100, 100),
        ("ready endpoints of Service old", "stable", 0, 0),
    ]
    assert differences(found, several) == [
        "share: the canary has 1 of 2 ready endpoints of Service admin, 50.0 %; the config says 33.3 %"
    ]
    assert (
        "canary's share of ready endpoints of Service shop 33.3 %, ready endpoints of Service admin 50.0 %"
        in lines(glance(found, several))[0]
    )


def test_a_service_of_the_canary_alone_wants_no_endpoint_without_a_canary():
    alone = release(service(), service("smoke", track="canary"), canary_version=None, canary_replicas=0)
    without = objects([STABLE], pods=PODS[:2], slices=[endpoints("s1", "s2")])
    assert differences(without, alone) == []
    wrong = objects([STABLE], pods=PODS[:2], slices=[endpoints("s1", "s2"), endpoints("s1", of="smoke")])
    assert differences(wrong, alone) == [
        "share: the canary has 0 of 1 ready endpoints of Service smoke, 0.0 %; the config says none"
    ]


def test_a_pod_that_terminates_or_was_evicted_is_no_pod_of_the_release():
    leaving = changed(pod("s3", "shop", "v1"), "metadata/deletionTimestamp", "2026-05-01T12:00:00Z")
    why = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}
    pods = [*PODS, leaving, pod("s4", "shop", "v1", UNREADY, **why)]
    assert differences(objects(pods=pods)) == []
    assert seen(objects(pods=pods)).failing == {
        "pod s4": "it has failed (Evicted): The node was low on memory.",
    }


OF = "ready endpoints of Service shop"
CONTAINERS = "spec/template/spec/containers"
CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "another version": (
        {"deployments": [deployment("shop", "v9", 2), CANARY], "sets": [replica_set("shop", "v9"), SETS[1]]}
        | {"pods": [pod("s1", "shop", "v9"), pod("s2", "shop", "v9"), PODS[2]]},
        ["stable: the Deployment declares v9, the config says v1"],
    ),
    "another number of pods": (
        {"deployments": [deployment("shop", "v1", 3), CANARY]},
        ["stable: 3 pods desired, the config says 2"],
    ),
    "no stable": (
        {"deployments": [CANARY], "slices": [endpoints("c1")]},
        [
            "stable: there is no Deployment shop in namespace default",
            f"share: the canary has 1 of 1 {OF}, 100.0 %; the config says 33.3 %",
        ],
    ),
    "a pod that is not ready": (
        {"pods": [PODS[0], pod("s2", "shop", "v1", UNREADY), PODS[2]], "slices": [endpoints("s1", "c1")]},
        [
            "stable: 1 pod of v1 ready, the config says 2",
            f"share: the canary has 1 of 2 {OF}, 50.0 %; the config says 33.3 %",
        ],
    ),
    "a surplus pod that is not ready": (
        {"pods": [*PODS, pod("c2", "shop-canary", "v2", UNREADY)]},
        ["canary: 1 pod more not ready"],
    ),
    "an old pod": (
        {"sets": [*SETS, replica_set("shop-canary", "v1", 0)], "pods": [*PODS, pod("c2", "shop-canary", "v1")]},
        ["canary: pods of an earlier update still serve: 1 of v1"],
    ),
    "another repository": (
        {"deployments": [STABLE, changed(CANARY, CONTAINERS, [{"name": "web", "image": "a/b:v2"}])]},
        [
            "canary: the Deployment declares a/b:v2, the config says v2",
            "canary: 0 pods of a/b:v2 ready, the config says 1",
            "canary: pods of an earlier update still serve: 1 of v2",
        ],
    ),
    "endpoints of neither track": (
        {"slices": [endpoints("s1", "s2", "c1", *(f"guest{number}" for number in range(7)))]},
        [
            f"share: the {OF} include guest0, guest1, guest2, guest3, guest4, 2 more, of neither track",
            f"share: the canary has 1 of 10 {OF}, 10.0 %; the config says 33.3 %",
        ],
    ),
    "no endpoint": ({"slices": []}, [f"share: there are no {OF}; the config says 33.3 %"]),
}


@pytest.mark.parametrize("case", CASES)
def test_every_difference_from_the_config_is_named(case: str):
    found, expected = CASES[case]
    assert differences(objects(**found)) == expected


def test_a_canary_that_the_config_does_not_have_is_a_difference():
    stable_alone = release(canary_version=None, canary_replicas=0)
    assert differences(objects(), stable_alone) == [
        "canary: Deployment shop-canary is there, and the config has no canaryVersion",
        f"share: the canary has 1 of 3 {OF}, 33.3 %; the config says 0.0 %",
    ]


def test_what_requests_got_is_compared_too():
    failed, stranger = Sample(None, "no answer: Connection refused", 0, 0.1), Sample("v7", None, 0, 0.1)
    assert glance(objects(), asked=answers(134, 66)).mismatches == []
    assert glance(objects(), asked=answers(100, 100, failed, stranger)).mismatches == [
        "traffic: 1 of 202 answers came from v7, which is of neither track",
        "traffic: 1 of 202 requests failed: no answer: Connection refused",
        "traffic: the canary gave 100 of 200 answers; its share lies within 40.7 to 59.3 % with 99% confidence, "
        "the config says 33.3 %",
    ]


def test_an_identity_whose_name_has_spaces_can_be_pasted():
    assert missing_permission("pods", "default", "Jane O'Neil").endswith("""--user 'Jane O'"'"'Neil'""")


def test_a_missing_permission_names_verb_resource_namespace_and_the_commands_that_grant_it():
    assert missing_permission("endpointslices.discovery.k8s.io", "default", "jane") == (
        "missing permission: jane may not list endpointslices.discovery.k8s.io in namespace default; "
        "fix: kubectl create role watch-endpointslices --namespace default --verb list --resource "
        "endpointslices.discovery.k8s.io && kubectl create rolebinding watch-endpointslices --namespace default --role "
        "watch-endpointslices --user jane"
    )


def test_a_line_tells_the_state_and_others_what_is_wrong():
    crashed = {"name": "shop", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    crashed |= {"lastState": {"terminated": {"exitCode": 1}}}
    pods = [*PODS[:2], pod("c1", "shop-canary", "v2", UNREADY, containerStatuses=[crashed])]
    assert lines(glance(objects(pods=pods, slices=[endpoints("s1", "s2")]))) == [
        "shop in default: stable v1 2 of 2 ready, canary v2 0 of 1 ready, 1 unready, 3 restarts; "
        f"canary's share of {OF} 0.0 %, configured 33.3 %; not as configured",
        "pod c1: its container ends again and again (CrashLoopBackOff): exit code 1, 3 restarts",
        "mismatch: canary: 0 pods of v2 ready, the config says 1",
        f"mismatch: share: the canary has 0 of 2 {OF}, 0.0 %; the config says 33.3 %",
    ]


def test_restarts_of_a_native_sidecar_are_those_of_its_pod():
    proxy, migration = {"name": "proxy", "restartCount": 7}, {"name": "migration", "restartCount": 2}
    own = {"name": "web", "restartCount": 1}
    c1 = pod("c1", "shop-canary", "v2", containerStatuses=[own], initContainerStatuses=[migration, proxy])
    c1["spec"]["initContainers"] = [{"name": "migration"}, {"name": "proxy", "restartPolicy": "Always"}]
    assert "8 restarts" in lines(glance(objects(pods=[*PODS[:2], c1])))[0]


@pytest.mark.parametrize("with_traffic", [True, False])
def test_a_release_whose_requests_fail_is_not_told_to_be_as_configured(with_traffic: bool):
    failed = Sample(None, "no answer: Connection refused", 0, 0.1)
    assert lines(glance(objects(), asked=answers(134, 66, failed)), with_traffic)[0].endswith("; not as configured")
    assert lines(glance(objects(), asked=answers(134, 66)), with_traffic)[0].endswith("; as configured")


def test_a_line_tells_what_requests_got():
    assert lines(glance(objects(), asked=answers(134, 66)))[1] == (
        "200 requests, answers v1 134, v2 66, 0 errors; stable p50 2.0 p95 2.0 p99 2.0 ms; "
        "canary p50 4.0 p95 4.0 p99 4.0 ms; canary's share 33.0 % (24.7 to 42.1 at 99 %), fits"
    )


def test_the_document_is_json_with_figures_that_machines_need():
    found = json.loads(json.dumps(document(glance(objects(), asked=answers(134, 66)))))
    assert found["config"] == {
        "stable": {"version": "v1", "replicas": 2},
        "canary": {"version": "v2", "replicas": 1},
        "canaryShare": 33.3,
        "unknown": [],
    }
    assert found["stable"]["pods"][0] == {
        "name": "s1",
        "uid": "uid-s1",
        "version": "v1",
        "isCurrent": True,
        "state": "ready",
        "restarts": 0,
        "ageSeconds": 300,
    }
    assert [found["canary"][key] for key in ("version", "desired", "ready", "unready")] == ["v2", 1, 1, 0]
    assert found["shares"] == [
        {
            "of": OF,
            "serves": "both",
            "stable": 2,
            "canary": 1,
            "strays": [],
            "percent": pytest.approx(100 / 3),
            "configured": pytest.approx(100 / 3),
            "fits": True,
        }
    ]
    assert (found["traffic"]["requests"], found["traffic"]["fits"]) == (200, True)
    assert (found["mismatches"], found["failing"], found["note"]) == ([], {}, None)


def test_the_picture_shows_tracks_shares_and_answers():
    assert [line.rstrip() for line in text(glance(objects(), asked=answers(134, 66))).splitlines()] == [
        "shop in default  stack dev, context canary-sandbox, 12:00:00",
        "",
        "track    version   desired   ready   unready   restarts   age",
        "─────────────────────────────────────────────────────────────",
        "stable   v1              2       2         0          0    5m",
        "canary   v2              1       1         0          0    5m",
        "",
        "canary's share",
        "configured      ━━━━━━━                  33.3 %",
        "Service shop    ━━━━━━━                  33.3 %  1 of 3",
        "answers         ━━━━━━━                  33.0 %  24.7 to 42.1 at 99 %",
        "",
        "track    version   answers   errors   p50 ms   p95 ms   p99 ms",
        "──────────────────────────────────────────────────────────────",
        "stable   v1            134        0      2.0      2.0      2.0",
        "canary   v2             66        0      4.0      4.0      4.0",
        "",
        "as configured",
    ]


def test_while_a_track_rolls_only_ready_pods_of_its_new_version_count_as_ready():
    rolling = objects(
        deployments=[deployment("shop", "v2", 2)],
        sets=[SETS[0], replica_set("shop", "v2", 2)],
        pods=[PODS[0], PODS[1], pod("s3", "shop", "v2", UNREADY)],
        slices=[endpoints("s1", "s2")],
    )
    assert [
        line.split() for line in text(glance(rolling, release(canary_version=None, canary_replicas=0))).splitlines()
    ][4:6] == [
        ["stable", "v2", "2", "0", "1", "0", "5m"],
        ["canary", "none", "0", "0", "0", "0", "-"],
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_the_picture_fits_its_terminal_also_with_long_names(width: int):
    digest = f"sha256:{'0123456789abcdef' * 4}"
    long = release(service("s" * 63), stable_version=digest, namespace="n" * 63)
    pods = [pod(f"{'s' * 56}-{number}", "shop", digest) for number in range(3)]
    note = "the API server of context canary-sandbox does not answer at https://127.0.0.1:6443: refused"
    found = objects([deployment("shop", digest, 2), CANARY], [replica_set("shop", digest), SETS[1]], pods)
    drawn = text(glance(found, long, answers(10, 10), note), width)
    assert max(map(len, drawn.splitlines())) <= width
    assert "sha256:01234567…" in drawn


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (7200, "2h"), (200_000, "2d")],
)
def test_an_age_is_shown_in_its_largest_unit(seconds: int | None, shown: str):
    assert shown_age(seconds) == shown
