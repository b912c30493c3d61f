"""What a process does last: told by atexit, or by the server that runs it.

uvicorn ends a process that was asked to by the signal itself, and then nothing of
``atexit`` runs; but it says so before, by ASGI's lifespan.
"""

import asyncio
import atexit
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
_works: list[Callable[[], object]] = []


def at_end(work: Callable[[], object]) -> None:
    """Have something done once, when this process ends and is not killed."""
    if not _works:
        atexit.register(end)
    _works.append(work)


def end() -> None:
    """Do all of it, the last first."""
    while _works:
        work = _works.pop()
        try:
            work()
        except Exception:
            logger.exception("Something was left undone at the end")


async def answer_lifespan(receive: Receive, send: Send) -> None:
    """Take part in the lifespan of an ASGI server: nothing to begin, much to end."""
    while True:
        phase = (await receive())["type"]
        if phase == "lifespan.shutdown":
            await asyncio.to_thread(end)
        await send({"type": f"{phase}.complete"})
        if phase == "lifespan.shutdown":
            return
