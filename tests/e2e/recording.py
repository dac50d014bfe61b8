"""Records what real pods answer, second by second, for the measurements in docs/gates.md; run it by hand.

`.venv/bin/python tests/e2e/recording.py` needs the sandbox's cluster and some five minutes. It overwrites
tests/recorded.json.
"""

import itertools
import json
import tempfile
import time
import uuid
from pathlib import Path

from prometheus import Prometheus
from stack import ROOT, Stack, until
from traffic import Traffic

RECORDED = ROOT / "tests" / "recorded.json"
SECONDS = 60
COUNTED = {
    "total": "sum(http_requests_total{{{0}}})",
    "failed": 'sum(http_requests_total{{{0},code=~"5.."}}) or vector(0)',
    "slow": 'sum(http_requests_total{{{0}}}) - sum(http_request_duration_seconds_bucket{{{0},le="0.25"}})',
}


def record(version: str) -> dict[str, list[int]]:
    """Requests of each second that one canary pod of the version answered beside two stable ones."""
    name = f"recording-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "project").mkdir()
        stack = Stack.seed(Path(folder) / "project", name, 0)
        stack.good("kubectl", "create", "namespace", name)
        try:
            stack.configure(canaryVersion=version)
            stack.up()
            port = stack.outputs()["nodePort"]
            with Prometheus(Path(folder) / "prometheus", name) as server, Traffic(port):
                pods = f'version="{version}"'
                until(lambda: server.number(COUNTED["total"].format(pods)) > 100, f"requests of {version}")
                rows: list[list[float]] = []
                for _ in range(SECONDS + 1):
                    rows.append([server.number(query.format(pods)) for query in COUNTED.values()])
                    time.sleep(1)
        finally:
            stack.good("kubectl", "delete", "namespace", name, "--wait=false")
    pairs = list(itertools.pairwise(rows))
    return {what: [round(after[i] - before[i]) for before, after in pairs] for i, what in enumerate(COUNTED)}


def main() -> None:
    """Records each version and writes the file."""
    recorded = {version: record(version) for version in ("v0.2", "v0.4-errors", "v0.4-slow")}
    lines = [f'"{version}": {json.dumps(series)}' for version, series in recorded.items()]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    for version, series in recorded.items():
        print(version, {what: sum(values) for what, values in series.items()})


if __name__ == "__main__":
    main()
