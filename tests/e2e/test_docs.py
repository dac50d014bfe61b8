"""Every page of docs/ that has console blocks is executed, each on a stack of its own.

A page starts from the files of this repository with the seed's config, not deployed, in a namespace of its own that is
kubectl's default. Where it says 30880 or `my-namespace`, its own node port and namespace are put in.
"""

from pathlib import Path

import pytest
import yaml
from console import execute, steps
from project import ROOT, Stack

PAGES = [page for page in sorted((ROOT / "docs").glob("*.md")) if steps(page.read_text())]


@pytest.fixture
def page_stack(fresh_stack: Stack) -> Stack:
    kubeconfig = fresh_stack.folder / ".sandbox" / "kubeconfig"
    content = yaml.safe_load(kubeconfig.read_text())
    for entry in content["contexts"]:
        entry["context"]["namespace"] = fresh_stack.namespace
    kubeconfig.unlink()  # It is a link to the sandbox's.
    kubeconfig.write_text(yaml.safe_dump(content))
    kubeconfig.chmod(0o600)
    fresh_stack.environment["KUBECONFIG"] = str(kubeconfig)
    return fresh_stack


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_prints_what_the_page_shows(page: Path, page_stack: Stack):
    if "kubectl create namespace my-namespace" in page.read_text():
        page_stack.good("kubectl", "delete", "namespace", page_stack.namespace)
    text = page.read_text().replace("30880", str(page_stack.node_port)).replace("my-namespace", page_stack.namespace)
    execute(text, page_stack.folder, page_stack.environment)


def test_the_pages_are_found():
    assert {"first-release.md", "recipes.md"} <= {page.name for page in PAGES}
