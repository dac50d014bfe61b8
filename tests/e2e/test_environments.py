"""Staging and prod, two stacks in one backend: what is protected, what may start, and how a version moves on."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from console import execute, steps
from project import ROOT, Ended, Stack
from test_transition_rules import state

PAGE = (ROOT / "docs" / "environments.md").read_text().replace("```sh", "```console")
"""Its blocks are no console blocks there: those of a page run on a single stack."""


def protected(stack: Stack) -> set[str]:
    """Names of the resources that the state protects."""
    resources = stack.exported()["resources"]
    return {each["urn"].rpartition("::")[2] for each in resources if each.get("protect")}


def test_a_protected_release_is_not_destroyed_while_canaries_come_and_go(fresh_stack: Stack):
    stack = fresh_stack
    stack.configure(protect="true")
    stack.up()
    assert protected(stack) == {"release", "release-stable", "release-myapp-svc"}

    before = state(stack), stack.objects()
    refused = stack.run("pulumi", "destroy", "--yes")
    assert refused.code != 0
    assert "cannot be deleted" in refused.text, refused
    assert "protect" in refused.text, refused
    assert (state(stack)["resources"], stack.objects()) == (before[0]["resources"], before[1]), "also the canary stays"

    stack.configure(stableVersion="v0.2", canaryReplicas=0)
    stack.up()
    stack.unset("canaryVersion")
    stack.up()
    assert stack.deployment("k8s-testapp-canary") == {}
    stack.configure(canaryVersion="v0.3", canaryReplicas=1)
    stack.up()

    stack.configure(protect="false")
    assert stack.planned() == {"same": 5}, "no object changes"
    stack.up()
    assert protected(stack) == set()
    stack.good("pulumi", "destroy", "--yes")
    assert "deployment" not in str(stack.objects())


class Environments:
    """Stacks `staging` and `prod` of one project, in one backend and one cluster, each in a namespace of its own."""

    def __init__(self, project: Stack, namespaces: dict[str, tuple[str, int]]) -> None:
        self.project = project
        project.file.rename(project.folder / "Pulumi.staging.yaml")
        text = (project.folder / "Pulumi.staging.yaml").read_text()
        (project.folder / "Pulumi.prod.yaml").write_text(text)
        for stack, (namespace, node_port) in namespaces.items():
            self.good(stack, "stack", "init", stack, "--no-select")
            self.configure(stack, namespace=namespace)
            project.patch("Service", {"ports": [{"port": 8080, "nodePort": node_port}]}, stack)

    def run(self, stack: str, *arguments: str) -> Ended:
        named = () if arguments[:2] == ("stack", "init") else ("--stack", stack)
        return self.project.run("pulumi", *arguments, *named)

    def good(self, stack: str, *arguments: str) -> Ended:
        ended = self.run(stack, *arguments)
        assert ended.code == 0, ended
        return ended

    def configure(self, stack: str, **config: str | int | None) -> None:
        for key, value in config.items():
            self.good(stack, "config", *(("rm", key) if value is None else ("set", key, str(value))))

    def up(self, stack: str) -> Ended:
        return self.good(stack, "up", "--yes", "--skip-preview")

    def refused(self, stack: str) -> str:
        """What preview and update say to an update that is refused; neither changes the state."""
        before = self.resources(stack)
        preview = self.run(stack, "preview")
        assert "canary's share" not in preview.text, "what is refused is not announced"
        update = self.run(stack, "up", "--yes", "--skip-preview")
        for ended in (preview, update):
            assert ended.code != 0, ended
            assert " was changed\n" in ended.text, ended
            assert "Traceback" not in ended.text, ended
        assert self.resources(stack) == before
        return preview.text

    def resources(self, stack: str) -> Any:
        """What the state has, but for the engine's own provider, which notes that another stack was asked."""
        resources = json.loads(self.good(stack, "stack", "export").stdout)["deployment"].get("resources") or []
        return [each for each in resources if each["type"] != "pulumi:providers:pulumi"]


@pytest.fixture
def environments(fresh_stack: Stack, namespace: Callable, node_port: Callable[[], int]):
    """Not deployed: both at v0.1 without a canary."""
    fresh_stack.unset("canaryVersion")
    fresh_stack.unset("canaryReplicas")
    with namespace() as prod:
        places = {"staging": (fresh_stack.namespace, fresh_stack.node_port), "prod": (prod, node_port())}
        yield Environments(fresh_stack, places)


def test_prod_starts_only_what_staging_runs_as_stable_at_that_moment(environments: Environments):
    both = environments
    both.configure("prod", provenIn="staging")
    both.up("prod")
    both.configure("prod", canaryVersion="v0.2", canaryReplicas=1)
    assert "it has no output stableVersion: it was never deployed" in both.refused("prod")

    both.configure("staging", canaryVersion="v0.2", canaryReplicas=1)
    both.up("staging")
    said = both.refused("prod")
    assert "the canary v0.2 is not proven elsewhere, and is not started" in said
    assert "must be what organization/canary/staging runs as stable now, which is v0.1" in said

    both.configure("staging", stableVersion="v0.2", canaryReplicas=0)
    both.up("staging")
    assert "starts the canary v0.2" in both.good("prod", "preview").text
    both.up("prod")

    # Staging goes on, and ends: what prod runs already does not ask.
    both.configure("staging", canaryVersion="v0.3", canaryReplicas=1)
    both.up("staging")
    both.configure("staging", stableVersion="v0.3", canaryReplicas=0)
    both.up("staging")
    both.configure("prod", canaryReplicas=2)
    assert "widens the canary" in both.up("prod").text
    both.good("staging", "destroy", "--yes")
    both.good("staging", "stack", "rm", "--yes", "--preserve-config")
    both.configure("prod", stableVersion="v0.2", canaryReplicas=0)
    assert "promotes v0.2" in both.up("prod").text
    both.configure("prod", stableVersion="v0.1", canaryReplicas=1)
    assert "rolls back to v0.1" in both.up("prod").text

    both.configure("prod", canaryVersion="v0.3")
    said = both.refused("prod")
    assert 'provenIn: "organization/canary/staging"' in said
    assert "must name a stack that tells what it runs" in said
    assert "staging" in said.partition("tells what it runs")[2], "the engine's own reason"
    both.configure("prod", skipTransitionChecks="true")
    assert "changes the canary from v0.2 to v0.3" in both.good("prod", "preview").text


def test_the_page_on_environments_moves_a_version_on_as_it_says(environments: Environments):
    both = environments
    both.configure("staging", stableVersion="v0.2")
    both.configure("prod", stableReplicas=8)
    both.up("staging")
    both.up("prod")
    for arguments in (
        *("init --quiet", "config user.name test", "config user.email test@localhost"),
        *("add Pulumi.yaml Pulumi.staging.yaml Pulumi.prod.yaml", "commit --quiet --message before"),
    ):
        both.project.good("git", *arguments.split())
    assert len(steps(PAGE)) >= 10
    execute(PAGE, both.project.folder, both.project.environment)
