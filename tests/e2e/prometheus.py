"""A real Prometheus on a free port of 127.0.0.1 that scrapes the pods of one namespace every second."""

import json
import shlex
import socket
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import kubernetes
from project import ROOT, until

sys.path.append(str(ROOT))
from sandbox.environment import SANDBOX, exclusive, installed

CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs: [{{job_name: pods, file_sd_configs: [{{files: [{folder}/pods.json]}}]}}]
"""


def program() -> Path:
    """The machine's, or Debian's, unpacked, since installing it would start a service."""
    if own := installed("prometheus"):
        return Path(own)
    folder = SANDBOX / "prometheus"
    unpacked = folder / "usr" / "bin" / "prometheus"
    commands = ("apt-get -q update", "apt-get -q download prometheus", "sh -c 'dpkg-deb -x prometheus_*.deb .'")
    with exclusive():
        for command in () if unpacked.exists() else commands:
            folder.mkdir(parents=True, exist_ok=True)
            subprocess.run(shlex.split(command), cwd=folder, check=True)
    return unpacked


class Prometheus:
    """The server, from `with` to the end of its block; its data lie in the folder.

    Debian's is built without Kubernetes' discovery: a thread reads the pods from the API server and writes them to a
    file, with the labels that discovery gives by convention.
    """

    def __init__(self, folder: Path, namespace: str) -> None:
        self._folder, self._namespace = folder, namespace
        self._stop = threading.Event()
        self._discovery = threading.Thread(target=self._discover, daemon=True)
        folder.mkdir(exist_ok=True)
        (folder / "config.yaml").write_text(CONFIG.format(folder=folder))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"

    def __enter__(self) -> "Prometheus":
        address = f"--web.listen-address={self.url.removeprefix('http://')}"
        files = [f"--config.file={self._folder}/config.yaml", f"--storage.tsdb.path={self._folder}/data"]
        with (self._folder / "log").open("w") as log:
            self._process = subprocess.Popen([program(), address, *files], stdout=log, stderr=log)
        self._discovery.start()
        until(self._is_ready, "a ready Prometheus")
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._discovery.join(30)
        self._process.terminate()
        self._process.wait(30)

    def _discover(self) -> None:
        client = kubernetes.config.new_client_from_config(str(ROOT / ".sandbox" / "kubeconfig"))
        api, known = kubernetes.client.CoreV1Api(client), None
        while not self._stop.wait(0.5):
            pods: Any = api.list_namespaced_pod(self._namespace).items
            targets = [
                {
                    "targets": [f"{pod.status.pod_ip}:8080"],
                    "labels": {"namespace": self._namespace, "pod": pod.metadata.name},
                }
                for pod in pods
                if pod.status.pod_ip and pod.status.phase == "Running"
            ]
            if targets != known:
                new = self._folder / "new"
                new.write_text(json.dumps(targets))
                new.rename(self._folder / "pods.json")
                known = targets

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            return urllib.request.urlopen(f"{self.url}/-/ready", timeout=1).status == 200
        except OSError:
            return False

    def number(self, promql: str) -> float:
        """What the query gives now; 0 for nothing."""
        asked = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': promql})}"
        with urllib.request.urlopen(asked, timeout=10) as answer:
            result = json.load(answer)["data"]["result"]
        return float(result[0]["value"][1]) if result else 0.0
