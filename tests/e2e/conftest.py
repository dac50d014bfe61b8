"""What the end-to-end tests share: the sandbox's cluster, namespaces and node ports of their own, stacks, traffic."""

import json
import os
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from project import ROOT, Stack, sandbox_environment
from traffic import Traffic

# 30880 is the operator's own release. Each worker of pytest-xdist takes its ports from a hundred of its own.
FIRST_NODE_PORT = 30881 + 100 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))

# A shell's background job ignores interrupts, and so would every program that these tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def cluster() -> Callable[..., str]:
    """kubectl on the sandbox's cluster."""
    if not (ROOT / ".sandbox" / "env").exists():
        pytest.exit("the end-to-end tests need the sandbox's cluster: `make test` starts it", returncode=1)
    environment = sandbox_environment()

    def kubectl(*arguments: str) -> str:
        done = subprocess.run(["kubectl", *arguments], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    try:
        kubectl("get", "--raw", "/readyz")
    except (AssertionError, OSError) as error:
        pytest.exit(f"the sandbox's cluster does not answer, `make test` starts it: {error}", returncode=1)
    return kubectl


@pytest.fixture(scope="session")
def namespace(cluster: Callable[..., str]) -> Iterator[Callable[[], AbstractContextManager[str]]]:
    """Makes a namespace that is deleted at the end of the `with` block."""
    made: list[str] = []

    @contextmanager
    def namespace() -> Iterator[str]:
        name = f"e2e-{uuid.uuid4().hex[:8]}"
        cluster("create", "namespace", name)
        made.append(f"namespace/{name}")
        try:
            yield name
        finally:
            cluster("delete", "namespace", name, "--wait=false")

    yield namespace
    if made:
        cluster("wait", "--for=delete", *made, "--timeout=120s")


@pytest.fixture(scope="session")
def node_port(cluster: Callable[..., str]) -> Callable[[], int]:
    """Finds a node port that nobody has, another one each time."""
    given: set[int] = set()

    def node_port() -> int:
        services = json.loads(cluster("get", "services", "--all-namespaces", "--output", "json"))["items"]
        taken = given | {port.get("nodePort") for service in services for port in service["spec"]["ports"]}
        free = next(port for port in range(FIRST_NODE_PORT, 32768) if port not in taken)
        given.add(free)
        return free

    return node_port


@pytest.fixture(scope="module")
def stack(namespace: Callable, node_port: Callable[[], int], tmp_path_factory: pytest.TempPathFactory):
    """The seed's stack in a namespace of its own, not yet deployed; one for all tests of a file."""
    with namespace() as name:
        yield Stack.seed(tmp_path_factory.mktemp("project"), name, node_port())


@pytest.fixture
def fresh_stack(namespace: Callable, node_port: Callable[[], int], tmp_path: Path):
    """The seed's stack in a namespace of its own, not yet deployed; one for each test."""
    with namespace() as name:
        yield Stack.seed(tmp_path, name, node_port())


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[object], None]:
    """Tells a line after all tests."""
    return lambda line: request.node.user_properties.append(("told", f"{request.node.name}: {line}"))


@pytest.fixture
def traffic_on(tell: Callable[[object], None]):
    """Runs the client on a node port during a `with` block; its counts are told after the tests."""

    @contextmanager
    def traffic_on(port: int) -> Iterator[Traffic]:
        with Traffic(port) as traffic:
            yield traffic
        tell(traffic)

    return traffic_on
