"""The processor time that this project's own code adds to a preview of one release: `python -m tests.own_share`.

It needs neither engine nor cluster. Each run is a process of its own, since a program imports its modules once.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from stack.files import read_config

ROOT = Path(__file__).parents[1]
RUNS = 9
LINES = 200
"""Lines of the long manifest."""


def own_share(folder: Path, kubeconfig: Path) -> dict[str, Any]:
    """Objects of stack dev of the project in the folder, and seconds of processor time of each part, by its name."""
    given = {
        "KUBECONFIG": str(kubeconfig),
        "PULUMI_CONFIG": json.dumps(read_config("dev", folder).values),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "components")]),
        # A program that ran before is not compiled again.
        "PYTHONDONTWRITEBYTECODE": "",
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "without_engine.py")],
        cwd=folder,
        env={**os.environ, **given},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def long_manifest() -> str:
    """The manifest of this project with two sidecars, probes, limits and variables: `LINES` lines."""
    deployment, service = yaml.safe_load_all((ROOT / "app.yaml").read_text())
    pod = deployment["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "scratch", "emptyDir": {"sizeLimit": "64Mi"}}]
    pod["containers"] += [{"name": name, "image": f"example.com/{name}:v1"} for name in ("proxy", "log")]
    for container in pod["containers"]:
        container["resources"] = {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}}
        container["livenessProbe"] = {"exec": {"command": ["/bin/true"]}, "periodSeconds": 30}
        container["volumeMounts"] = [{"name": "scratch", "mountPath": "/scratch"}]
        container["env"] = []
    number = 0
    while len((text := yaml.safe_dump_all([deployment, service])).splitlines()) < LINES:
        containers = pod["containers"]
        containers[number % len(containers)]["env"].append({"name": f"VARIABLE_{number}", "value": f"value {number}"})
        number += 1
    return text


def own_shares() -> dict[str, list[float]]:
    """The seconds of each part in `RUNS` runs, with this project's manifest and with a long one, by their names."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(yaml.safe_dump({"contexts": [{"name": "canary-sandbox"}]}))
        shutil.copy(ROOT / "Pulumi.yaml", folder)
        stack_file = (ROOT / "Pulumi.dev.yaml").read_text()
        (folder / "Pulumi.dev.yaml").write_text(
            stack_file.replace("config:\n", "config:\n  canary:containerName: testapp\n")
        )
        for text in ((ROOT / "app.yaml").read_text(), long_manifest()):
            (folder / "app.yaml").write_text(text)
            own_share(folder, kubeconfig)
            for _ in range(RUNS):
                seconds = own_share(folder, kubeconfig)["seconds"]
                for part, value in {**seconds, "together": sum(seconds.values())}.items():
                    found.setdefault(f"{part}; manifest of {len(text.splitlines())} lines", []).append(value)
    return found


def main() -> None:
    """Prints the median of each part."""
    for part, seconds in own_shares().items():
        print(f"{median(seconds) * 1000:6.1f} ms  {part}")


if __name__ == "__main__":
    main()
