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
from typing import Any

from sandbox import host, processes
from sandbox.environment import BIN, CLUSTER, CONTEXT, KUBECONFIG, NODE_PORT, OWNER, RUN, SandboxError, write

PORTS = [2379, 2380, 6443, 10248, 10249, 10250, 10256, 10257, 10259, NODE_PORT]
SERVER = "https://127.0.0.1:6443"
SOCKET = RUN / "containerd.sock"
CERTIFICATE, KEY, TOKENS = CLUSTER / "pki/server.crt", CLUSTER / "pki/server.key", CLUSTER / "pki/tokens.csv"
IMAGES_LOADED = CLUSTER / "images"

# restrict_oom_score_adj: without CAP_SYS_RESOURCE runc dies with "can't get final child's PID from pipe: EOF".
# The native snapshotter also works where the project lies on an overlay file system.
CONTAINERD = """version = 2
root = "{cluster}/containerd"
state = "{run}/containerd"
[grpc]
  address = "{run}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{cluster}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "sandbox.local/pause:1"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "{run}/runc"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{cluster}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{cluster}/registries"
"""
# No image is pulled from outside: an image that is not loaded fails at once, with and without a network.
REGISTRIES = 'server = "http://127.0.0.1:1"\n'


def plugin_folder() -> Path | None:
    """Where the CNI plugins are: Debian's place or the upstream one."""
    return next((path for path in map(Path, ("/usr/lib/cni", "/opt/cni/bin")) if (path / "bridge").exists()), None)


def _network() -> str:
    addresses = {
        "type": "host-local",
        "dataDir": f"{RUN}/addresses",
        "ranges": [[{"subnet": "10.244.0.0/24"}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": host.BRIDGE, "isGateway": True, "hairpinMode": True, "ipam": addresses}
    return json.dumps({"cniVersion": "1.0.0", "name": CONTEXT, "plugins": [bridge]})


def _kubelet() -> str:
    return json.dumps(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": "127.0.0.1",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": False},
                "x509": {"clientCAFile": str(CERTIFICATE)},
            },
            "authorization": {"mode": "AlwaysAllow"},
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{OWNER}",
            "containerRuntimeEndpoint": f"unix://{SOCKET}",
            # A full disk must neither evict pods nor delete images that cannot be pulled again.
            "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"},
            "imageGCHighThresholdPercent": 100,
            # Kubernetes 1.35 refuses hosts with control groups version 1 otherwise.
            "failCgroupV1": False,
            "failSwapOn": False,
            "makeIPTablesUtilChains": False,
            "podLogsDir": f"{CLUSTER}/pod-logs",
            "volumePluginDir": f"{RUN}/volume-plugins",
        },
        indent=1,
    )


def _kubeconfig(token: str) -> str:
    cluster = {"server": SERVER, "certificate-authority": str(CERTIFICATE)}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": CONTEXT, "cluster": cluster}],
            "users": [{"name": CONTEXT, "user": {"token": token}}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
            "current-context": CONTEXT,
        },
        indent=1,
    )


def _write_settings() -> None:
    CERTIFICATE.parent.mkdir(parents=True, exist_ok=True)
    if not CERTIFICATE.exists():
        names = "subjectAltName=DNS:localhost,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1"
        usage = "keyUsage=critical,keyCertSign,digitalSignature,keyEncipherment"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", f"/CN={CONTEXT}"]
        command += ["-addext", names, "-addext", usage, "-keyout", str(KEY), "-out", f"{CERTIFICATE}.new"]
        subprocess.run(command, check=True, capture_output=True)
        Path(f"{CERTIFICATE}.new").rename(CERTIFICATE)
    if not TOKENS.exists():
        write(TOKENS, f"{secrets.token_hex(16)},admin,admin,system:masters\n", 0o600)
    write(KUBECONFIG, _kubeconfig(TOKENS.read_text().split(",")[0]), 0o600)
    write(CLUSTER / "containerd.toml", CONTAINERD.format(cluster=CLUSTER, run=RUN, plugins=plugin_folder()))
    write(CLUSTER / "registries/_default/hosts.toml", REGISTRIES)
    write(CLUSTER / "cni/10-pods.conflist", _network())
    write(CLUSTER / "kubelet.yaml", _kubelet())


