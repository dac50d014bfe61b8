"""A server whose answers never come to an end, in several ways."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

Way = tuple[bytes, bytes, float]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
DRIPPING_BODY = (HEAD + b"\r\nv1 ", b"x", 0.05)
DRIPPING_HEADERS = (HEAD, b"X-More: x\r\n", 0.05)
DRIPPING_LINE = (b"HTTP/1.1 ", b"2", 0.05)
FLOOD = (HEAD + b"\r\nv1 ", b"x" * 65_536, 0.0)


@contextmanager
def endless(way: Way = DRIPPING_BODY) -> Iterator[str]:
    """The address of a server that begins so, then sends the same again and again, with so many seconds in between."""
    first, rest, pause = way
    ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.sendall(first)
            while not ended.wait(pause):
                connection.sendall(rest)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        ended.set()
