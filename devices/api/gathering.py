"""Uploads that come at nearly the same time are stored by one statement.

The event loop collects them, live ones and backlog in a queue each. What has to be
decided one by one is done in other threads, so that it keeps nobody waiting. Each of
the threads has a database connection.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

from devices.api.backlogs import Backlogs
from devices.api.own_connection import connected
from devices.api.problems import Problem
from devices.api.upload_queues import UploadQueue, Waiting
from devices.codec import Decoded
from devices.database_away import RETRY_S
from devices.services import Arrival, StoreResult

Result = TypeVar("Result")

# A loop that wakes for each packet spends most of its time on waking (caches are cold
# then): after a few it waits, so that more have come when it looks again.
PAUSE_S = 0.01
_BUNCH = 4
# Who would have to wait behind more is asked to come back; first who is late anyway.
WAITING_UPLOADS, WAITING_BYTES = 2000, 64 << 20
_BUSY_FOR_BACKLOG = 0.25
_THREADS = 3


class Gathering:
    """The uploads of one process, on its event loop."""

    def __init__(self) -> None:
        self._apart = ThreadPoolExecutor(_THREADS, "apart")
        self.live = UploadQueue("live", self._apart)
        self.backlog = UploadQueue("backlog", self._apart, before=self.live)
        self._backlogs = Backlogs()
        self._bytes = self._pending = self._arrived = self._asked_apart = 0
        self._bytes_coming = 0

    async def store(self, arrival: Arrival, decoded: Decoded) -> StoreResult:
        """Store the packets of one upload; what it calls stored is committed.

        Raises :class:`BudgetError`, a :class:`Problem` 503 if too much waits, and
        whatever ``store_packets`` raises.
        """
        size = sum(packet.samples.nbytes for packet in arrival.packets)
        is_late = self._backlogs.holds(arrival)
        if self._is_busy(is_late):
            self._backlogs.forget(arrival)
            raise _busy()
        loop = asyncio.get_running_loop()
        if not self._arrived:
            loop.call_soon(self._pause)
        self._arrived += len(decoded.items)
        self._pending += 1
        self._bytes += size
        waiting = Waiting(arrival, decoded, size, loop.create_future())
        (self.backlog if is_late else self.live).add(waiting)
        try:
            return await waiting.stored
        except BaseException:
            # It comes again, as late as it is.
            self._backlogs.forget(arrival)
            raise
        finally:
            self._pending -= 1
            self._bytes -= size

    @contextmanager
    def room_for(self, body_bytes: int) -> Iterator[None]:
        """Keep room for a body while it is read.

        It is no work yet that others would have to wait behind: many devices that
        vanish while they send turn no backlog away. Raises a :class:`Problem` 503 if
        bodies and what waits would hold too much together.
        """
        if self._bytes + self._bytes_coming + body_bytes > WAITING_BYTES:
            raise _busy()
        self._bytes_coming += body_bytes
        try:
            yield
        finally:
            self._bytes_coming -= body_bytes

    @contextmanager
    def counted(self, body_bytes: int) -> Iterator[None]:
        """Count a body among what waits while it is decoded."""
        self._bytes += body_bytes
        try:
            yield
        finally:
            self._bytes -= body_bytes

    async def apart(self, work: Callable[..., Result], *given: object) -> Result:
        """Run what may take long in a thread of its own.

        Raises a :class:`Problem` 503 if too much waits, as when somebody tries tokens.
        """
        if self._asked_apart >= WAITING_UPLOADS:
            raise _busy()
        loop, run = asyncio.get_running_loop(), copy_context().run
        self._asked_apart += 1
        try:
            return await loop.run_in_executor(self._apart, run, connected, work, *given)
        finally:
            self._asked_apart -= 1

    def threads(self) -> list[ThreadPoolExecutor]:
        """Return what runs its threads."""
        return [self.live.thread, self.backlog.thread, self._apart]

    def _is_busy(self, is_late: bool) -> bool:
        part = max(self._pending / WAITING_UPLOADS, self._bytes / WAITING_BYTES)
        return part >= (_BUSY_FOR_BACKLOG if is_late else 1)

    def _pause(self) -> None:
        arrived, self._arrived = self._arrived, 0
        if arrived < _BUNCH:
            time.sleep(PAUSE_S)


def _busy() -> Problem:
    text = "The server is busy. Nothing was stored; send it again."
    return Problem(503, "busy", text, headers={"Retry-After": str(RETRY_S)})
