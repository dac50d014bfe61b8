"""The sandbox's own rules, without a cluster."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import __main__ as commands
from sandbox import build, checks, cluster, environment, images, processes, release
from sandbox.environment import SandboxError


@pytest.fixture
def pack(tmp_path: Path) -> Callable[[], dict[str, bytes]]:
    def pack() -> dict[str, bytes]:
        archive = tmp_path / "images.tar"
        images.pack(b"the program", archive)
        with tarfile.open(archive) as files:
            return {name: files.extractfile(name).read() for name in files.getnames()}  # pyright: ignore[reportOptionalMemberAccess]

    return pack


def test_the_archive_holds_each_version_and_the_pause_image(pack: Callable[[], dict[str, bytes]]) -> None:
    files = pack()
    found: dict[str, tuple[list[str], list[str]]] = {}
    for entry in json.loads(files["index.json"])["manifests"]:
        manifest = json.loads(files["blobs/sha256/" + entry["digest"].removeprefix("sha256:")])
        config = json.loads(files["blobs/sha256/" + manifest["config"]["digest"].removeprefix("sha256:")])["config"]
        found[entry["annotations"]["io.containerd.image.name"]] = (config["Cmd"], config["Env"])
    name = "docker.io/arisu1000/simple-container-app"
    assert found == {
        f"{name}:v0.1": ([], ["APP_VERSION=v0.1"]),
        f"{name}:v0.2": ([], ["APP_VERSION=v0.2"]),
        f"{name}:v0.3": ([], ["APP_VERSION=v0.3"]),
        f"{name}:v0.4-crashes": ([], ["APP_VERSION=v0.4-crashes", "CRASH_AFTER=5s"]),
        f"{name}:v0.4-never-ready": ([], ["APP_VERSION=v0.4-never-ready", "FAIL_READY=1"]),
        f"{name}:v0.4-flaps": ([], ["APP_VERSION=v0.4-flaps", "FLAP_EVERY=3s"]),
        f"{name}:v0.4-errors": ([], ["APP_VERSION=v0.4-errors", "ERROR_PERCENT=5"]),
        f"{name}:v0.4-slow": ([], ["APP_VERSION=v0.4-slow", "SLOW_PERCENT=20"]),
        "sandbox.local/pause:1": (["pause"], []),
    }


def test_every_blob_of_the_archive_has_its_digest_as_name(pack: Callable[[], dict[str, bytes]]) -> None:
    blobs = {name: data for name, data in pack().items() if name.startswith("blobs/")}
    assert len(blobs) == 19  # one layer, nine configurations, nine manifests
    assert all(name == f"blobs/sha256/{hashlib.sha256(data).hexdigest()}" for name, data in blobs.items())


def test_the_same_program_gives_the_same_archive(pack: Callable[[], dict[str, bytes]]) -> None:
    assert pack() == pack()


def test_the_layer_holds_the_program_executable(pack: Callable[[], dict[str, bytes]]) -> None:
    layers = [data for data in pack().values() if data.startswith(b"\x1f\x8b")]
    with tarfile.open(fileobj=io.BytesIO(layers[0])) as layer:
        assert [(file.name, file.mode) for file in layer] == [("app", 0o755)]


@pytest.fixture
def own_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(processes, "PIDS", tmp_path)
    return tmp_path


def test_a_process_is_known_by_its_id_and_start_time(own_processes: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        started = Path(f"/proc/{process.pid}/stat").read_text().split()[21]
        (own_processes / "etcd").write_text(f"{process.pid} {started}\n")
        assert processes.running("etcd")
        (own_processes / "etcd").write_text(f"{process.pid} {int(started) - 1}\n")
        assert not processes.running("etcd")
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        (own_processes / "etcd").write_text(f"{process.pid} {started}\n")
        assert Path(f"/proc/{process.pid}").exists()
        assert not processes.running("etcd")


@pytest.mark.parametrize("text", ["", "1", "4194999 1", "x y"])
def test_a_broken_or_outdated_record_is_no_running_process(own_processes: Path, text: str) -> None:
    (own_processes / "etcd").write_text(text)
    assert not processes.running("etcd")


def test_a_build_gets_a_new_name_with_every_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = ("go.mod", "go.sum", "app/main.go")
    for name in files:
        (tmp_path / "programs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "programs" / name).write_text(name)
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    monkeypatch.setattr(build, "go_version", lambda: "go1.26.1")
    names = {build.program("app")}
    assert build.program("app") in names
    for name in files:
        (tmp_path / "programs" / name).write_text("changed")
        names.add(build.program("app"))
    monkeypatch.setattr(build, "go_version", lambda: "go1.26.2")
    names.add(build.program("app"))
    monkeypatch.setattr(build, "LINKER_FLAGS", "-X main.version=1")
    names.add(build.program("app"))
    assert len(names) == 6


def test_a_failed_step_shows_the_end_of_its_log_and_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "LOGS", tmp_path)
    with pytest.raises(SandboxError) as failure:
        build.run_logged("step", ["sh", "-c", "seq 100; exit 3"])
    assert "step failed" in str(failure.value)
    assert "    86\n" in str(failure.value)
    assert "    85\n" not in str(failure.value)
    assert str(tmp_path / "step.log") in str(failure.value)


def test_a_virtual_environment_that_is_only_linked_is_never_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "owners").mkdir()
    (tmp_path / ".venv").symlink_to(tmp_path / "owners")
    for name in ("requirements.txt", "requirements-dev.txt", "constraints.txt", "tools/watch/requirements.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("another==1\n")
    monkeypatch.setattr(build, "PROJECT", tmp_path)
    monkeypatch.setattr(build, "run_logged", lambda *_: pytest.fail("it was made anew"))  # pyright: ignore[reportUnknownLambdaType]
    build.virtual_environment()


def test_all_problems_of_a_machine_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(build, "go_version", lambda: "go1.24.9")
    monkeypatch.setattr(build, "missing_packages", lambda: ["runc", "iptables"])
    monkeypatch.setattr(checks, "installed", lambda _: None)  # pyright: ignore[reportUnknownLambdaType]
    monkeypatch.setattr(cluster, "is_started", lambda: False)
    monkeypatch.setattr(cluster, "PORTS", [])
    with pytest.raises(SandboxError) as failure:
        checks.check_machine()
    assert str(failure.value).splitlines() == [
        "this machine cannot run the sandbox yet:",
        "  - the sandbox needs root to start containers: use `sudo make up`, or `make test-unit` without it",
        "  - this system has no apt-get: install runc, iptables with its package manager",
        "  - Go 1.25 or later is needed, this machine has go1.24.9: install it from https://go.dev/dl",
    ]


def test_another_system_than_linux_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(cluster, "is_started", lambda: False)
    with pytest.raises(SandboxError, match="needs Linux, this is darwin"):
        checks.check_machine()


def test_the_sandboxs_own_programs_are_not_the_machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("sandbox", "machine"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "pulumi").touch(0o755)
    monkeypatch.setattr(environment, "BIN", tmp_path / "sandbox")
    monkeypatch.setenv("PATH", f"{tmp_path}/sandbox:{tmp_path}/machine")
    assert environment.installed("pulumi") == f"{tmp_path}/machine/pulumi"
    monkeypatch.setenv("PATH", f"{tmp_path}/sandbox")
    assert environment.installed("pulumi") is None


def test_a_written_file_is_whole_and_keeps_its_time_when_nothing_changes(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "secret"
    environment.write(file, "one", 0o600)
    assert file.read_text() == "one"
    assert file.stat().st_mode & 0o777 == 0o600
    first = file.stat()
    environment.write(file, "one", 0o600)
    assert file.stat() == first
    environment.write(file, "two", 0o600)
    assert [path.name for path in file.parent.iterdir()] == ["secret"]


@pytest.mark.parametrize(
    ("line", "own"),
    [
        ("  kubernetes:context: canary-sandbox", True),
        ("  'kubernetes:context': \"canary-sandbox\"  # here", True),
        ("  kubernetes:context: canary-sandbox-2", False),
        ("  kubernetes:context: canary-staging", False),
        ("  # kubernetes:context: canary-sandbox", False),
        ("  canary:name: canary-sandbox", False),
    ],
)
def test_a_stack_is_the_sandboxs_if_its_file_names_the_sandboxs_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, own: bool
) -> None:
    monkeypatch.setattr(environment, "PROJECT", tmp_path)
    (tmp_path / "Pulumi.shop.yaml").write_text(f"config:\n{line}\n  canary:app: shop\n")
    assert environment.in_sandbox("shop") is own
    assert not environment.in_sandbox("absent")
    assert environment.in_sandbox("dev")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of a second stack of the sandbox; `pulumi` notes its arguments and makes stacks as the engine does."""
    for module in (environment, release):
        monkeypatch.setattr(module, "PROJECT", tmp_path)
    monkeypatch.setattr(release, "STATE", tmp_path / "state")
    monkeypatch.setattr(environment, "BIN", tmp_path)
    (tmp_path / "pulumi").write_text(
        """#!/bin/sh
echo "$PULUMI_CONFIG_PASSPHRASE: $*" >> calls
case $* in "stack init "*)
    mkdir -p state/.pulumi/stacks/canary && printf {} > state/.pulumi/stacks/canary/shop.json
    printf 'config: {written anew}\\nencryptionsalt: v1:a=\\n' > Pulumi.shop.yaml
esac
"""
    )
    (tmp_path / "pulumi").chmod(0o755)
    file = tmp_path / "Pulumi.shop.yaml"
    file.write_text("config:\n  # ours\n  kubernetes:context: canary-sandbox\n  canary:stableVersion: 1.10\n")
    return file


