"""The watch on a real release: what it shows, what it calls a mismatch, and with which permissions it does."""

import fcntl
import json
import os
import pty
import re
import shlex
import signal
import socket
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from project import Ended, Stack, until

from tools.watch.figures import share_interval

WATCH = (".venv/bin/python", "-m", "tools.watch")
READ_ONLY = ("deployments.apps", "replicasets.apps", "pods", "events", "endpointslices.discovery.k8s.io")


@pytest.fixture(scope="module")
def deployed(stack: Stack) -> Stack:
    stack.up()
    return stack


@pytest.fixture
def released(deployed: Stack) -> Iterator[Stack]:
    """The release as its config says; it is brought back to that after the test."""
    settle(deployed)
    yield deployed
    deployed.up("--refresh")


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def settle(stack: Stack) -> None:
    until(lambda: look(stack).code == 0, "a release as configured")


def look(stack: Stack, *options: str, **variables: str) -> Ended:
    ended = stack.run(*WATCH, "--once", "--expect", *options, **variables)
    assert "Traceback" not in ended.text, ended
    return ended


def look_with_requests(stack: Stack, *options: str) -> Ended:
    """A look during which neither pods nor config changed: a pod that an earlier test ended may still leave."""

    def counts() -> Ended | None:
        ended = look(stack, "--rate", "100", *options)
        return None if "none of them counts" in ended.stdout else ended

    return until(counts, "a look that counts requests")


def test_a_release_that_runs_as_its_config_says_is_as_expected(released: Stack):
    ended = look(released)
    assert ended.code == 0, ended
    assert "stable v0.1 2 of 2 ready, canary v0.2 1 of 1 ready" in ended.stdout
    assert (
        "canary's share of ready endpoints of Service myapp-svc 33.3 %, configured 33.3 %; as configured"
        in ended.stdout
    )


def test_make_watch_takes_the_sandboxs_kubeconfig_for_its_stack(released: Stack):
    # -o: the virtual environment is not the test's to bring up to date.
    make = ("make", "-o", ".venv/complete", "watch", "OPTIONS=--once --expect")
    ended = released.run(*make, KUBECONFIG="/nowhere")
    assert ended.code == 0, ended
    other = released.run(*make, "STACK=staging", KUBECONFIG="/nowhere")
    assert other.code != 0, other
    assert 'kubernetes:context: "canary-staging"\n    must be in the kubeconfig, which has none' in other.text


def test_a_deployment_scaled_by_hand_is_a_mismatch_in_replicas_and_share(released: Stack):
    released.kubectl("scale", "deployment/k8s-testapp", "--replicas=3")
    until(lambda: len(released.endpoints()) == 4, "four endpoints")
    ended = look(released)
    assert ended.code == 1, ended
    assert "mismatch: stable: 3 pods desired, the config says 2" in ended.stdout
    assert (
        "mismatch: share: the canary has 1 of 4 ready endpoints of Service myapp-svc, 25.0 %; the config says 33.3 %"
        in ended.stdout
    )


def test_a_pod_that_serves_beside_the_tracks_is_a_mismatch(released: Stack):
    image = "arisu1000/simple-container-app:v0.3"
    released.kubectl("run", "guest", f"--image={image}", "--labels=app=myapp")
    until(lambda: len(released.endpoints()) == 4, "four endpoints")
    ended = look(released)
    released.kubectl("delete", "pod", "guest", "--now")
    assert ended.code == 1, ended
    assert "mismatch: share: the ready endpoints of Service myapp-svc include guest, of neither track" in ended.stdout


