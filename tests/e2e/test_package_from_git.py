"""The component as other teams get it: by the address of a Git repository and a tag."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_server import git_server
from project import ROOT, Stack

from tests.package import tagged

TAG = "v0.1.0"


@pytest.fixture
def source(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a tagged package, without the tag, and the certificate of its server."""
    tagged(tmp_path / "work", tmp_path / "served" / "platform" / "canary.git")
    with git_server(tmp_path / "served", tmp_path) as (address, certificate):
        yield f"{address}/platform/canary.git/components", certificate


def test_the_engine_installs_the_package_of_a_tag_and_reads_its_schema(source: tuple[str, Path], tmp_path: Path):
    address, certificate = source
    folder = tmp_path / "program"
    shutil.copytree(ROOT / "examples" / "typescript", folder, ignore=shutil.ignore_patterns("sdks", "node_modules"))
    project = (folder / "Pulumi.yaml").read_text()
    (folder / "Pulumi.yaml").write_text(project[: project.index("packages:")])
    program = Stack(folder, "", 0)
    # A home of its own: the sandbox's keeps no plugin of a server that is gone. Go's programs trust this certificate.
    home = tmp_path / "home"
    shutil.copytree(ROOT / ".sandbox" / "pulumi-home" / "plugins", home / "plugins", copy_function=os.link)
    program.environment |= {"PULUMI_HOME": str(home), "SSL_CERT_FILE": str(certificate)}

    schema = json.loads(program.good("pulumi", "package", "get-schema", f"{address}@{TAG}").stdout)
    assert (schema["namespace"], schema["name"], schema["version"]) == ("canary", "canary-release", "0.1.0")