def test_a_stack_without_a_file_is_told_with_the_nearest_name() -> None:
    for stack in ("dev", "staging", "prod"):
        environment.check_file(stack)
    with pytest.raises(SandboxError) as error:
        environment.check_file("stagin")
    known = "STACK must be one of dev, prod, staging"
    assert str(error.value) == f"there is no Pulumi.stagin.yaml: {known}; did you mean staging?"


def test_an_update_makes_a_second_stack_of_the_sandbox_once_and_keeps_its_file_as_written(shop: Path) -> None:
    own = shop.read_text()
    commands._run("up", "shop")
    commands._run("up", "shop")
    assert shop.read_text() == f"{own}encryptionsalt: v1:a=\n"
    assert (shop.parent / "calls").read_text().splitlines() == [
        "canary-sandbox: stack init --no-select --stack shop",
        "canary-sandbox: up --yes --stack shop",
        "canary-sandbox: up --yes --stack shop",
    ]


def test_a_recovery_that_did_not_end_is_continued_for_its_own_stack_alone(shop: Path) -> None:
    (shop.parent / "state").mkdir()
    (shop.parent / "state/recovering-dev").touch()
    commands._run("up", "shop")
    (shop.parent / "state/recovering-shop").touch()
    commands._run("up", "shop")
    commands._run("up", "shop")
    assert [line.split()[1] for line in (shop.parent / "calls").read_text().splitlines()] == [
        *("stack", "up"),
        *("cancel", "refresh", "up"),
        "up",
    ]


