"""What a preview asks the cluster: whether the API server may check it, and whether the names it needs are free."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from project import Stack
from test_transition_rules import everything, settled, state

NOT_CHECKED = "the API server did not check this preview: this identity may not "


def kubeconfig_of(stack: Stack, account: str, *, verbs: str) -> Path:
    """The sandbox's context for a service account that may do these verbs with the release's objects, and no others."""
    stack.kubectl("create", "serviceaccount", account)
    resources = "deployments.apps,services,pods,replicasets.apps,events,endpointslices.discovery.k8s.io"
    stack.kubectl("create", "role", account, f"--verb={verbs}", f"--resource={resources}")
    subject = f"--serviceaccount={stack.namespace}:{account}"
    stack.kubectl("create", "rolebinding", account, f"--role={account}", subject)
    config = yaml.safe_load(stack.kubectl("config", "view", "--raw", "--minify", "--context", "canary-sandbox"))
    config["users"][0]["user"] = {"token": stack.kubectl("create", "token", account).strip()}
    path = stack.folder / f"kubeconfig-{account}"
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture
def deployed(fresh_stack: Stack) -> Stack:
    fresh_stack.unset("canaryVersion")
    fresh_stack.configure(canaryReplicas=0)
    fresh_stack.up()
    settled(fresh_stack)
    fresh_stack.configure(canaryVersion="v0.2", canaryReplicas=1)
    return fresh_stack


def foreign_canary(stack: Stack) -> None:
    """A Deployment of the canary's name, made by someone else."""
    stack.kubectl("create", "deployment", "k8s-testapp-canary", "--image=arisu1000/simple-container-app:v0.3")


def test_a_preview_by_an_identity_that_may_not_write_says_that_the_server_did_not_check_it(deployed: Stack):
    """Lost: nothing but the check. The user sees the whole preview, and a warning that names the missing rights:
    a value that the server refuses looks like any other there.
    """
    reader = str(kubeconfig_of(deployed, "reader", verbs="get,list,watch"))
    container = {"name": "testapp", "imagePullPolicy": "Sometimes"}
    deployed.patch_canary({"template": {"spec": {"containers": [container]}}})
    assert 'Unsupported value: "Sometimes"' in deployed.run("pulumi", "preview").text
    before = state(deployed), everything(deployed)
    preview = deployed.good("pulumi", "preview", KUBECONFIG=reader)
    assert "the canary differs from stable in imagePullPolicy of container testapp" in preview.text
    assert f"warning: {NOT_CHECKED}patch Deployment k8s-testapp, " in preview.text, preview
    assert "Deployment k8s-testapp-canary, " in preview.text, preview
    assert (state(deployed), everything(deployed)) == before


def test_the_right_to_change_is_not_the_right_to_make(deployed: Stack):
    """Lost: nothing but the check. The user sees which object the update makes without having been checked."""
    patcher = str(kubeconfig_of(deployed, "patcher", verbs="get,list,watch,patch"))
    preview = deployed.good("pulumi", "preview", KUBECONFIG=patcher)
    denied = f"create Deployment k8s-testapp-canary in {deployed.namespace}"
    assert f"warning: {NOT_CHECKED}{denied}" in preview.text, preview


def test_the_right_to_make_is_not_the_right_to_apply(deployed: Stack):
    """Lost: nothing but the check. The user sees each object that the provider may not apply, also the new one."""
    maker = str(kubeconfig_of(deployed, "maker", verbs="get,list,watch,create"))
    preview = deployed.good("pulumi", "preview", KUBECONFIG=maker)
    objects = ("Deployment k8s-testapp", "Deployment k8s-testapp-canary", "Service myapp-svc")
    denied = ", ".join(f"patch {each}" for each in objects)
    assert f"warning: {NOT_CHECKED}{denied} in {deployed.namespace}" in preview.text, preview


def test_a_preview_by_an_identity_that_may_not_even_read_says_so_beside_what_it_may_not_write(deployed: Stack):
    """Lost: nothing but the checks. The user sees why the names were not looked at, and the missing rights."""
    stranger = str(kubeconfig_of(deployed, "stranger", verbs="watch"))
    preview = deployed.good("pulumi", "preview", KUBECONFIG=stranger)
    questions = "which objects of the release are there and which other pods its Services select"
    assert f"warning: not checked: {questions} (Error from server (Forbidden): " in preview.text, preview
    assert f"warning: {NOT_CHECKED}patch Deployment k8s-testapp, create Deployment" in preview.text, preview


