"""`make adopt` runs once at a time, and goes on where it was killed."""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from canary_release.hooks.cluster import Cluster
from canary_release.model.tree import Object, with_value
from stack.files import stack_file
from tools.adopt.__main__ import declared_by, own_services, says, under_way, update
from tools.adopt.files import manifest_text
from tools.adopt.live import deployment_of
from tools.adopt.namespace import AdoptionError
from tools.pulumi import Pulumi, PulumiError

from .simulated import Simulated
from .test_adoption import DEPLOYMENT, SERVICES, service


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)


def test_an_adoption_that_did_not_end_is_resumed_until_one_ends():
    with pytest.raises(KeyboardInterrupt), under_way("dev"):
        raise KeyboardInterrupt
    with under_way("dev") as is_resumed:
        assert is_resumed
    with under_way("dev") as is_resumed:
        assert not is_resumed


def test_an_update_that_ended_with_an_error_is_not_resumed_since_a_lock_may_be_of_another_update():
    for _ in range(2):
        with suppress(PulumiError), under_way("dev") as is_resumed:
            assert not is_resumed
            raise PulumiError("the stack is locked")


@dataclass(frozen=True)
class Recording(Pulumi):
    """Remembers the commands."""

    commands: list[str] = field(default_factory=list[str])

    def run(self, *arguments: str) -> None:
        self.commands.append(arguments[0])

    def attempt(self, *arguments: str) -> None:
        self.commands.append(arguments[0])


def test_only_a_killed_update_is_cancelled_and_refreshed():
    first, second = Recording("dev"), Recording("dev")
    update(first, is_resumed=False)
    update(second, is_resumed=True)
    assert first.commands == ["stack", "up"]
    assert second.commands == ["stack", "cancel", "refresh", "up"]


def test_a_file_is_free_if_it_is_not_there_or_says_the_same():
    path = Path("shop.yaml")
    assert says(path, "a: 1\n")
    path.write_text("a: 1\n")
    assert says(path, "a: 1\n")
    assert not says(path, "a: 2\n")


def declares(stack: str, *objects: Object) -> None:
    """Writes the files of a stack of the sandbox that declares the objects."""
    Path("Pulumi.yaml").write_text("name: canary\n")
    Path(f"{stack}.yaml").write_text(manifest_text(objects))
    config = {"kubernetes:context": "canary-sandbox", "canary:manifest": f"{stack}.yaml"}
    config |= {"canary:namespace": "shops", "canary:stableVersion": "v1"}
    stack_file(stack).write_text(json.dumps({"config": config}))


def running() -> Simulated:
    """A namespace with the Deployment and the Services of the adoption's tests."""
    there = Simulated(Cluster(None, "canary-sandbox"), "shops")
    for each in (*SERVICES, service("others", app="another")):
        there.create(each)
    there.create(with_value(DEPLOYMENT, ("spec", "replicas"), 2))
    return there


def names(services: list[Object]) -> list[str]:
    return [each["metadata"]["name"] for each in services]


def test_the_services_that_select_its_pods_become_the_releases():
    Path("Pulumi.yaml").write_text("name: canary\n")
    there = running()
    assert names(own_services(there, deployment_of(there, "shop"))) == ["shop", "web"]


def test_a_service_that_another_stack_or_a_controller_has_stays_theirs(capsys: pytest.CaptureFixture[str]):
    renamed = with_value(DEPLOYMENT, ("metadata", "name"), "cart")
    declares("prod", renamed, SERVICES[1])
    there = running()
    there.create(service("made", app="shop"), {"kind": "Gateway", "metadata": {"name": "edge", "uid": "1"}})
    assert names(own_services(there, deployment_of(there, "shop"))) == ["shop"]
    told = capsys.readouterr().out
    assert "Service web stays that of Pulumi.prod.yaml" in told
    assert "Service made stays that of Gateway edge" in told


def test_a_deployment_that_another_stack_declares_is_refused():
    declares("prod", DEPLOYMENT, *SERVICES)
    there = running()
    with pytest.raises(AdoptionError, match=r"Pulumi\.prod\.yaml declares it"):
        own_services(there, deployment_of(there, "shop"))


def test_a_stack_file_is_read_as_the_program_reads_it():
    declares("dev", DEPLOYMENT, *SERVICES)
    cluster, parsed = declared_by("dev")
    assert cluster == Cluster(None, "canary-sandbox")
    assert (parsed.release.name, parsed.release.namespace) == ("shop", "shops")
    stack_file("dev").write_text(stack_file("dev").read_text().replace('"v1"', '"latest"'))
    with pytest.raises(AdoptionError, match=r"Pulumi\.dev\.yaml is invalid[^$]*stableVersion"):
        declared_by("dev")
