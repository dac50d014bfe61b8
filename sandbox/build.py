"""What the sandbox is made of: the virtual environment, Debian's packages, the Go programs, the sample images.

Each part is made only when the machine lacks it or its inputs changed, appears whole or not at all, and shows its
progress in plain lines.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox import cluster, images
from sandbox.environment import BIN, CACHE, LOGS, PROJECT, SOURCES, VENV, SandboxError, installed
from sandbox.processes import tail

ENGINE_VERSION = "v3.246.0"
"""The newest that is served and that the provider compiles with: from v3.248.0 on its schema package differs."""
PROVIDER_VERSION = "4.25.0"
KUBERNETES_VERSION = "v1.35.4"
KUBERNETES_PARTS = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubectl",
]
PROVIDER_MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v4"
PROGRAMS = {
    "pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    "provider": "./provider",
    "kubernetes": "./kubernetes",
    "app": "./app",
    "nodejs_sdk": "./nodejs_sdk",
}
"""Each program of the module sandbox/programs, and its package."""
VERSIONS = {
    "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": ENGINE_VERSION,
    f"{PROVIDER_MODULE}/pkg/version.Version": PROVIDER_VERSION,
    "k8s.io/component-base/version.gitVersion": KUBERNETES_VERSION,
    "k8s.io/component-base/version.gitMajor": "1",
    "k8s.io/component-base/version.gitMinor": "35",
}
SELDOM_RUN = [
    "cloud.google.com/go",
    "github.com/Azure",
    "github.com/aws",
    "github.com/pulumi/pulumi-kubernetes/sdk/v4",
    "google.golang.org/genproto",
    "helm.sh",
    "k8s.io/api",
    "k8s.io/client-go",
    "sigs.k8s.io/kustomize",
]
"""Packages that are large and need not be fast: they are compiled without inlining, which takes a quarter less time."""
FLAGS = ["-pgo=off", "-buildvcs=false", *(f"-gcflags={name}/...=-l" for name in SELDOM_RUN)]
LINKER_FLAGS = " ".join(["-s -w", *(f"-X {name}={value}" for name, value in VERSIONS.items())])
GO_ENVIRONMENT = {"CGO_ENABLED": "0", "GOGC": "400", "GOTOOLCHAIN": "local"}
"""Without cgo one build of Go's own packages serves all; less garbage collection saves a quarter of the time."""
DEBIAN_PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "ip": "iproute2",
    "openssl": "openssl",
}


def say(text: str) -> None:
    print(text, flush=True)


_steps: list[subprocess.Popen[str]] = []
_stopped = threading.Event()


def run_logged(name: str, command: Sequence[str], progress: Callable[[str], str] | None = None) -> None:
    """Runs one long step; its output goes to a log, of which a failure shows the end.

    `progress` sees each line of the output; what it last returned is printed every ten seconds.
    """
    if _stopped.is_set():
        raise SandboxError(f"{name} was not started")
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name.replace(' ', '-')}.log"
    due = time.monotonic() + 10
    # A killed `make` takes its builds along; the next run would otherwise compete with them.
    command = ["setpriv", "--pdeathsig", "TERM", "--", *command]
    with (
        log.open("w") as file,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=PROJECT) as process,
    ):
        _steps.append(process)
        assert process.stdout
        for line in process.stdout:
            file.write(line)
            file.flush()
            shown = progress(line) if progress else ""
            if shown and time.monotonic() >= due:
                say(f"[{name}] {shown}")
                due = time.monotonic() + 10
    if process.returncode:
        raise SandboxError(f"{name} failed ({' '.join(command[4:])}):\n{tail(log)}")


def stop_steps() -> None:
    """When one part has failed, waiting minutes for the others only delays its message."""
    _stopped.set()
    for process in _steps:
        process.terminate()


def virtual_environment() -> None:
    """Makes .venv match the requirements and constraints. One that is only linked is another project's."""
    if (PROJECT / ".venv").is_symlink():
        return
    files = [PROJECT / name for name in ("requirements.txt", "requirements-dev.txt")]
    constraints = PROJECT / "constraints.txt"
    named = [PROJECT / name for name in ("components/pyproject.toml", "tools/watch/requirements.txt")]
    key = _key([sys.version, str(VENV)], [*files, *named, constraints])
    mark = VENV / "complete"
    if mark.is_file() and mark.read_text() == key:
        return
    say("[python] installing the packages of requirements.txt and requirements-dev.txt into .venv")
    if importlib.util.find_spec("ensurepip") is None:
        _install(["python3-venv"])
    run_logged("python", [sys.executable, "-m", "venv", "--clear", str(VENV)])
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    pip += ["--constraint", str(constraints), *(word for file in files for word in ("--requirement", str(file)))]
    run_logged("python", pip, lambda line: line.strip()[:100])
    mark.write_text(key)
    say("[python] done")


