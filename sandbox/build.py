"""What the sandbox is made of: the virtual environment, Debian's packages, the Go programs, the sample images.

Each part is made only when the machine lacks it or its inputs changed, appears whole or not at all, and shows its
progress in plain lines.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sandbox import cluster, images
from sandbox.environment import BIN, CACHE, LOGS, PROJECT, SANDBOX, SOURCES, VENV, SandboxError, installed
from sandbox.processes import tail

ENGINE_VERSION = "v3.246.0"
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
VERSION = "k8s.io/component-base/version"
LINKER_FLAGS = {
    "engine": f"-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={ENGINE_VERSION}",
    "kubernetes": f"-X {VERSION}.gitVersion={KUBERNETES_VERSION} -X {VERSION}.gitMajor=1 -X {VERSION}.gitMinor=35",
    "app": "",
}
PACKAGES = {"engine": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", "kubernetes": ".", "app": "."}
DEBIAN_PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    "iptables": "iptables",
    "ip": "iproute2",
    "openssl": "openssl",
}
FLAGS = ["-pgo=off", "-buildvcs=false"]


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
    """Makes .venv match requirements.txt and requirements-dev.txt. One that is only linked is another project's."""
    if (PROJECT / ".venv").is_symlink():
        return
    files = [PROJECT / "requirements.txt", PROJECT / "requirements-dev.txt"]
    key = _key([sys.version, str(VENV)], [*files, PROJECT / "observe" / "requirements.txt"])
    mark = VENV / "complete"
    if mark.is_file() and mark.read_text() == key:
        return
    say("[python] installing the packages of requirements.txt and requirements-dev.txt into .venv")
    if importlib.util.find_spec("ensurepip") is None:
        _install(["python3-venv"])
    run_logged("python", [sys.executable, "-m", "venv", "--clear", str(VENV)])
    requirements = [word for file in files for word in ("--requirement", str(file))]
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", *requirements]
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


def prometheus() -> Path:
    """Prometheus for tests: the machine's, or Debian's, unpacked, since installing it would start a service."""
    if own := installed("prometheus"):
        return Path(own)
    folder = SANDBOX / "prometheus"
    program = folder / "usr" / "bin" / "prometheus"
    if not program.exists():
        if not installed("apt-get"):
            raise SandboxError("missing on this machine: install prometheus with its package manager")
        say("[prometheus] unpacking Debian's package")
        folder.mkdir(parents=True, exist_ok=True)
        fetch = f"cd {shlex.quote(str(folder))} && apt-get download -q prometheus && dpkg-deb -x prometheus_*.deb ."
        with _apt:
            run_logged("prometheus", ["apt-get", "-q", "update"])
            run_logged("prometheus", ["sh", "-c", fetch])
    return program


def go_program(name: str) -> Path:
    """Where the program built from sandbox/<name> is, or will be: the path changes with every input of the build."""
    folder = SOURCES / name
    files = [file for file in sorted(folder.iterdir()) if file.suffix in (".mod", ".sum", ".go")]
    return CACHE / f"{name}-{_key([go_version(), *FLAGS, LINKER_FLAGS[name]], files)[:16]}"


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


def build_standard_library(programs: Sequence[str]) -> None:
    """Go's own packages, which all programs share, compile while the modules are still downloading."""
    try:
        if not all(go_program(name).exists() for name in programs):
            run_logged("go", ["go", "build", *FLAGS, "-v", "std"], lambda _: "compiling the standard library")
    finally:
        _standard_library_built.set()


_standard_library_built = threading.Event()


def build_go(name: str) -> Path:
    """Builds sandbox/<name> unless that very build exists."""
    program = go_program(name)
    if program.exists():
        return program
    began = time.monotonic()
    say(f"[{name}] building")
    # The application's image holds this one file and no C library.
    static = ["env", "CGO_ENABLED=0"] if name == "app" else []
    go = [*static, "go", "-C", str(SOURCES / name)]
    modules: list[str] = []
    packages: list[str] = []
    compiled: list[str] = []

    def downloading(line: str) -> str:
        (modules if line.startswith("go: ") else packages).append(line)
        return f"{len(modules)} modules downloaded" if modules else "reading the modules"

    def compiling(line: str) -> str:
        compiled.append(line)
        return f"{len(compiled)} of {len(packages)} packages compiled"

    run_logged(f"{name} modules", [*go, "list", *FLAGS, "-deps", PACKAGES[name]], downloading)
    _standard_library_built.wait()
    temporary = CACHE / f"{program.name}.{os.getpid()}"
    temporary.parent.mkdir(parents=True, exist_ok=True)
    flags = [*FLAGS, "-v", "-ldflags", f"-s -w {LINKER_FLAGS[name]}", "-o", str(temporary)]
    run_logged(name, [*go, "build", *flags, PACKAGES[name]], compiling)
    temporary.rename(program)
    for outdated in CACHE.glob(f"{name}-*"):
        if outdated != program:
            outdated.unlink()
    say(f"[{name}] done in {time.monotonic() - began:.0f} s")
    return program


def build_kubernetes() -> None:
    program = build_go("kubernetes")
    for part in KUBERNETES_PARTS:
        link(BIN / part, program)


def build_images() -> Path:
    """The archive with the sample images."""
    program = build_go("app")
    archive = CACHE / f"images-{_key([program.name], [Path(images.__file__)])[:16]}.tar"
    if not archive.exists():
        temporary = archive.with_suffix(f".{os.getpid()}")
        images.pack(program.read_bytes(), temporary)
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
