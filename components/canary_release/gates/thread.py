"""Work in a thread that holds up neither the caller nor the end of the program."""

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
from typing import TypeVar

Answer = TypeVar("Answer")


def in_daemon(function: Callable[[], Answer]) -> Future[Answer]:
    """What the function will return or raise.

    The end of the program waits for the threads of any pool, but for no daemon.
    """
    future: Future[Answer] = Future()

    def run() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)

    context = copy_context()  # Pulumi keeps the stack's config in it.
    Thread(target=context.run, args=(run,), daemon=True).start()
    return future