def missing_packages() -> list[str]:
    """Debian packages that the cluster needs and this machine lacks."""
    missing = [package for command, package in DEBIAN_PACKAGES.items() if not installed(command)]
    return missing if cluster.plugin_folder() else [*missing, "containernetworking-plugins"]


def install_missing() -> None:
    _install(missing_packages())


def _install(packages: Sequence[str]) -> None:
    if not packages:
        return
    if os.geteuid() or not installed("apt-get"):
        raise SandboxError(f"missing on this machine: install {' '.join(packages)} with its package manager")
    say(f"[system] installing {' '.join(packages)}")
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300", "-q", "-y"]
    with _apt:
        run_logged("system", [*apt, "update"])
        run_logged("system", [*apt, "install", "--no-install-recommends", *packages], lambda line: line.strip()[:100])
    say("[system] done")


_apt = threading.Lock()


def programs_folder() -> Path:
    """Where the programs of sandbox/programs are, or will be: it changes with every input of the build."""
    files = sorted(path for path in (SOURCES / "programs").rglob("*") if path.suffix in (".mod", ".sum", ".go"))
    return CACHE / f"programs-{_key([go_version(), *FLAGS, LINKER_FLAGS], files)[:16]}"


def program(name: str) -> Path:
    """Where one of PROGRAMS is, or will be."""
    return programs_folder() / name


@functools.cache
def go_version() -> str:
    """`go1.26.1`, or empty without Go."""
    if not installed("go"):
        return ""
    done = subprocess.run(
        ["go", "env", "GOVERSION"], capture_output=True, text=True, env={**os.environ, "GOTOOLCHAIN": "local"}
    )
    return done.stdout.strip()


def caches_are_empty() -> bool:
    """Whether all is still to be downloaded and compiled: only then the first answer tells what a newcomer waits."""
    if CACHE.exists() or not installed("go"):
        return False
    folder = subprocess.run(["go", "env", "GOCACHE"], capture_output=True, text=True).stdout.strip()
    return not any(Path(folder).glob("*/*"))


def build_programs(names: Sequence[str]) -> None:
    """Builds the programs that do not exist yet, in one go: they share most of what they are made from."""
    names = [name for name in names if not program(name).exists()]
    if not names:
        return
    began = time.monotonic()
    say(f"[programs] building {', '.join(names)}")
    go = ["env", *(f"{key}={value}" for key, value in GO_ENVIRONMENT.items()), "go", "-C", str(SOURCES / "programs")]
    wanted = [PROGRAMS[name] for name in names]
    modules: list[str] = []
    packages: list[str] = []
    compiled: list[str] = []

    def downloading(line: str) -> str:
        (modules if line.startswith("go: ") else packages).append(line)
        return f"{len(modules)} modules downloaded" if modules else "reading the modules"

    def compiling(line: str) -> str:
        compiled.append(line)
        return f"{len(compiled)} of {len(packages)} packages compiled"

    with ThreadPoolExecutor() as pool:
        # Go's own packages compile while the modules are still downloading.
        own = pool.submit(run_logged, "go", [*go, "build", *FLAGS, "std"])
        run_logged("modules", [*go, "list", *FLAGS, "-deps", *wanted], downloading)
        own.result()
    folder = CACHE / f"building-{os.getpid()}"
    folder.mkdir(parents=True)
    flags = [*FLAGS, "-v", "-ldflags", LINKER_FLAGS, "-o", str(folder)]
    run_logged("programs", [*go, "build", *flags, *wanted], compiling)
    programs_folder().mkdir(exist_ok=True)
    for made in folder.iterdir():
        made.rename(program(made.name))
    folder.rmdir()
    for outdated in CACHE.glob("programs-*"):
        if outdated != programs_folder():
            shutil.rmtree(outdated)
    say(f"[programs] done in {time.monotonic() - began:.0f} s")


def link_kubernetes() -> None:
    """Every part of Kubernetes, under its own name, is the one program."""
    for part in KUBERNETES_PARTS:
        link(BIN / part, program("kubernetes"))


def images_archive() -> Path:
    """The archive with the sample images, which hold the built app."""
    archive = CACHE / f"images-{_key([programs_folder().name], [Path(images.__file__)])[:16]}.tar"
    if not archive.exists():
        temporary = archive.with_suffix(f".{os.getpid()}")
        images.pack(program("app").read_bytes(), temporary)
        temporary.rename(archive)
    return archive


def link(path: Path, target: Path) -> None:
    """`path` leads to `target`; a link that does already is left alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not (path.is_symlink() and path.readlink() == target):
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        temporary.symlink_to(target)
        temporary.replace(path)


def _key(words: Sequence[str], files: Sequence[Path]) -> str:
    digest = hashlib.sha256("\0".join(words).encode())
    for file in files:
        digest.update(b"\0" + file.read_bytes())
    return digest.hexdigest()
