"""The component as a plugin, under the real engine: a release declared in YAML, in TypeScript and in Python is one."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import language_hosts
import pytest
from project import ROOT, Stack, until

from tests.package import install

COMPONENT = "canary-release:index:CanaryRelease"
PARTS = ("inputProperties", "properties")

PYTHON = """import pulumi
import yaml
from canary_release import CanaryRelease

config = pulumi.Config()
with open("example.yaml") as file:
    example = yaml.safe_load(file)
web = CanaryRelease("web", {
    "manifest": example["resources"]["web"]["properties"]["manifest"],
    "namespace": config.require("namespace"),
    "stable_version": config.require("stableVersion"),
    "canary_version": config.require("canaryVersion"),
    "canary_replicas": config.require_int("canaryReplicas"),
})
pulumi.export("nodePort", web.node_port)
"""

TWO_RELEASES = """import * as pulumi from "@pulumi/pulumi";
import { CanaryRelease } from "@canary/canary-release";

const config = new pulumi.Config();
class Kubernetes extends pulumi.ProviderResource {}
const first = new Kubernetes("kubernetes", "first", { context: "canary-sandbox" });
const second = new Kubernetes("kubernetes", "second", { context: "canary-sandbox" });
for (const [name, kubernetes] of [["red", first], ["blue", BLUES_PROVIDER]] as const) {
    const containers = [{ name, image: "example/app" }];
    const labels = { app: "same" };
    const spec = { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } };
    const manifest = [{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name }, spec }];
    new CanaryRelease(
        name,
        { manifest, namespace: config.require("namespace"), stableVersion: "v1" },
        { providers: { kubernetes } },
    );
}
"""

BAD_USE = """import { CanaryRelease } from "@canary/canary-release";

const web = { manifest: [{}], stableVersion: "v1" };
new CanaryRelease("misspelt", { ...web, canaryReplica: 1 });
new CanaryRelease("text", { ...web, stableReplicas: "2" });
new CanaryRelease("missing", { manifest: [{}] });
"""


@pytest.fixture(scope="module")
def hosts() -> list[str]:
    """What runs programs in YAML and TypeScript."""
    return language_hosts.prepare()


@pytest.fixture(scope="module")
def web(hosts: list[str], namespace: Callable, tmp_path_factory: pytest.TempPathFactory):  # noqa: ARG001 # it needs them
    """The YAML example, deployed."""
    with namespace() as name:
        stack = Stack.example(tmp_path_factory.mktemp("plugin"), name, "yaml")
        # It installs the plugin, as `pulumi install` does, whose other half the YAML host built here does not know.
        stack.good("pulumi", "package", "get-schema", "../../components")
        stack.up()
        yield stack


@pytest.fixture(scope="module")
def typescript(web: Stack) -> Stack:
    """The TypeScript example on the same stack, with the SDK that `pulumi package add` makes of the plugin."""
    stack = web.elsewhere(web.folder.parent / "typescript")
    stack.good("pulumi", "package", "add", "../../components")
    stack.good("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline")
    shutil.copy(web.file, stack.file)
    return stack


@pytest.fixture
def configured(web: Stack) -> Iterator[Stack]:
    """The YAML example, whose config is put back."""
    config = web.file.read_bytes()
    yield web
    web.file.write_bytes(config)


def everything(stack: Stack) -> tuple[dict[str, Any], str]:
    """The state, but for the time at which it was written, and the cluster's objects with their resource versions."""
    state = stack.exported()
    state["manifest"].pop("time")
    return state, stack.kubectl("get", "deployments,replicasets,services", "--output", "json", "--show-managed-fields")


def refused(stack: Stack, message: str) -> None:
    """The update is refused with the message, as the engine shows it, and without a traceback."""
    ended = stack.failing_up()
    assert "".join(f"    {line}\n" for line in message.splitlines()) in ended.text, ended
    assert "Unexpected" not in ended.text, ended
    assert 'File "' not in ended.text, ended


def test_the_engine_reads_the_reviewed_arguments_and_outputs_from_the_plugin(
    web: Stack, hosts: list[str], tell: Callable[[object], None]
):
    for host in hosts:
        tell(host)

    def contract(text: str) -> dict[str, Any]:
        component = json.loads(text)["resources"][COMPONENT]
        fields = {part: component[part].items() for part in PARTS}
        types = {part: {name: each.get("type") or each["$ref"] for name, each in fields[part]} for part in PARTS}
        return {**types, "requiredInputs": component["requiredInputs"]}

    read = web.good("pulumi", "package", "get-schema", "../../components").stdout
    assert contract(read) == contract((ROOT / "components/canary_release/schema.json").read_text())


def test_the_first_deployment_runs_what_the_yaml_program_says(web: Stack):
    assert sorted(image.rpartition(":")[2] for image in web.pods().values()) == ["v0.1", "v0.1", "v0.2"]
    assert web.get("service", "web")["spec"]["ports"][0]["nodePort"] == web.outputs()["nodePort"]


def test_all_bad_arguments_are_told_at_once_in_the_spelling_of_the_program(configured: Stack):
    before = everything(configured)
    configured.configure(canaryReplicas=9, stableVersion="latest")
    refused(
        configured,
        "error: canary-release:index:CanaryRelease resource 'web' has a problem: "
        "CanaryRelease 'web' has invalid arguments and was not declared\n"
        "\n"
        '  stableVersion: "latest"\n'
        "    must be a version that never moves: what `latest` runs is known only after the fact\n"
        '    fix: stableVersion: "v1.0.0"\n'
        "\n"
        "  canaryReplicas: 9\n"
        "    gives the canary 81.8 % of the pods; maxCanaryShare allows 50 %, which is at most 2 beside 2 stable\n"
        "    fix: canaryReplicas: 2\n",
    )
    assert everything(configured) == before


