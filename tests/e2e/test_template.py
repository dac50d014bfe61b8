"""What `pulumi new` makes of the template deploys, and starts a canary by two keys."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from project import ROOT, Stack, sandbox_environment

from tests.package import install


def test_a_project_of_the_template_deploys_and_starts_a_canary(namespace: Callable, tmp_path: Path):
    folder = tmp_path / "shop"
    folder.mkdir()
    new = ["pulumi", "new", str(ROOT / "examples" / "template"), "--dir", str(folder), "--name", "shop"]
    environment = {**sandbox_environment(), "PULUMI_BACKEND_URL": f"file://{tmp_path}"}
    subprocess.run(
        [*new, "--description", "Our shop", "--generate-only", "--yes", "--force"], env=environment, check=True
    )
    with namespace() as name:
        stack = Stack(folder, name, 0)
        stack.environment["PYTHONPATH"] = str(install(tmp_path / "package"))
        stack.good("pulumi", "config", "set", "kubernetes:context", "canary-sandbox")
        stack.configure(namespace=name, stableVersion="v0.1", stableReplicas=2)
        stack.up()
        assert len(stack.endpoints("shop")) == 2
        stack.configure(canaryVersion="v0.2", canaryReplicas=1)
        assert f"shop in {name}: starts the canary v0.2 at 33.3 %" in stack.up().text
        assert stack.outputs() == {"canaryShare": 33.3}
