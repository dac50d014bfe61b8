"""What a preview has to ask the cluster, and what it makes of the answers."""

import re
from pathlib import Path
from typing import Any, cast

import pytest

import kubeconfig
from components import CanaryReleaseArgs
from components.problems import config_keys
from components.release import Release
from preflight import access_reviews, created, holder, not_asked, taken, unchecked

STABLE, CANARY, SERVICE = ("Deployment", "shop"), ("Deployment", "shop-canary"), ("Service", "shop-svc")


def release(**args: Any) -> Release:
    complete = {"app": "shop", "name": "shop", "image": "example/shop", "stable_version": "v1", **args}
    return Release.of(cast(CanaryReleaseArgs, complete))


ALONE = release()
WITH_CANARY = release(canary_version="v2", canary_replicas=1)
WORKER = release(service_type="none")


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
        (ALONE, release(service_name="front"), [("Service", "front")]),
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
    assert created(old, new) == expected


def test_each_object_is_asked_for_by_the_right_that_its_update_needs():
    asked = [review["spec"]["resourceAttributes"] for review in access_reviews(ALONE, WITH_CANARY)]
    common = {"namespace": "default"}
    assert asked == [
        {**common, "group": "apps", "resource": "deployments", "verb": "patch", "name": "shop"},
        {**common, "group": "apps", "resource": "deployments", "verb": "create"},
        {**common, "group": "", "resource": "services", "verb": "patch", "name": "shop-svc"},
    ]


@pytest.mark.parametrize(
    ("allowed", "denied"),
    [
        ([True, True, True], None),
        ([False, True, True], "may not patch Deployment shop in default"),
        ([True, False, False], "may not create Deployment shop-canary, patch Service shop-svc in default"),
    ],
)
def test_a_missing_right_is_named_with_its_object(allowed: list[bool], denied: str | None):
    warning = unchecked(ALONE, WITH_CANARY, allowed)
    assert (denied in warning) if denied and warning else warning is denied


@pytest.mark.parametrize(
    ("allowed", "live", "warning"),
    [
        ([True], [], None),
        ("forbidden", [], "not checked: whether the API server can check this preview (forbidden)"),
        ([True], "forbidden", "not checked: whether its names are free (forbidden)"),
        (
            "no kubectl",
            "no kubectl",
            "not checked: whether the API server can check this preview and whether its names are free (no kubectl)",
        ),
    ],
)
def test_a_question_without_an_answer_is_told_with_the_reason(allowed: Any, live: Any, warning: str | None):
    assert not_asked(allowed, live) == warning


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
    assert holder(live("Service", "shop-svc", **metadata)) == expected


def test_names_that_are_taken_are_told_at_once_with_what_to_do():
    found = [live("Deployment", "shop-canary", managedFields=[{"manager": "{odd}"}]), live("Service", "shop-svc")]
    assert taken("release", None, WITH_CANARY, found, config_keys("dev")) == (
        "CanaryRelease 'release' needs a name that is taken; nothing was changed\n"
        "\n"
        '  name: "shop"\n'
        "    Deployment shop-canary already exists in default and is not this stack's; it is managed by {odd}\n"
        "    fix: pulumi config set --stack dev name '<another name>'\n"
        "\n"
        '  serviceName: "shop-svc"\n'
        "    Service shop-svc already exists in default and is not this stack's; it is managed by nobody it names\n"
        "    fix: pulumi config set --stack dev serviceName '<another name>'\n"
        "\n"
        "to take over what exists: `make adopt` as it is, "
        "or PULUMI_K8S_UPSERT_EXISTING_OBJECTS=true pulumi up --stack dev as the config has it"
    )


def test_a_deployed_release_keeps_its_name_so_none_other_is_proposed():
    text = taken("release", ALONE, WITH_CANARY, [live("Deployment", "shop-canary")], config_keys("dev"))
    assert "; the names of a deployed release stay, so move or delete that object" in text
    assert "<another name>" not in text


TEXT = "contexts: [{name: one}, {name: two}]\n"


@pytest.mark.parametrize("given", [TEXT, '{"contexts": [{"name": "one"}, {"name": "two"}]}' + " " * 5000, "{file}"])
def test_kubectl_reads_the_kubeconfig_of_the_provider_whether_it_is_a_path_or_a_text(given: str, tmp_path: Path):
    file = tmp_path / "kubeconfig-of-the-stack"
    file.write_text(TEXT)
    given = given.replace("{file}", str(file))
    assert kubeconfig.servers(given).keys() == {"one", "two"}
    with kubeconfig.kubectl_options(given) as (option, path):
        assert option == "--kubeconfig"
        assert kubeconfig.servers(path).keys() == {"one", "two"}
        assert (path == str(file)) or Path(path).stat().st_mode & 0o077 == 0
    assert Path(path).exists() == (path == str(file))


def test_without_a_kubeconfig_in_the_config_kubectl_finds_its_own():
    with kubeconfig.kubectl_options(None) as options:
        assert options == []
    assert kubeconfig.servers(None).keys() == {"canary-sandbox"}


def test_a_kubeconfig_that_is_no_yaml_has_no_context_and_is_not_quoted():
    assert kubeconfig.servers("users:\n- token: 'secret") == {}


def test_why_kubectl_has_no_answer_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="there is no kubectl on PATH"):
        kubeconfig.kubectl("get", "pods")
    script = tmp_path / "kubectl"
    script.write_text("#!/bin/sh\ncase $1 in wait) while :; do :; done;; esac\nexit 3\n")
    script.chmod(0o755)
    with pytest.raises(ValueError, match="kubectl ended with 3"):
        kubeconfig.kubectl("get", "pods")
    with pytest.raises(ValueError, match="kubectl had no answer after 1 s"):
        kubeconfig.kubectl("wait", seconds=1)


LOGGED = 'E1125 03:00:00.123456    1234 memcache.go:265] "Unhandled Error" err="dial tcp 127.0.0.1:1: connect: refused"'


@pytest.mark.parametrize(
    ("stderr", "told"),
    [
        (f"{LOGGED}\n{LOGGED}\nThe connection was refused\n", "The connection was refused"),
        (f"error: one\n{LOGGED}\n\nand two\n", "error: one\n\nand two"),
        (f"{LOGGED}\n", LOGGED),
    ],
)
def test_what_kubectl_logs_is_told_only_without_other_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stderr: str, told: str
):
    (tmp_path / "stderr").write_text(stderr)
    (tmp_path / "kubectl").write_text(f"#!/bin/sh\n/bin/cat '{tmp_path}/stderr' >&2\nexit 1\n")
    (tmp_path / "kubectl").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=f"^{re.escape(told)}$"):
        kubeconfig.kubectl("get", "pods")


def test_a_context_leads_to_the_server_of_its_cluster_and_the_first_file_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(
        "contexts: [{name: prod, context: {cluster: blue}}, {name: bare}]\n"
        "clusters: [{name: blue, cluster: {server: 'https://192.0.2.1:6443'}}]\n"
    )
    second.write_text(
        "contexts: [{name: prod, context: {cluster: red}}, {name: next, context: {cluster: red}}]\n"
        "clusters: [{name: red, cluster: {server: 'https://192.0.2.2:6443'}}, {name: blue, cluster: {server: other}}]\n"
    )
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    servers = {"prod": "https://192.0.2.1:6443", "next": "https://192.0.2.2:6443", "bare": ""}
    assert kubeconfig.servers(None) == servers
