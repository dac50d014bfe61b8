"""Hooks work beside the event loop, whose own threads may all be busy, and heed interrupts while they do."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import pytest

from canary_release.hooks.threads import in_thread, unless_interrupted
from canary_release.pulumi_host import Refusal, program

from ..conftest import run_async

SECONDS = 30
"""How long a test waits for what comes at once, if it comes."""
SEEN: ContextVar[str] = ContextVar("SEEN", default="nothing")


def run(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    return run_async(asyncio.wait_for(main(), SECONDS))


def interrupt() -> None:
    """What the program does with SIGINT while something waits."""
    for waiting in program.waiting:
        waiting.put(None)


def test_the_function_sees_the_context_of_its_caller():
    async def main() -> str:
        SEEN.set("the stack's config")
        return await in_thread(SEEN.get)

    assert run(main) == "the stack's config"


def test_an_error_of_the_function_reaches_its_caller():
    def fail() -> None:
        raise KeyError("own")

    with pytest.raises(KeyError, match="own"):
        run(lambda: in_thread(fail))


def test_busy_threads_of_the_event_loop_do_not_keep_it_waiting():
    done = threading.Event()

    async def main() -> bool:
        loop = asyncio.get_running_loop()
        # As many as the pool of the event loop can have on any machine, and more.
        busy = [loop.run_in_executor(None, done.wait, SECONDS) for _ in range(64)]
        try:
            return await asyncio.wait_for(in_thread(lambda: True), SECONDS / 2)
        finally:
            done.set()
            await asyncio.gather(*busy)

    assert run(main)


def test_who_is_cancelled_does_not_wait_for_the_thread():
    running, done = threading.Event(), threading.Event()

    def work() -> bool:
        running.set()
        return done.wait(SECONDS)

    async def main() -> None:
        task = asyncio.create_task(in_thread(work))
        while not running.is_set():
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not done.is_set()

    try:
        run(main)
    finally:
        done.set()


def test_an_interrupt_ends_the_work_with_the_reason():
    async def main() -> None:
        async def work() -> None:
            interrupt()
            await asyncio.Event().wait()

        await unless_interrupted(work(), "it was interrupted")

    with pytest.raises(Refusal, match=r"^it was interrupted$"):
        run(main)
    assert not program.waiting


def test_an_interrupt_that_comes_with_the_answer_is_heeded():
    async def work() -> bool:
        interrupt()
        return True

    with pytest.raises(Refusal, match=r"^it was interrupted$"):
        run(lambda: unless_interrupted(work(), "it was interrupted"))


def test_without_an_interrupt_the_answer_or_the_error_is_that_of_the_work():
    async def fail() -> None:
        raise KeyError("own")

    async def answer() -> int:
        return 7

    assert run(lambda: unless_interrupted(answer(), "")) == 7
    with pytest.raises(KeyError, match="own"):
        run(lambda: unless_interrupted(fail(), ""))
