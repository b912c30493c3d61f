"""Read the body of an ASGI request, but never more of it than allowed, nor longer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from devices.api.body import DRAIN_BYTES, too_large
from devices.api.problems import Problem
from devices.codec import BodyError

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class Body:
    """The body of one request, as far as it has been read.

    All of it has to come within ``within_s`` of the first look: a device that vanished
    never says so, and what its body holds would be held for ever. ``timed_out`` tells
    that it did not.
    """

    def __init__(self, receive: Receive, told_bytes: str, *, within_s: float) -> None:
        self._receive, self._told = receive, told_bytes or "0"
        self._within_s, self._until_s = within_s, 0.0
        self._more, self.timed_out = True, False

    @property
    def told_bytes(self) -> int:
        """The size that the header tells; 0 if it tells none."""
        told = self._told
        return int(told) if told.isascii() and told.isdigit() else 0

    async def read(self, *, limit: int) -> bytes:
        """Return the body.

        A problem 413 above ``limit`` bytes, told or not; 408 if it does not come.
        """
        if not (self._told.isascii() and self._told.isdigit()):
            raise BodyError("malformed", "Content-Length is no number.")
        if self.told_bytes > limit:
            raise too_large(limit)
        pieces, size = [], 0
        try:
            async with self._in_time():
                while self._more:
                    piece = await self._next_piece()
                    pieces.append(piece)
                    size += len(piece)
                    if size > limit:
                        raise too_large(limit)
        except TimeoutError:
            raise _too_slow(self._within_s) from None
        if size < self.told_bytes:
            raise BodyError("malformed", "The body broke off.")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def drain(self) -> None:
        """Read and drop what is left of a refused body, within reason.

        A server that closes a connection with unread data resets it, and the client
        may never see why it was refused.
        """
        left = DRAIN_BYTES
        with contextlib.suppress(BodyError, TimeoutError):
            async with self._in_time():
                while self._more and left > 0:
                    left -= len(await self._next_piece())

    @contextlib.asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """Raise ``TimeoutError`` when the time for all of the body is over."""
        self._until_s = self._until_s or asyncio.get_running_loop().time() + (
            self._within_s
        )
        try:
            async with asyncio.timeout_at(self._until_s):
                yield
        except TimeoutError:
            self.timed_out = True
            raise

    async def _next_piece(self) -> bytes:
        message = await self._receive()
        self._more = bool(message.get("more_body"))
        if message["type"] != "http.request":
            raise BodyError("malformed", "The body broke off.")
        piece: bytes = message.get("body", b"")
        return piece


def _too_slow(within_s: float) -> Problem:
    text = f"The body did not come within {within_s:.0f} s: send less at once."
    return Problem(408, "too_slow", text)