def test_the_lock_of_an_engine_that_found_the_disk_full_is_recovered_from(shop: Path) -> None:
    commands._run("up", "shop")
    lock = shop.parent / "state/.pulumi/locks/organization/canary/shop/a.json"
    lock.parent.mkdir(parents=True)
    lock.touch()
    commands._run("up", "shop")
    calls = [line.split()[1] for line in (shop.parent / "calls").read_text().splitlines()]
    assert calls[2:] == ["cancel", "refresh", "up"]


def test_a_state_that_a_full_disk_cut_off_is_put_back_from_the_newest_whole_one(shop: Path) -> None:
    commands._run("up", "shop")
    state = shop.parent / "state/.pulumi/stacks/canary/shop.json"
    backups = shop.parent / "state/.pulumi/backups/canary/shop"
    backups.mkdir(parents=True)
    for number, text in enumerate(['{"a": 1}', '{"a": 2}', '{"a"']):
        (backups / f"shop.{number}.json").write_text(text)
    before = Path(f"{state}.bak")
    for text, put_back in (('{"a": 3}', '{"a": 3}'), ("", '{"a": 2}')):
        before.write_text(text)
        state.write_text('{"a": 4')
        commands._run("up", "shop")
        assert state.read_text() == put_back
    calls = [line.split()[1] for line in (shop.parent / "calls").read_text().splitlines()]
    assert calls[2:] == ["cancel", "refresh", "up"] * 2


def test_a_state_that_is_cut_off_and_has_no_backup_is_named(shop: Path) -> None:
    commands._run("up", "shop")
    state = shop.parent / "state/.pulumi/stacks/canary/shop.json"
    state.write_text("")
    with pytest.raises(SandboxError, match="the state of shop is cut off and has no backup"):
        commands._run("recover", "shop")


def test_a_preview_of_a_second_stack_is_one_in_the_sandbox(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["sandbox", "preview", "--stack", "shop"])
    monkeypatch.setattr(cluster, "is_running", lambda: True)
    commands.main()
    assert (shop.parent / "calls").read_text().splitlines() == [
        "canary-sandbox: stack init --no-select --stack shop",
        "canary-sandbox: preview --diff --stack shop",
    ]
