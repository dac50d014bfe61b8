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
from sandbox.images import PAUSE

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
  sandbox_image = "{pause}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      options = {{ Root = "{run}/runc" }}
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{plugins}"
    conf_dir = "{cluster}/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{cluster}/registries"
"""

# No image is pulled from outside: an image that is not loaded fails at once, with and without a network.
REGISTRIES = 'server = "http://127.0.0.1:1"\n'

NETWORK = """{{"cniVersion": "1.0.0", "name": "{context}", "plugins": [
  {{"type": "bridge", "bridge": "{bridge}", "isGateway": true, "hairpinMode": true, "ipam": {{
    "type": "host-local", "dataDir": "{run}/addresses", "ranges": [[{{"subnet": "10.244.0.0/24"}}]],
    "routes": [{{"dst": "0.0.0.0/0"}}]}}}}]}}
"""

# A full disk must neither evict pods nor delete images that cannot be pulled again.
# Kubernetes 1.35 refuses hosts with control groups version 1 unless failCgroupV1 is false.
KUBELET = """apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 127.0.0.1
authentication: {{anonymous: {{enabled: false}}, webhook: {{enabled: false}}, x509: {{clientCAFile: "{certificate}"}}}}
authorization: {{mode: AlwaysAllow}}
cgroupDriver: cgroupfs
cgroupRoot: /{owner}
containerRuntimeEndpoint: unix://{run}/containerd.sock
evictionHard: {{memory.available: "0%", nodefs.available: "0%", imagefs.available: "0%"}}
imageGCHighThresholdPercent: 100
failCgroupV1: false
failSwapOn: false
makeIPTablesUtilChains: false
podLogsDir: "{cluster}/pod-logs"
volumePluginDir: {run}/volume-plugins
"""

KUBECONFIG_TEXT = """apiVersion: v1
kind: Config
clusters: [{{name: {context}, cluster: {{server: "{server}", certificate-authority: "{certificate}"}}}}]
users: [{{name: {context}, user: {{token: "{token}"}}}}]
contexts: [{{name: {context}, context: {{cluster: {context}, user: {context}}}}}]
current-context: {context}
"""

# kube-proxy: the iptables mode answers NodePorts on 127.0.0.1, the nftables mode does not.
PARTS = """
containerd --config={cluster}/containerd.toml
etcd --data-dir={cluster}/etcd --unsafe-no-fsync --listen-peer-urls=http://127.0.0.1:2380
 --listen-client-urls=http://127.0.0.1:2379 --advertise-client-urls=http://127.0.0.1:2379
kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address=127.0.0.1 --advertise-address=127.0.0.1
 --secure-port=6443 --tls-cert-file={certificate} --tls-private-key-file={key} --token-auth-file={tokens}
 --kubelet-client-certificate={certificate} --kubelet-client-key={key} --kubelet-preferred-address-types=Hostname
 --service-account-key-file={certificate} --service-account-signing-key-file={key}
 --service-account-issuer=https://kubernetes.default.svc --service-cluster-ip-range=10.96.0.0/16
 --authorization-mode=RBAC --endpoint-reconciler-type=none
kube-controller-manager --kubeconfig={kubeconfig} --leader-elect=false --bind-address=127.0.0.1
 --service-account-private-key-file={key} --root-ca-file={certificate}
kube-scheduler --kubeconfig={kubeconfig} --leader-elect=false --bind-address=127.0.0.1
kube-proxy --kubeconfig={kubeconfig} --hostname-override=localhost --proxy-mode=iptables
 --iptables-min-sync-period=100ms --nodeport-addresses=127.0.0.0/8 --cluster-cidr=10.244.0.0/24
 --healthz-bind-address=127.0.0.1 --metrics-bind-address=127.0.0.1 --conntrack-max-per-core=0
 --conntrack-tcp-timeout-established=0s --conntrack-tcp-timeout-close-wait=0s
kubelet --kubeconfig={kubeconfig} --hostname-override=localhost --config={cluster}/kubelet.yaml
 --root-dir={run}/kubelet --cert-dir={run}/kubelet/pki
"""


def plugin_folder() -> Path | None:
    """Where the CNI plugins are: Debian's place or the upstream one."""
    return next((path for path in map(Path, ("/usr/lib/cni", "/opt/cni/bin")) if (path / "bridge").exists()), None)


def _fill(template: str) -> str:
    return template.format(
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
    write(KUBECONFIG, _fill(KUBECONFIG_TEXT), 0o600)
    write(CLUSTER / "containerd.toml", _fill(CONTAINERD))
    write(CLUSTER / "registries/_default/hosts.toml", REGISTRIES)
    write(CLUSTER / "cni/10-pods.conflist", _fill(NETWORK))
    write(CLUSTER / "kubelet.yaml", _fill(KUBELET))


def start(images: Path) -> None:
    """Starts what does not run yet, loads the images of the archive and returns when the node is ready."""
    host.remember()
    _stop_outdated()
    host.clear_abandoned()
    processes.create_groups()
    _write_settings()
    began, started = time.monotonic(), False
    for part in PARTS.strip().replace("\n ", " ").splitlines():
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
    settings = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    version = f"{(BIN / 'etcd').resolve().name} {settings}"
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
