"""kubectl, the one client for the cluster: it is run here alone."""

import re
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

FINAL = re.compile(
    r"Error from server \((Forbidden|Unauthorized|NotFound|BadRequest|MethodNotAllowed)\)"
    r"|error: (You must be logged in|context |cluster |auth info |error loading config|stat |invalid configuration)"
)
"""How kubectl begins what it says of a server that refused, or of a kubeconfig that it cannot use. It ends with 1
whatever happened. The words are those of kubectl 1.35 and of its library client-go."""


class KubectlError(ValueError):
    """kubectl failed, or took too long; the text says why."""

    def __init__(self, reason: str, output: str = "", is_final: bool = False) -> None:
        super().__init__(reason)
        self.output = output
        """What it printed before it failed: after an object that fails, kubectl goes on with the next."""
        self.is_final = is_final
        """Whether asking again brings the same answer. False also where that is not known."""


class KubectlMissingError(KubectlError):
    """There is no kubectl that can be run."""

    def __init__(self, reason: str = "there is no kubectl on PATH") -> None:
        super().__init__(reason, is_final=True)


def kubectl(*arguments: str, stdin: str | None = None, seconds: float | None = None) -> str:
    """What kubectl prints. Raises `KubectlError` with the reason if it fails, is missing, or takes longer.

    Lines that its client library logs are no reason, unless there are no others.
    """
    command = ["kubectl", *arguments]
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, errors="replace", timeout=seconds)
    except FileNotFoundError:
        raise KubectlMissingError from None
    except OSError as error:
        raise KubectlMissingError(f"the kubectl on PATH cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise KubectlError(f"kubectl had no answer after {seconds} s") from None
    if done.returncode:
        told = done.stderr.strip().splitlines()
        words = [line for line in told if not re.match(r"[EWIF]\d{4} ", line)]
        reason = "\n".join(words or told) or f"kubectl ended with {done.returncode}"
        raise KubectlError(reason, done.stdout, is_final=FINAL.match(reason) is not None)
    return done.stdout


def label_selector(labels: Mapping[str, str]) -> str:
    """The labels as `kubectl --selector` takes them; sorted, so that equal labels give equal text."""
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))


@contextmanager
def kubectl_options(given: str | None) -> Generator[list[str]]:
    """The options with which kubectl uses this kubeconfig: a path, a text or None. A text lies in a private file while
    the block runs.
    """
    if not given or is_file(given):
        yield ["--kubeconfig", str(Path(given).expanduser())] if given else []
        return
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(given)
        file.flush()
        yield ["--kubeconfig", file.name]


def is_file(given: str) -> bool:
    """Whether a kubeconfig is given as a path, and not as its text."""
    try:
        return "\n" not in given and not given.startswith("{") and Path(given).expanduser().is_file()
    except (OSError, RuntimeError):
        return False  # No name that the system would look up: too long, or of a user that is not there.
