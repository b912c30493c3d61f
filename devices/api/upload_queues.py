"""A queue of uploads: they collect while one thread stores the group before them.

Live uploads and backlog have a queue each. Backlog comes as fast as it is taken; while
live uploads come too, it goes one by one with rests in between, so that it leaves them
the machine.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from devices.api.own_connection import connected
from devices.api.steps import signal_s, store
from devices.api.stored_groups import store_group
from devices.budget import BudgetError
from devices.codec import Decoded
from devices.database_away import is_away
from devices.services import Arrival, StoreResult

logger = logging.getLogger(__name__)

# A group collects for so long, unless the last one was large: then the time that it
# takes to store is enough.
GATHER_S = 0.01
_LARGE = 6
_MOST_UPLOADS, _MOST_BYTES = 100, 2 << 20
# So long after an upload more are expected in its queue.
_GOES_ON_S = 3.0
# How many times longer than it took to store rests who gives way. Not for long: where
# storing takes long the machine is full, and who waits here may be live ones that fell
# behind.
_REST, _REST_MOST_S = 10.0, 0.1


@dataclass(frozen=True, slots=True)
class Waiting:
    """An upload, and the future that its sender waits for."""

    arrival: Arrival
    decoded: Decoded
    size: int
    stored: asyncio.Future[StoreResult]


class UploadQueue:
    """Uploads that one thread stores, on the event loop that adds them.

    ``apart`` stores what a group leaves over; while uploads come to ``before``, this
    queue gives way. ``groups`` counts those begun.
    """

    def __init__(
        self, name: str, apart: Executor, *, before: UploadQueue | None = None
    ) -> None:
        self.thread = ThreadPoolExecutor(1, name)
        self._apart, self._before = apart, before
        self._waiting: deque[Waiting] = deque()
        self._is_planned = self._is_storing = False
        self._last_group = 0
        self.groups = 0
        self._goes_on_until_s = self._rests_until_s = 0.0

    def add(self, one: Waiting) -> None:
        """Let an upload wait for its group."""
        loop = asyncio.get_running_loop()
        self._waiting.append(one)
        self._goes_on_until_s = loop.time() + _GOES_ON_S
        self._plan(loop)

    def _gives_way(self, now_s: float) -> bool:
        return self._before is not None and now_s < self._before._goes_on_until_s

    def _plan(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._is_planned or self._is_storing or not self._waiting:
            return
        self._is_planned = True
        now_s = loop.time()
        is_large = max(self._last_group, len(self._waiting)) >= _LARGE
        wait_s = 0.0 if is_large else GATHER_S
        if self._gives_way(now_s):
            wait_s = max(wait_s, self._rests_until_s - now_s)
        if wait_s > 0:
            loop.call_later(wait_s, self._store_next, loop)
        else:
            loop.call_soon(self._store_next, loop)

    def _store_next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_planned, self._is_storing = False, True
        began_s = loop.time()
        group = self._next_group(1 if self._gives_way(began_s) else _MOST_UPLOADS)
        self._last_group = len(group)
        self.groups += 1
        asked = [(one.arrival, signal_s(one.decoded)) for one in group]
        storing = loop.run_in_executor(self.thread, connected, store_group, asked)
        storing.add_done_callback(lambda done: self._answer(loop, group, began_s, done))

    def _next_group(self, most: int) -> list[Waiting]:
        group: list[Waiting] = []
        size = 0
        while self._waiting and len(group) < most and size < _MOST_BYTES:
            group.append(self._waiting.popleft())
            size += group[-1].size
        return group

    def _answer(
        self,
        loop: asyncio.AbstractEventLoop,
        group: Sequence[Waiting],
        began_s: float,
        done: asyncio.Future[list[StoreResult | BudgetError | None]],
    ) -> None:
        self._is_storing = False
        now_s = loop.time()
        self._rests_until_s = now_s + min(_REST * (now_s - began_s), _REST_MOST_S)
        results: Sequence[StoreResult | BudgetError | None]
        error = done.exception()
        if error and is_away(error):
            for one in group:
                if not one.stored.done():
                    one.stored.set_exception(error)
            self._plan(loop)
            return
        if error:
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

    def _store_apart(self, loop: asyncio.AbstractEventLoop, one: Waiting) -> None:
        stored = loop.run_in_executor(
            self._apart, connected, store, one.arrival, one.decoded.stream
        )
        stored.add_done_callback(lambda done: _pass_on(done, one.stored))


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
