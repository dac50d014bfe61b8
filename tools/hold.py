"""Which process updates a stack: one command at a time."""

import fcntl
import os
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager


class HeldError(ValueError):
    """Another command holds the stack; the text says which."""


@contextmanager
def only_one(stack: str) -> Generator[None]:
    """Holds the stack against a second `make adopt`, `make leave` or `make release`. Raises `HeldError`.

    The lock is standard input, which the engine inherits: one whose command was killed may still update the stack, and
    then this waits for its end.
    """
    lock = os.open(f".release-{stack}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    before = os.dup(0)
    try:
        _lock(lock, stack)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()} on {socket.gethostname()}".encode(), 0)
        os.dup2(lock, 0)
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(lock)


def _lock(lock: int, stack: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder, _, host = os.read(lock, 300).decode(errors="replace").partition(" on ")
        if host != socket.gethostname() or not holder.isdecimal() or _is_alive(int(holder)):
            raise HeldError(
                f"stack {stack} is held by process {holder} on {host}: wait for its end, or interrupt it with Ctrl-C"
            ) from None
        print("the update of a command that was killed still runs: waiting for its end", file=sys.stderr, flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
