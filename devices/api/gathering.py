"""Uploads that come at nearly the same time are stored by one statement.

The event loop collects them; one thread stores a group while the next one collects.
What has to be decided one by one is done in other threads, so that it keeps nobody
waiting. Each of the threads has a database connection.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from django.db import connection

from devices.api.problems import Problem
from devices.api.steps import signal_s, store
from devices.api.trusted_tokens import trusted_tokens
from devices.budget import BudgetError, spend_all
from devices.codec import Decoded
from devices.database_away import RETRY_S, is_away
from devices.services import Arrival, StoreResult, store_together

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# A group collects for so long, unless the last one was large: then the time that it
# takes to store is enough.
GATHER_S = 0.01
_LARGE = 6
# A loop that wakes for each packet spends most of its time on waking (caches are cold
# then): after a few it waits, so that more have come when it looks again.
PAUSE_S = 0.01
_BUNCH = 4
_MOST_UPLOADS, _MOST_BYTES = 100, 2 << 20
# Who would have to wait behind more is asked to come back; first who is late anyway.
WAITING_UPLOADS, WAITING_BYTES = 2000, 64 << 20
_BUSY_FOR_BACKLOG = 0.25
_BACKLOG_AGE = timedelta(seconds=60)
_THREADS = 3


@dataclass(frozen=True, slots=True)
class _Waiting:
    arrival: Arrival
    decoded: Decoded
    size: int
    stored: asyncio.Future[StoreResult]


class Gathering:
    """The uploads of one process, on its event loop."""

    def __init__(self) -> None:
        self._waiting: deque[_Waiting] = deque()
        self._bytes = self._pending = 0
        self._is_planned = self._is_storing = False
        self._last_group = self._arrived = 0
        self._together = ThreadPoolExecutor(1, "together")
        self._apart = ThreadPoolExecutor(_THREADS, "apart")

    async def store(self, arrival: Arrival, decoded: Decoded) -> StoreResult:
        """Store the packets of one upload; what it calls stored is committed.

        Raises :class:`BudgetError`, a :class:`Problem` 503 if too much waits, and
        whatever ``store_packets`` raises.
        """
        size = sum(packet.samples.nbytes for packet in arrival.packets)
        if self._is_busy(arrival):
            text = "The server is busy. Nothing was stored; send it again."
            raise Problem(503, "busy", text, headers={"Retry-After": str(RETRY_S)})
        loop = asyncio.get_running_loop()
        waiting = _Waiting(arrival, decoded, size, loop.create_future())
        self._waiting.append(waiting)
        self._pending += 1
        self._bytes += size
        if not self._arrived:
            loop.call_soon(self._pause)
        self._arrived += len(decoded.items)
        self._plan(loop)
        try:
            return await waiting.stored
        finally:
            self._pending -= 1
            self._bytes -= size

    async def apart(self, work: Callable[..., Result], *given: object) -> Result:
        """Run what may take long in a thread of its own."""
        loop, run = asyncio.get_running_loop(), copy_context().run
        return await loop.run_in_executor(self._apart, run, _connected, work, *given)

    def _is_busy(self, arrival: Arrival) -> bool:
        part = max(self._pending / WAITING_UPLOADS, self._bytes / WAITING_BYTES)
        if part < _BUSY_FOR_BACKLOG:
            return False
        return part >= 1 or _is_backlog(arrival)

    def _pause(self) -> None:
        arrived, self._arrived = self._arrived, 0
        if arrived < _BUNCH:
            time.sleep(PAUSE_S)

    def _plan(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._is_planned or self._is_storing or not self._waiting:
            return
        self._is_planned = True
        if max(self._last_group, len(self._waiting)) >= _LARGE:
            loop.call_soon(self._store_next, loop)
        else:
            loop.call_later(GATHER_S, self._store_next, loop)

    def _store_next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_planned, self._is_storing = False, True
        group = self._next_group()
        self._last_group = len(group)
        asked = [(one.arrival, signal_s(one.decoded)) for one in group]
        storing = loop.run_in_executor(self._together, _connected, _store_group, asked)
        storing.add_done_callback(lambda done: self._answer(loop, group, done))

    def _next_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        size = 0
        while self._waiting and len(group) < _MOST_UPLOADS and size < _MOST_BYTES:
            group.append(self._waiting.popleft())
            size += group[-1].size
        return group

    def _answer(
        self,
        loop: asyncio.AbstractEventLoop,
        group: Sequence[_Waiting],
        done: asyncio.Future[list[StoreResult | BudgetError | None]],
    ) -> None:
        self._is_storing = False
        results: Sequence[StoreResult | BudgetError | None]
        if error := done.exception():
            # Whatever it was, nobody may wait for ever.
            logger.error("A group of uploads failed", exc_info=error)
            results = [None] * len(group)
        else:
            results = done.result()
        for one, came in zip(group, results, strict=True):
            if one.stored.done():
                continue
            if isinstance(came, StoreResult):
                one.stored.set_result(came)
            elif came is not None:
                one.stored.set_exception(came)
            else:
                self._store_apart(loop, one)
        self._plan(loop)

    def _store_apart(self, loop: asyncio.AbstractEventLoop, one: _Waiting) -> None:
        stored = loop.run_in_executor(
            self._apart, _connected, store, one.arrival, one.decoded.stream
        )
        stored.add_done_callback(lambda done: _pass_on(done, one.stored))


def _store_group(
    asked: Sequence[tuple[Arrival, float]],
) -> list[StoreResult | BudgetError | None]:
    over = spend_all([(arrival.device.pk, cost_s) for arrival, cost_s in asked])
    within = [
        arrival
        for (arrival, _), error in zip(asked, over, strict=True)
        if error is None
    ]
    try:
        results = store_together(within)
    except Exception as error:
        # Whose fault it was shows one by one.
        if not is_away(error):
            logger.warning("%d uploads are stored one by one: %s", len(within), error)
        connection.close()
        return list(over)
    for arrival, result in zip(within, results, strict=True):
        if result is not None:
            trusted_tokens.keep(arrival.token)
    came = iter(results)
    return [error or next(came) for error in over]


def _connected(work: Callable[..., Result], *given: object) -> Result:
    """Run in a thread that keeps its connection; open another if that was lost."""
    if connection.connection is not None and not connection.is_usable():
        connection.close()
    try:
        return work(*given)
    except Exception:
        connection.close()
        raise


def _is_backlog(arrival: Arrival) -> bool:
    times = [packet.at for packet in arrival.packets if packet.at is not None]
    return bool(times) and arrival.received_at - max(times) > _BACKLOG_AGE


def _pass_on(
    done: asyncio.Future[StoreResult], to: asyncio.Future[StoreResult]
) -> None:
    error = done.exception()
    if to.done():
        return
    if error is None:
        to.set_result(done.result())
    else:
        to.set_exception(error)
