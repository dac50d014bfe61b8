"""What the watch makes of a cluster's objects: figures by track, mismatches, text, JSON and the picture."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from components.release import Release
from observe.cluster import Objects, missing_permission
from observe.glance import Glance, document, lines
from observe.live import frame, shown_age
from observe.options import Target
from observe.picture import Picture, picture
from observe.traffic import Sample, Traffic, traffic

from .observed import NOW, UNREADY, deployment, endpoints, objects, pod, release


def seen(found: Objects, configured: Release | None = None) -> Picture:
    return picture(configured or release(), found, NOW)


def differences(found: Objects, configured: Release | None = None) -> list[str]:
    return glance(found, configured).mismatches


def glance(found: Objects, configured: Release | None = None, asked: Traffic | None = None, note: str = "") -> Glance:
    configured = configured or release()
    return Glance(NOW, Target("dev", "canary-sandbox", None, configured), seen(found, configured), asked, note)


def answers(stable: int, canary: int, *others: Sample) -> Traffic:
    return traffic([*[Sample("v1", None, 0.002)] * stable, *[Sample("v2", None, 0.004)] * canary, *others], release())


def text(found: Glance, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as captured:
        console.print(frame(found))
    return captured.get()


def test_pods_and_endpoints_are_counted_by_track():
    found = seen(objects())
    assert [(track.version, track.desired, track.ready, track.endpoints) for track in (found.stable, found.canary)] == [
        ("v1", 2, 2, 2),
        ("v2", 1, 1, 1),
    ]
    assert (found.share.total, found.share.canary) == (3, pytest.approx(100 / 3))
    assert [each.age_seconds for each in found.stable.pods] == [300, 300]
    assert differences(objects()) == []


def test_a_pod_with_two_addresses_stands_in_two_slices_and_counts_once():
    slices = [endpoints("s1", "s2", "c1"), endpoints("s1", "s2", "c1")]
    assert seen(objects(slices=slices)).share.total == 3


def test_an_endpoint_that_is_not_ready_does_not_count_and_one_that_does_not_tell_does():
    slices = [
        endpoints("s1", ready=True),
        endpoints("s2", serving=True),
        endpoints("c1", ready=False),
        {"endpoints": None},
    ]
    found = seen(objects(slices=slices))
    assert (found.stable.endpoints, found.canary.endpoints) == (2, 0)


def test_without_a_service_the_share_is_one_of_ready_pods():
    workers = release(service_type="none")
    pods = [pod("stable", "s1", "v1"), pod("stable", "s2", "v1", UNREADY), pod("canary", "c1", "v2")]
    assert seen(objects(pods=pods, slices=[]), workers).share.canary == 50
    assert "share: the canary has 1 of 2 ready pods, 50.0 %; the config says 33.3 %" in differences(
        objects(pods=pods, slices=[]), workers
    )
    assert differences(objects(slices=[]), workers) == []


def test_a_pod_that_terminates_or_was_evicted_is_no_pod_of_the_release():
    leaving = pod("stable", "s3", "v1")
    leaving["metadata"]["deletionTimestamp"] = "2026-05-01T12:00:00Z"
    evicted = pod(
        "stable", "s4", "v1", UNREADY, phase="Failed", reason="Evicted", message="The node was low on memory."
    )
    pods = [*(objects().pods), leaving, evicted]
    assert differences(objects(pods=pods)) == []
    assert seen(objects(pods=pods)).failing == {
        "pod s4": "it has failed (Evicted): The node was low on memory.",
    }


CASES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "another version": (
        {"deployments": [deployment("shop", "v9", 2), deployment("shop-canary", "v2", 1)]},
        ["stable: the Deployment runs v9, the config says v1"],
    ),
    "another number of pods": (
        {"deployments": [deployment("shop", "v1", 3), deployment("shop-canary", "v2", 1)]},
        ["stable: 3 pods desired, the config says 2"],
    ),
    "no stable": (
        {"deployments": [deployment("shop-canary", "v2", 1)]},
        ["stable: there is no Deployment shop in namespace default"],
    ),
    "a pod that is not ready": (
        {
            "pods": [pod("stable", "s1", "v1"), pod("stable", "s2", "v1", UNREADY), pod("canary", "c1", "v2")],
            "slices": [endpoints("s1", "c1")],
        },
        [
            "stable: 1 pod of v1 ready, the config says 2",
            "share: the canary has 1 of 2 ready endpoints, 50.0 %; the config says 33.3 %",
        ],
    ),
    "a surplus pod that is not ready": (
        {"pods": [*(objects().pods), pod("canary", "c2", "v2", UNREADY)]},
        ["canary: 1 pod beside them not ready"],
    ),
    "an old pod": (
        {"pods": [*(objects().pods), pod("canary", "c2", "v1")]},
        ["canary: pods of v1 still serve"],
    ),
    "another repository": (
        {
            "deployments": [
                deployment("shop", "v1", 2),
                {
                    "metadata": {"name": "shop-canary"},
                    "spec": {
                        "replicas": 1,
                        "template": {"spec": {"containers": [{"name": "shop", "image": "example/shoq:v2"}]}},
                    },
                },
            ]
        },
        ["canary: the Deployment runs example/shoq:v2, the config says v2"],
    ),
    "an endpoint of neither track": (
        {"slices": [endpoints("s1", "s2", "c1", "guest")]},
        [
            "share: guest: ready behind Service shop-svc, and of neither track",
            "share: the canary has 1 of 4 ready endpoints, 25.0 %; the config says 33.3 %",
        ],
    ),
    "no endpoint": ({"slices": []}, ["share: there are no ready endpoints, the config says 3"]),
}


@pytest.mark.parametrize("case", CASES)
def test_every_difference_from_the_config_is_named(case: str):
    found, expected = CASES[case]
    assert differences(objects(**found)) == expected


def test_a_canary_that_the_config_does_not_have_is_a_difference():
    stable_alone = release(canary_version=None, canary_replicas=0)
    assert differences(objects(), stable_alone) == [
        "canary: Deployment shop-canary is there, and the config has no canaryVersion",
        "share: the canary has 1 of 3 ready endpoints, 33.3 %; the config says 0.0 %",
    ]


def test_what_requests_got_is_compared_too():
    failed, stranger = Sample(None, "no answer: Connection refused", 0.1), Sample("v7", None, 0.1)
    assert glance(objects(), asked=answers(134, 66)).mismatches == []
    assert glance(objects(), asked=answers(100, 100, failed, stranger)).mismatches == [
        "traffic: 1 of 202 answers came from v7, which is of neither track",
        "traffic: 1 of 202 requests failed: no answer: Connection refused",
        "traffic: the canary gave 100 of 200 answers; its share lies within 40.7 to 59.3 % with 99% confidence, "
        "the config says 33.3 %",
    ]


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
    pods = [*(objects().pods)[:2], pod("canary", "c1", "v2", UNREADY, containerStatuses=[crashed])]
    assert lines(glance(objects(pods=pods, slices=[endpoints("s1", "s2")]))) == [
        "shop in default: stable v1 2 of 2 ready, canary v2 0 of 1 ready, 1 unready, 3 restarts; "
        "canary's share of ready endpoints 0.0 %, configured 33.3 %; not as configured",
        "pod c1: its container ends again and again (CrashLoopBackOff): exit code 1, 3 restarts",
        "mismatch: canary: 0 pods of v2 ready, the config says 1",
        "mismatch: share: the canary has 0 of 2 ready endpoints, 0.0 %; the config says 33.3 %",
    ]


@pytest.mark.parametrize("with_traffic", [True, False])
def test_a_release_whose_requests_fail_is_not_told_to_be_as_configured(with_traffic: bool):
    failed = Sample(None, "no answer: Connection refused", 0.1)
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
    }
    assert found["stable"]["pods"][0] == {
        "name": "s1",
        "version": "v1",
        "state": "ready",
        "endpoint": True,
        "restarts": 0,
        "ageSeconds": 300,
    }
    assert [found["canary"][key] for key in ("version", "desired", "ready", "unready", "endpoints")] == [
        "v2",
        1,
        1,
        0,
        1,
    ]
    assert found["share"] == {"of": "ready endpoints", "total": 3, "canary": pytest.approx(100 / 3)}
    assert (found["traffic"]["requests"], found["traffic"]["fits"]) == (200, True)
    assert (found["mismatches"], found["failing"], found["note"]) == ([], {}, None)


def test_the_picture_shows_tracks_shares_and_answers():
    assert [line.rstrip() for line in text(glance(objects(), asked=answers(134, 66))).splitlines()] == [
        "shop in default  stack dev, context canary-sandbox, 12:00:00",
        "",
        "track    version   desired   ready   unready   restarts   age   endpoints",
        "─────────────────────────────────────────────────────────────────────────",
        "stable   v1              2       2         0          0    5m           2",
        "canary   v2              1       1         0          0    5m           1",
        "",
        "canary's share",
        "configured       ━━━━━━━━━╸                       33.3 %",
        "ready endpoints  ━━━━━━━━━╸                       33.3 %  1 of 3",
        "answers          ━━━━━━━━━╸                       33.0 %  24.7 to 42.1 at 99 %",
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
        pods=[pod("stable", "s1", "v1"), pod("stable", "s2", "v1"), pod("stable", "s3", "v2", UNREADY)],
        slices=[endpoints("s1", "s2")],
    )
    assert [
        line.split() for line in text(glance(rolling, release(canary_version=None, canary_replicas=0))).splitlines()
    ][4:6] == [
        ["stable", "v2", "2", "0", "1", "0", "5m", "2"],
        ["canary", "none", "0", "0", "0", "0", "-", "0"],
    ]


@pytest.mark.parametrize("width", [80, 120])
def test_the_picture_fits_its_terminal_also_with_long_names(width: int):
    digest = f"sha256:{'0123456789abcdef' * 4}"
    long = release(stable_version=digest, name="s" * 56, namespace="n" * 63)
    pods = [pod("stable", f"{'s' * 56}-{number}", "x" * 80) for number in range(3)]
    note = "the API server of context canary-sandbox does not answer at https://127.0.0.1:6443: refused"
    deployments = [deployment("s" * 56, digest, 2), deployment("shop-canary", "v2", 1)]
    drawn = text(glance(objects(deployments, pods), long, answers(10, 10), note), width)
    assert max(map(len, drawn.splitlines())) <= width
    assert "sha256:01234567…" in drawn


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "-"), (0, "0s"), (59, "59s"), (60, "1m"), (3599, "59m"), (7200, "2h"), (200_000, "2d")],
)
def test_an_age_is_shown_in_its_largest_unit(seconds: int | None, shown: str):
    assert shown_age(seconds) == shown
