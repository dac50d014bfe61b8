"""The sample images, packed as one OCI archive from one static binary."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

REPOSITORY = "docker.io/arisu1000/simple-container-app"
VERSIONS = {
    "v0.1": [],
    "v0.2": [],
    "v0.3": [],
    "v0.4-crashes": ["CRASH_AFTER=5s"],
    "v0.4-never-ready": ["FAIL_READY=1"],
    "v0.4-flaps": ["FLAP_EVERY=3s"],
    "v0.4-errors": ["ERROR_PERCENT=5"],
    "v0.4-slow": ["SLOW_PERCENT=20"],
}
"""Tags and what their environment adds: good ones, and those that fail on purpose."""

PAUSE = "sandbox.local/pause:1"


def pack(binary: bytes, archive: Path) -> None:
    """Writes the sample application in each of its versions, and the pause image, to `archive`."""
    layer = _tar({"app": binary}, mode=0o755)
    compressed = gzip.compress(layer, 1, mtime=0)
    blobs: dict[str, bytes] = {}
    manifests = [
        _manifest(f"{REPOSITORY}:{tag}", [], [f"APP_VERSION={tag}", *faults], layer, compressed, blobs)
        for tag, faults in VERSIONS.items()
    ]
    manifests.append(_manifest(PAUSE, ["pause"], [], layer, compressed, blobs))
    index = {"schemaVersion": 2, "manifests": manifests}
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": json.dumps(index).encode(), **blobs}
    archive.write_bytes(_tar(files, mode=0o644))


def _manifest(
    name: str,
    arguments: Sequence[str],
    variables: Sequence[str],
    layer: bytes,
    compressed: bytes,
    blobs: dict[str, bytes],
) -> dict[str, Any]:
    """Adds one image to `blobs` and returns its entry of the index."""

    def blob(kind: str, data: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Entrypoint": ["/app"], "Cmd": arguments, "Env": variables, "User": "65534:65534"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": blob("config.v1+json", json.dumps(config).encode()),
        "layers": [blob("layer.v1.tar+gzip", compressed)],
    }
    entry = blob("manifest.v1+json", json.dumps(manifest).encode())
    return {**entry, "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}}


def _tar(files: dict[str, bytes], mode: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = mode, len(data)
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
