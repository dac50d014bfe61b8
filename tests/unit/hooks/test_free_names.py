"""What a preview has to ask the cluster, and what it makes of the answers."""

from typing import Any

import pytest

from canary_release.hooks.cluster import Unanswered
from canary_release.hooks.free_names import (
    REFRESH,
    access_reviews,
    created,
    deleted,
    gone,
    holder,
    not_asked,
    taken,
    unchecked,
)
from canary_release.model.release import Release
from canary_release.text.spelling import config_keys
from canary_release.update.update import Update

from ..model.shop import release

STABLE, CANARY, SERVICE = ("Deployment", "shop"), ("Deployment", "shop-canary"), ("Service", "shop")
ALONE = release()
WITH_CANARY = release(canary_version="v2", canary_replicas=1)
WORKER = release(("1", None))
STARTS = Update(ALONE, WITH_CANARY, True)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, WITH_CANARY, [STABLE, CANARY, SERVICE]),
        (None, ALONE, [STABLE, SERVICE]),
        (None, WORKER, [STABLE]),
        (ALONE, WITH_CANARY, [CANARY]),
        (ALONE, release(canary_version="v2"), [CANARY]),
        (release(canary_version="v2"), WITH_CANARY, []),
        (WITH_CANARY, ALONE, []),
        (WORKER, ALONE, [SERVICE]),
        (ALONE, release(("1/metadata/name", "front")), [("Service", "front")]),
        (ALONE, release(namespace="other"), [STABLE, SERVICE]),
    ],
    ids=[
        "a first deploy with a canary",
        "a first deploy",
        "a first deploy of a worker",
        "a canary starts",
        "a canary is declared without pods",
        "a canary that was declared gets pods",
        "a canary is removed",
        "a worker gets a Service",
        "another Service",
        "another namespace",
    ],
)
def test_an_update_makes_the_objects_that_the_release_did_not_have(old: Release | None, new: Release, expected: Any):
    assert created(Update(old, new, True)) == expected


def test_each_object_is_asked_for_by_the_right_that_its_update_needs():
    asked = [review["spec"]["resourceAttributes"] for review in access_reviews(STARTS).values()]
    common = {"namespace": "default"}
    assert asked == [
        {**common, "group": "apps", "resource": "deployments", "verb": "patch", "name": "shop"},
        {**common, "group": "apps", "resource": "deployments", "verb": "create"},
        {**common, "group": "apps", "resource": "deployments", "verb": "patch", "name": "shop-canary"},
        {**common, "group": "", "resource": "services", "verb": "patch", "name": "shop"},
    ]


@pytest.mark.parametrize(
    ("allowed", "denied"),
    [
        ([True, True, True, True], None),
        ([False, True, True, True], "may not patch Deployment shop in default"),
        ([True, False, True, False], "may not create Deployment shop-canary, patch Service shop in default"),
        ([True, True, False, True], "may not patch Deployment shop-canary in default"),
    ],
)
def test_a_missing_right_is_named_with_its_object(allowed: list[bool], denied: str | None):
    warning = unchecked("default", access_reviews(STARTS), allowed)
    assert (denied in warning) if denied and warning else warning is denied


NO_KUBECTL = Unanswered("no kubectl")


@pytest.mark.parametrize(
    ("answers", "warning"),
    [
        (([True], [], []), None),
        ((NO_KUBECTL, [], []), "not checked: whether the API server can check this preview (no kubectl)"),
        (([True], Unanswered("forbidden"), []), "not checked: which objects of the release are there (forbidden)"),
        (
            (NO_KUBECTL, NO_KUBECTL, NO_KUBECTL),
            "not checked: whether the API server can check this preview, which objects of the release are there "
            "and which other pods its Services select (no kubectl)",
        ),
    ],
)
def test_a_question_without_an_answer_is_told_with_the_reason(answers: Any, warning: str | None):
    assert not_asked(*answers) == warning


def live(kind: str, name: str, **metadata: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, **metadata}}


FIELDS = [
    {"manager": "kubectl-create"},
    {"manager": "kube-controller-manager", "subresource": "status"},
    {"manager": "argocd-controller"},
    {"manager": "kubectl-create"},
]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"managedFields": FIELDS}, "kubectl-create, argocd-controller"),
        ({"managedFields": FIELDS, "labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm"),
        ({}, "nobody it names"),
    ],
)
def test_an_object_tells_who_manages_it(metadata: dict[str, Any], expected: str):
    assert holder(live("Service", "shop", **metadata)) == expected


def test_names_that_are_taken_are_told_at_once_with_what_to_do():
    found = [live("Deployment", "shop-canary", managedFields=[{"manager": "{odd}"}]), live("Service", "shop")]
    assert taken("release", Update(None, WITH_CANARY, True), found, config_keys("dev")) == (
        "CanaryRelease 'release': a name that it needs is taken; nothing of this release was changed\n"
        "\n"
        '  manifest: "shop-canary"\n'
        "    Deployment shop-canary already exists in default and is not this stack's; it is managed by {odd}\n"
        "\n"
        '  manifest: "shop"\n'
        "    Service shop already exists in default and is not this stack's; it is managed by nobody it names\n"
        "\n"
        "to keep it as it runs: `make adopt`; to make it what the config says: "
        "PULUMI_K8S_UPSERT_EXISTING_OBJECTS=true pulumi up --stack dev"
    )


def test_a_deployed_release_keeps_its_name_so_the_other_object_has_to_go():
    text = taken("release", STARTS, [live("Deployment", "shop-canary")], config_keys("dev"))
    assert "; the names of a deployed release must not change, so move or delete that object" in text


@pytest.mark.parametrize(
    ("update", "there", "expected"),
    [
        (Update(WITH_CANARY, release(stable_version="v2", canary_version="v2")), [STABLE, SERVICE], [CANARY]),
        (Update(WITH_CANARY, WITH_CANARY), [STABLE, CANARY, SERVICE], []),
        (Update(WITH_CANARY, ALONE), [STABLE, SERVICE], []),
        (STARTS, [STABLE], [SERVICE]),
        (Update(WITH_CANARY, WITH_CANARY, finished=False), [STABLE], []),
        (Update(None, WITH_CANARY), [], []),
    ],
    ids=[
        "the canary is gone when it is promoted",
        "nothing is gone",
        "what is gone is removed",
        "what is made cannot be gone",
        "what an unfinished update left is not known",
        "a first deploy",
    ],
)
def test_an_object_that_the_last_update_left_and_that_is_not_there_is_gone(
    update: Update, there: list[tuple[str, str]], expected: Any, monkeypatch: pytest.MonkeyPatch
):
    found = [live(*each) for each in there]
    assert gone(update, found) == expected
    for truth in ("true", "1", "TRUE"):
        monkeypatch.setenv(REFRESH, truth)
        assert gone(update, found) == [], "a refresh puts the state right"
    monkeypatch.setenv(REFRESH, "false")
    assert gone(update, found) == expected


def test_objects_that_somebody_deleted_are_told_with_the_command_that_makes_them_again():
    assert deleted("release", STARTS, [CANARY, SERVICE], config_keys("dev")) == (
        "CanaryRelease 'release' does not find all of its objects; nothing of this release was changed\n"
        "\n"
        '  manifest: "shop-canary"\n'
        "    Deployment shop-canary is not in default any more: somebody deleted it after the last update\n"
        "\n"
        '  manifest: "shop"\n'
        "    Service shop is not in default any more: somebody deleted it after the last update\n"
        "\n"
        "to make it again: PULUMI_OPTION_REFRESH=true pulumi up --stack dev\n"
        "(the program does not see the option --refresh: set the variable)"
    )