def test_a_preview_by_an_identity_that_may_write_warns_of_nothing(deployed: Stack):
    """Lost: nothing. The user sees no warning: each right is asked for by itself, and no further one is needed."""
    writer = str(kubeconfig_of(deployed, "writer", verbs="get,list,watch,create,patch"))
    preview = deployed.good("pulumi", "preview", KUBECONFIG=writer)
    assert "warning" not in preview.text, preview


def test_a_name_that_someone_else_has_refuses_the_preview_of_the_update_that_needs_it(deployed: Stack):
    """Lost: nothing, in the cluster and in the state. The preview says whose the object is and what to do."""
    foreign_canary(deployed)
    before = state(deployed), deployed.deployment("k8s-testapp-canary")["spec"]
    refused = deployed.run("pulumi", "preview")
    assert refused.code != 0
    assert (
        "CanaryRelease 'release': a name that it needs is taken; nothing of this release was changed" in refused.text
    ), refused
    there = f"Deployment k8s-testapp-canary already exists in {deployed.namespace} and is not this stack's"
    assert f"{there}; it is managed by kubectl-create" in refused.text, refused
    assert "PULUMI_K8S_UPSERT_EXISTING_OBJECTS=true pulumi up --stack dev" in refused.text, refused
    assert "Traceback" not in refused.text
    assert refused.text.count("already exists") == 1, refused
    assert (state(deployed), deployed.deployment("k8s-testapp-canary")["spec"]) == before

    deployed.kubectl("delete", "deployment", "k8s-testapp-canary")
    deployed.up()


def test_a_first_deploy_names_every_name_that_is_taken_and_proposes_others(fresh_stack: Stack):
    """Lost: nothing. The user sees both objects in one error, each with the command that chooses another name."""
    foreign_canary(fresh_stack)
    fresh_stack.kubectl("create", "service", "clusterip", "myapp-svc", "--tcp=80")
    refused = fresh_stack.run("pulumi", "preview").text
    assert "Deployment k8s-testapp-canary already exists" in refused, refused
    assert "Service myapp-svc already exists" in refused, refused
    manifest = fresh_stack.folder / "app.yaml"
    manifest.write_text(manifest.read_text().replace("k8s-testapp", "ours").replace("myapp-svc", "our-svc"))
    fresh_stack.up()
    assert fresh_stack.planned() == {"same": 5}


def test_with_the_variable_that_adopts_the_preview_announces_what_it_takes_over(deployed: Stack):
    """Lost: what the other one had set, which is what the variable asks for. The user sees it before, by name."""
    manifest = deployed.deployment("k8s-testapp")
    manifest["metadata"] = {"name": "k8s-testapp-canary"}
    for labels in (manifest["spec"]["selector"]["matchLabels"], manifest["spec"]["template"]["metadata"]["labels"]):
        labels["version"] = "canary"
    file = deployed.folder / "foreign.json"
    file.write_text(json.dumps(manifest))
    deployed.kubectl("create", "--filename", str(file))
    adopt = {"PULUMI_K8S_UPSERT_EXISTING_OBJECTS": "true"}
    preview = deployed.good("pulumi", "preview", **adopt)
    taken = f"takes over Deployment k8s-testapp-canary in {deployed.namespace}, managed by kubectl-create"
    assert f"warning: {taken}" in preview.text, preview
    deployed.good("pulumi", "up", "--yes", **adopt)
    assert deployed.planned("--refresh") == {"same": 5}


def test_without_kubectl_one_line_says_what_was_not_checked(deployed: Stack):
    """Lost: the two checks, nothing else. The user sees the preview, and one warning."""
    bare = deployed.folder / "bin"
    bare.mkdir()
    engine = shutil.which("pulumi", path=deployed.environment["PATH"])
    for tool in Path(str(engine)).parent.glob("pulumi*"):
        (bare / tool.name).symlink_to(tool)
    preview = deployed.good("pulumi", "preview", PATH=str(bare))
    questions = (
        "whether the API server can check this preview, which objects of the release are there "
        "and which other pods its Services select"
    )
    assert f"warning: not checked: {questions} (there is no kubectl on PATH)\n" in preview.text, preview


def test_an_unchanged_release_asks_nothing(fresh_stack: Stack):
    """Lost: nothing. The user waits for no question: the checks run only in previews that change the release."""
    fresh_stack.up()
    preview = fresh_stack.good("pulumi", "preview", KUBECONFIG=str(kubeconfig_of(fresh_stack, "reader", verbs="get")))
    assert NOT_CHECKED not in preview.text, preview