CANARY = "deployment/k8s-testapp-canary"
FAILURES = {
    "image": (("set", "image", CANARY, "testapp=nowhere:v9"), r"its image cannot be pulled .*: nowhere:v9: "),
    "crash": (
        ("set", "image", CANARY, "testapp=arisu1000/simple-container-app:v0.4-crashes"),
        r"its container ends again and again \(CrashLoopBackOff\): exit code 1, \d",
    ),
    "probe": (
        ("set", "image", CANARY, "testapp=arisu1000/simple-container-app:v0.4-never-ready"),
        r"it runs, but is not ready \(Unhealthy\): Readiness probe failed: dial tcp",
    ),
    "node": (
        ("patch", CANARY, "--patch", '{"spec":{"template":{"spec":{"nodeSelector":{"a":"b"}}}}}'),
        r"no node takes it \(FailedScheduling\): 0/1 nodes are available",
    ),
    "quota": (
        ("scale", CANARY, "--replicas=4"),
        r"^\S+ Deployment k8s-testapp-canary: a quota forbids its pods \(FailedCreate\): exceeded quota: full",
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_what_keeps_pods_from_serving_is_told_in_plain_words(released: Stack, failure: str):
    command, words = FAILURES[failure]
    if failure == "quota":
        released.kubectl("create", "quota", "full", "--hard=pods=4")
        until(lambda: released.get("quota", "full").get("status", {}).get("used"), "a quota that counts")
    released.kubectl(*command)
    last: list[Ended] = []

    def told() -> bool:
        last[:] = [look(released)]
        return bool(re.search(words, last[0].stdout, re.MULTILINE))

    try:
        until(told, words)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{last[0]}") from error
    finally:
        released.kubectl("delete", "quota", "full", "--ignore-not-found")
        released.kubectl("patch", CANARY, "--patch", '{"spec":{"template":{"spec":{"nodeSelector":null}}}}')
    assert last[0].code == 1, last[0]


def test_json_is_one_document_a_line_with_what_the_cluster_has(released: Stack):
    seen = json.loads(look(released, "--json").stdout)
    pods = [pod for track in ("stable", "canary") for pod in seen[track]["pods"]]
    assert {pod["name"] for pod in pods if pod["state"] == "ready"} == set(released.pods())
    assert [seen["stable"][key] for key in ("version", "desired", "ready")] == ["v0.1", 2, 2]
    assert [seen["canary"][key] for key in ("version", "desired", "ready")] == ["v0.2", 1, 1]
    assert [(share["stable"], share["canary"], share["strays"]) for share in seen["shares"]] == [(2, 1, [])]
    assert (seen["namespace"], seen["mismatches"], seen["traffic"]) == (released.namespace, [], None)


def test_answers_on_connections_of_their_own_show_the_share(released: Stack):
    until(lambda: released.node_endpoints() == released.endpoints(), "a node that knows the release's endpoints")
    seen = json.loads(look_with_requests(released, "--json", "--url", url(released)).stdout)["traffic"]
    answers = [seen["stable"]["answers"], seen["canary"]["answers"]]
    assert (sum(answers), seen["errors"], seen["others"]) == (200, {}, {})
    assert all(seen[track][key] > 0 for track in ("stable", "canary") for key in ("p50", "p95", "p99"))
    # As good as never wrong by chance, which the verdict itself is in 1 of 100 runs.
    low, high = share_interval(answers[1], 200, 1 - 1e-9)
    assert low < 1 / 3 < high
    assert seen["fits"] == (seen["interval"][0] <= 100 / 3 <= seen["interval"][1])


def test_answers_that_do_not_fit_the_configured_share_are_a_mismatch(released: Stack):
    released.configure(canaryReplicas=0)
    ended = look_with_requests(released, "--url", url(released))
    released.configure(canaryReplicas=1)
    assert ended.code == 1, ended
    assert re.search(r"mismatch: traffic: the canary gave \d+ of 200 answers; .* the config says 0.0 %", ended.stdout)


def test_requests_that_fail_are_a_mismatch(released: Stack):
    ended = look_with_requests(released, "--url", "http://127.0.0.1:1")
    assert ended.code == 1, ended
    assert "mismatch: traffic: 200 of 200 requests failed: no answer: Connection refused" in ended.stdout


def test_an_identity_that_may_only_list_sees_everything(released: Stack, tmp_path: Path):
    ended = look(released, KUBECONFIG=reader(released, tmp_path, "reader", READ_ONLY))
    assert ended.code == 0, ended


def test_every_missing_permission_is_told_with_the_commands_that_grant_it(released: Stack, tmp_path: Path):
    lacking = ("endpointslices.discovery.k8s.io", "events")
    rest = [resource for resource in READ_ONLY if resource not in lacking]
    kubeconfig = reader(released, tmp_path, "blind", rest)
    ended = look(released, KUBECONFIG=kubeconfig)
    assert ended.code == 1, ended
    missing = [line for line in ended.stderr.splitlines() if "missing permission" in line]
    assert len(missing) == 2, ended
    user = f"system:serviceaccount:{released.namespace}:blind"
    for line, resource in zip(missing, lacking, strict=True):
        assert f"{user} may not list {resource} in namespace {released.namespace}; fix: " in line
        for command in line.partition("fix: ")[2].split(" && "):
            released.good(*shlex.split(command))
    assert look(released, KUBECONFIG=kubeconfig).code == 0


def test_without_a_terminal_each_change_is_a_line_and_an_interrupt_ends_quietly(released: Stack):
    watch = released.start(*WATCH)
    assert watch.stdout
    assert "2 of 2 ready" in watch.stdout.readline()
    released.kubectl("scale", "deployment/k8s-testapp", "--replicas=3")
    rest = iter(watch.stdout.readline, "")
    assert next((line for line in rest if "stable v0.1 3 of 3 ready" in line), None)
    watch.send_signal(signal.SIGINT)
    last, _ = watch.communicate()
    assert watch.returncode == 0, last
    assert "Traceback" not in last
    assert "\x1b" not in last


def test_the_stack_file_is_read_again_and_one_that_is_wrong_is_told(released: Stack):
    watch = released.start(*WATCH)
    assert watch.stdout
    told = iter(watch.stdout.readline, "")
    try:
        assert next(line for line in told if "configured 33.3 %; as configured" in line)
        released.configure(canaryReplicas=2)
        assert next(line for line in told if "configured 50.0 %; not as configured" in line)
        released.configure(canaryReplica=2)
        assert next(line for line in told if "did you mean canaryReplicas?" in line)
    finally:
        watch.send_signal(signal.SIGTERM)
        rest, _ = watch.communicate()
        released.unset("canary:canaryReplica")
        released.configure(canaryReplicas=1)
    assert watch.returncode == 0, rest


def test_an_api_server_that_is_away_for_a_while_is_told_and_the_watch_goes_on(
    released: Stack, free_port: int, tmp_path: Path
):
    config = yaml.safe_load(Path(released.environment["KUBECONFIG"]).read_text())
    config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{free_port}"}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    with proxy(released, free_port):
        watch = released.start("env", f"KUBECONFIG={tmp_path / 'kubeconfig'}", *WATCH, "--json")
        assert watch.stdout
        told = (json.loads(line) for line in iter(watch.stdout.readline, ""))
        first = next(told)
        assert first["note"] is None
    away = next(seen for seen in told if seen["note"])
    assert f"does not answer at http://127.0.0.1:{free_port}" in away["note"]
    assert away["stable"]["ready"] == 2, "what was seen before"
    with proxy(released, free_port):
        assert next(seen for seen in told if seen["note"] is None)["time"] > away["time"]
        watch.send_signal(signal.SIGINT)
        assert watch.wait() == 0


@contextmanager
def proxy(stack: Stack, port: int) -> Iterator[None]:
    """kubectl's way to the API server, on a port of its own."""
    running = stack.start("kubectl", "proxy", f"--port={port}")
    assert running.stdout
    assert "Starting to serve" in running.stdout.readline()
    yield
    running.terminate()
    running.communicate()


def test_on_a_terminal_the_picture_fits_80_columns_and_stays_after_an_interrupt(released: Stack):
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    watch = subprocess.Popen(
        [*WATCH, "--url", url(released)],
        cwd=released.folder,
        env={**released.environment, "TERM": "xterm-256color"},
        stdin=inside,
        stdout=inside,
        stderr=inside,
    )
    os.close(inside)
    shown = ""
    while shown.count("as configured") < 2:
        shown += os.read(terminal, 65536).decode()
    watch.send_signal(signal.SIGINT)
    shown += "".join(_rest(terminal))
    assert watch.wait() == 0, shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "a cursor that is there again"
    last = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown[shown.rindex("k8s-testapp") :]).splitlines()
    assert max(map(len, last)) <= 80
    rows = [line.split() for line in last]
    assert ["stable", "v0.1", "2", "2", "0", "0"] in [row[:6] for row in rows]
    assert ["canary", "v0.2", "1", "1", "0", "0"] in [row[:6] for row in rows]
    assert ["as", "configured"] in rows


def _rest(terminal: int) -> Iterator[str]:
    try:
        while text := os.read(terminal, 65536):
            yield text.decode()
    except OSError:
        # How Linux tells that nobody has the terminal open any more.
        return


def url(stack: Stack) -> str:
    return f"http://127.0.0.1:{stack.node_port}"


def reader(stack: Stack, folder: Path, name: str, resources: tuple[str, ...] | list[str]) -> str:
    """A kubeconfig of a ServiceAccount that may list these resources and nothing else."""
    stack.kubectl("create", "serviceaccount", name)
    stack.kubectl("create", "role", name, "--verb=list", f"--resource={','.join(resources)}")
    stack.kubectl("create", "rolebinding", name, f"--role={name}", f"--serviceaccount={stack.namespace}:{name}")
    config = yaml.safe_load(Path(stack.environment["KUBECONFIG"]).read_text())
    config["users"][0]["user"] = {"token": stack.kubectl("create", "token", name).strip()}
    (folder / name).write_text(yaml.safe_dump(config))
    return str(folder / name)