def test_a_promotion_of_an_unproven_version_is_refused_with_nothing_touched(configured: Stack):
    before = everything(configured)
    configured.configure(stableVersion="v0.3", canaryReplicas=0)
    refused(
        configured,
        'error: Preview failed: before hook "web-update" failed: '
        "CanaryRelease 'web': this update is refused, and nothing of this release was changed. It "
        "gives stable v0.3, which no canary proved\n"
        "\n"
        '  stableVersion: "v0.3"\n'
        '    was "v0.1": stable takes only what ran as canary in the last finished update (which ran v0.2): '
        "run it as canary first\n"
        "\n"
        "allowed instead, one update after the other:\n"
        '  1. stableVersion: "v0.1"\n'
        '     canaryVersion: "v0.3"\n'
        "     canaryReplicas: 1\n"
        "     pulumi up\n"
        '  2. stableVersion: "v0.3"\n'
        '     canaryVersion: "v0.2"\n'
        "     canaryReplicas: 0\n"
        "     pulumi up\n",
    )
    assert everything(configured) == before


def test_the_same_release_in_typescript_changes_nothing(typescript: Stack):
    typescript.good("node_modules/.bin/tsc")
    assert typescript.planned() == {"same": 5}


def test_the_same_release_in_python_without_the_plugin_changes_nothing(web: Stack, tmp_path: Path):
    (tmp_path / "Pulumi.yaml").write_text("name: web\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PYTHON)
    shutil.copy(web.folder / "Pulumi.yaml", tmp_path / "example.yaml")
    shutil.copy(web.file, tmp_path)
    program = web.elsewhere(tmp_path)
    program.environment = {**web.environment, "PYTHONPATH": str(install(tmp_path))}
    assert program.planned() == {"same": 5}


@contextmanager
def program(typescript: Stack, text: str) -> Iterator[None]:
    """The TypeScript example with another program, for a while."""
    file = typescript.folder / "index.ts"
    example = file.read_text()
    file.write_text(text)
    try:
        yield
    finally:
        file.write_text(example)


def test_typescript_rejects_a_misspelt_key_text_for_replicas_and_a_missing_version(typescript: Stack):
    with program(typescript, BAD_USE):
        ended = typescript.run("node_modules/.bin/tsc", "--pretty", "false")
    assert ended.code != 0, ended
    errors = re.findall(r"^index\.ts\((\d+),\d+\): error TS\d+: (.*)", ended.text, re.MULTILINE)
    assert [int(line) for line, _ in errors] == [4, 5, 6], ended
    assert (
        "'canaryReplica' does not exist in type 'CanaryReleaseArgs'. Did you mean to write 'canaryReplicas'"
        in errors[0][1]
    )
    assert errors[1][1] == "Type 'string' is not assignable to type 'number'."
    assert "Property 'stableVersion' is missing" in ended.text


def test_two_releases_of_one_provider_that_collide_are_refused(typescript: Stack):
    with program(typescript, TWO_RELEASES.replace("BLUES_PROVIDER", "first")):
        ended = typescript.run("pulumi", "preview")
    assert ended.code != 0, ended
    assert re.search(r"CanaryRelease '(red|blue)' collides with another one and was not declared\n", ended.text), ended
    assert "must select no pods of another release" in ended.text, ended
    assert "Unexpected" not in ended.text, ended


def test_two_releases_of_two_providers_do_not_collide(typescript: Stack):
    with program(typescript, TWO_RELEASES.replace("BLUES_PROVIDER", "second")):
        typescript.good("pulumi", "preview")


def test_a_promotion_through_the_plugin_shows_its_exposure_and_runs(web: Stack):
    web.configure(stableVersion="v0.2", canaryReplicas=0)
    shown = web.up(preview=True).text
    assert f"    web in {web.namespace}: promotes v0.2\n                    before     after\n" in shown
    assert "    stable          v0.1 x 2   v0.2 x 2\n" in shown
    assert "    canary's share  33.3 %     0.0 %\n" in shown
    until(lambda: [image.rpartition(":")[2] for image in web.pods().values()] == ["v0.2"] * 2, "two pods of v0.2")


def test_each_update_of_a_program_in_yaml_leaves_its_evidence_in_a_folder_that_is_absolute(web: Stack, tmp_path: Path):
    program = web.folder / "Pulumi.yaml"
    text = program.read_text()
    program.write_text(text.replace("      stableVersion:", "      evidenceFolder: evidence\n      stableVersion:"))
    assert "must be an absolute path: the plugin runs in a folder of its own" in web.run("pulumi", "preview").text
    program.write_text(text.replace("      stableVersion:", f"      evidenceFolder: {tmp_path}\n      stableVersion:"))
    web.configure(canaryVersion="v0.3", canaryReplicas=1)
    web.up()
    program.write_text(text)
    [document] = (json.loads(path.read_text()) for path in tmp_path.glob("*.json"))
    assert document["after"]["canary"] == {"version": "v0.3", "replicas": 1}


def test_destroy_through_the_plugin_leaves_nothing(web: Stack):
    web.good("pulumi", "destroy", "--yes")
    until(lambda: not web.objects(), "an empty namespace")
