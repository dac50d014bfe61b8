"""The README is executed, on the operator's own stack."""

import subprocess
from collections.abc import Iterator

import pytest
from console import execute, steps
from project import ROOT

pytestmark = pytest.mark.alone

STACK_FILE = ROOT / "Pulumi.dev.yaml"
README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def dev_stack_as_committed() -> Iterator[None]:
    """The commands start from the committed stack file, and leave the file and the sandbox as they were."""
    as_it_was = STACK_FILE.read_bytes()
    yield
    STACK_FILE.write_bytes(as_it_was)
    subprocess.run(["make", "up"], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)


@pytest.mark.usefixtures("dev_stack_as_committed")
def test_every_command_of_the_readme_prints_what_the_readme_shows():
    assert len(steps(README)) > 10
    execute(README, ROOT)
