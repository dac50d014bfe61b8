"""Work beside the event loop, for hooks."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ..gates.thread import in_daemon
from ..pulumi_host import Refusal, interruptible

Answer = TypeVar("Answer")

POLL_SECONDS = 0.1
"""How long an interrupt may go unseen."""


async def in_thread(function: Callable[[], Answer]) -> Answer:
    """What the function returns, from a thread of its own. A cancelled caller leaves the thread behind.

    `asyncio.to_thread` would wait for ever: Pulumi's SDK registers resources in the few threads of the event loop's
    pool. With six releases in one program all of them wait for the engine, and the engine waits for the hook.
    """
    return await asyncio.wrap_future(in_daemon(function))


async def unless_interrupted(work: Coroutine[Any, Any, Answer], told: str) -> Answer:
    """What the work returns. Cancels it, and raises `Refusal` with the text, if the program is interrupted before."""
    with interruptible() as interrupts:
        task = asyncio.ensure_future(work)
        while interrupts.empty() and not task.done():
            await asyncio.wait([task], timeout=POLL_SECONDS)
        task.cancel()
    # Here nobody waits for an interrupt any more: none is lost between the last answer and this line.
    if not interrupts.empty():
        raise Refusal(told)
    return task.result()