def start(images: Path) -> None:
    """Starts what does not run yet, loads the images of the archive and returns when the node is ready."""
    host.remember()
    processes.create_groups()
    _write_settings()
    _stop_outdated()
    began = time.monotonic()
    kubernetes = f"--kubeconfig={KUBECONFIG}"
    started = [
        processes.start("containerd", "containerd", f"--config={CLUSTER}/containerd.toml"),
        processes.start(
            "etcd",
            f"{BIN}/etcd",
            f"--data-dir={CLUSTER}/etcd",
            "--unsafe-no-fsync",
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
        ),
        processes.start(
            "kube-apiserver",
            f"{BIN}/kube-apiserver",
            "--etcd-servers=http://127.0.0.1:2379",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            "--secure-port=6443",
            f"--tls-cert-file={CERTIFICATE}",
            f"--tls-private-key-file={KEY}",
            f"--token-auth-file={TOKENS}",
            f"--kubelet-client-certificate={CERTIFICATE}",
            f"--kubelet-client-key={KEY}",
            "--kubelet-preferred-address-types=Hostname",
            f"--service-account-key-file={CERTIFICATE}",
            f"--service-account-signing-key-file={KEY}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--authorization-mode=RBAC",
            "--endpoint-reconciler-type=none",
        ),
    ]
    _wait("the API server", "kube-apiserver", lambda: bool(api("/readyz", plain=True)))
    started += [
        processes.start(
            "kube-controller-manager",
            f"{BIN}/kube-controller-manager",
            kubernetes,
            f"--service-account-private-key-file={KEY}",
            f"--root-ca-file={CERTIFICATE}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
        ),
        processes.start(
            "kube-scheduler", f"{BIN}/kube-scheduler", kubernetes, "--leader-elect=false", "--bind-address=127.0.0.1"
        ),
        # The iptables mode answers NodePorts on 127.0.0.1; the nftables mode does not.
        processes.start(
            "kube-proxy",
            f"{BIN}/kube-proxy",
            kubernetes,
            "--proxy-mode=iptables",
            "--iptables-min-sync-period=100ms",
            "--nodeport-addresses=127.0.0.0/8",
            "--cluster-cidr=10.244.0.0/24",
            "--hostname-override=localhost",
            "--healthz-bind-address=127.0.0.1",
            "--metrics-bind-address=127.0.0.1",
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0s",
            "--conntrack-tcp-timeout-close-wait=0s",
        ),
    ]
    _load(images)
    started.append(
        processes.start(
            "kubelet",
            f"{BIN}/kubelet",
            kubernetes,
            f"--config={CLUSTER}/kubelet.yaml",
            f"--root-dir={RUN}/kubelet",
            f"--cert-dir={RUN}/kubelet/pki",
            "--hostname-override=localhost",
        )
    )
    _wait("the node", "kubelet", _node_is_ready)
    print(f"cluster: ready after {time.monotonic() - began:.0f} s" if any(started) else "cluster: runs already", flush=True)


def _stop_outdated() -> None:
    """A new build or new settings take effect: the parts stop, their data stays."""
    settings = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    version = f"{(BIN / 'etcd').resolve().name} {settings}"
    mark = CLUSTER / "version"
    if mark.exists() and mark.read_text() != version:
        processes.stop_all()
        host.clear_run()
        processes.create_groups()
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
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    )
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
            if ready():
                return
        time.sleep(0.2)
    raise SandboxError(f"{what} is not ready after {seconds} s:\n{processes.tail(processes.LOGS / f'{process}.log')}")
