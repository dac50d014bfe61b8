"""The one-node Kubernetes: settings of each part, start, readiness.

Everything listens on 127.0.0.1. One self-signed certificate is the API server's, its client certificate for the
kubelet and, by its key, the signer of service account tokens; a token lets the operator in.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any

from sandbox import host, processes
from sandbox.environment import BIN, CLUSTER, CONTEXT, KUBECONFIG, NODE_PORT, OWNER, RUN, SOURCES, SandboxError, write
from sandbox.images import PAUSE

PORTS = [2379, 2380, 6443, 10248, 10249, 10250, 10256, 10257, 10259, NODE_PORT]
SERVER = "https://127.0.0.1:6443"
SOCKET = RUN / "containerd.sock"
CERTIFICATE, KEY, TOKENS = CLUSTER / "pki/server.crt", CLUSTER / "pki/server.key", CLUSTER / "pki/tokens.csv"
IMAGES_LOADED = CLUSTER / "images"

SETTINGS = SOURCES / "settings"


def plugin_folder() -> Path | None:
    """Where the CNI plugins are: Debian's place or the upstream one."""
    return next((path for path in map(Path, ("/usr/lib/cni", "/opt/cni/bin")) if (path / "bridge").exists()), None)


def _fill(text: str) -> str:
    return Template(text).substitute(
        bridge=host.BRIDGE,
        certificate=CERTIFICATE,
        cluster=CLUSTER,
        context=CONTEXT,
        key=KEY,
        kubeconfig=KUBECONFIG,
        owner=OWNER,
        pause=PAUSE,
        plugins=plugin_folder(),
        run=RUN,
        server=SERVER,
        token=TOKENS.read_text().split(",")[0],
        tokens=TOKENS,
    )


def _write_settings() -> None:
    CERTIFICATE.parent.mkdir(parents=True, exist_ok=True)
    if not CERTIFICATE.exists():
        command = f"openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN={CONTEXT}".split()
        for extension in (
            "subjectAltName=DNS:localhost,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1",
            "keyUsage=critical,keyCertSign,digitalSignature,keyEncipherment",
        ):
            command += ["-addext", extension]
        command += ["-keyout", str(KEY), "-out", f"{CERTIFICATE}.new"]
        subprocess.run(command, check=True, capture_output=True)
        Path(f"{CERTIFICATE}.new").rename(CERTIFICATE)
    if not TOKENS.exists():
        write(TOKENS, f"{secrets.token_hex(16)},admin,admin,system:masters\n", 0o600)
    for name, file in {
        "containerd.toml": CLUSTER / "containerd.toml",
        "hosts.toml": CLUSTER / "registries/_default/hosts.toml",
        "kubeconfig.yaml": KUBECONFIG,
        "kubelet.yaml": CLUSTER / "kubelet.yaml",
        "pods.conflist": CLUSTER / "cni/10-pods.conflist",
    }.items():
        write(file, _fill((SETTINGS / name).read_text()), 0o600)


def start(images: Path) -> None:
    """Starts what does not run yet, loads the images of the archive and returns when the node is ready."""
    host.remember()
    _stop_outdated()
    host.clear_abandoned()
    processes.create_groups()
    _write_settings()
    began, started = time.monotonic(), False
    # kube-proxy: the iptables mode answers NodePorts on 127.0.0.1, the nftables mode does not.
    for part in (SETTINGS / "processes").read_text().split("\n\n"):
        name, *arguments = [_fill(word) for word in part.split()]
        if name == "kube-controller-manager":
            _wait("the API server", "kube-apiserver", lambda: bool(api("/readyz", plain=True)))
        elif name == "kubelet":
            _load(images)
        started |= processes.start(name, *arguments)
    _wait("the node", "kubelet", _node_is_ready)
    print(f"cluster: ready after {time.monotonic() - began:.0f} s" if started else "cluster: runs already", flush=True)


def _stop_outdated() -> None:
    """A new build or new settings take effect: the parts stop, their data stays."""
    files = [Path(__file__), *sorted(SETTINGS.iterdir())]
    settings = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    version = f"{(BIN / 'etcd').resolve().parent.name} {settings}"
    mark = CLUSTER / "version"
    if mark.exists() and mark.read_text() != version:
        processes.stop_all()
    write(mark, version)


def _load(images: Path) -> None:
    if IMAGES_LOADED.exists() and IMAGES_LOADED.read_text() == images.name:
        return
    _wait("containerd", "containerd", SOCKET.exists)
    command = ["ctr", "--address", str(SOCKET), "--namespace", "k8s.io", "images", "import"]
    command += ["--snapshotter", "native", str(images)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SandboxError(f"the sample images do not load: {done.stderr.strip()}")
    write(IMAGES_LOADED, images.name)


def stop() -> None:
    """Ends everything and deletes the cluster's data; also after a kill -9 of any part, and when nothing runs."""
    processes.stop_all()
    host.restore()
    KUBECONFIG.unlink(missing_ok=True)


def is_started() -> bool:
    """Any part runs: then the ports are this sandbox's own."""
    return any(processes.running(pid.name) for pid in processes.PIDS.glob("*"))


def is_running() -> bool:
    return processes.running("kube-apiserver") and processes.running("kubelet")


def api(path: str, plain: bool = False) -> Any:
    """The API server's answer to a GET; `plain` for what is not JSON."""
    token = TOKENS.read_text().split(",")[0]
    request = urllib.request.Request(SERVER + path, headers={"Authorization": f"Bearer {token}"})
    context = ssl.create_default_context(cafile=str(CERTIFICATE))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(request, timeout=10) as answer:
        body = answer.read()
    return body.decode() if plain else json.loads(body)


def _node_is_ready() -> bool:
    conditions = api("/api/v1/nodes/localhost")["status"]["conditions"]
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _wait(what: str, process: str, ready: Callable[[], bool], seconds: int = 120) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        processes.check_alive(process)
        with contextlib.suppress(OSError):
            if processes.running(process) and ready():
                return
        time.sleep(0.2)
    raise SandboxError(f"{what} is not ready after {seconds} s:\n{processes.tail(processes.LOGS / f'{process}.log')}")
