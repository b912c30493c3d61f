"""Read the body of an ASGI request, but never more of it than allowed."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from devices.api.body import DRAIN_BYTES, too_large
from devices.codec import BodyError

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class Body:
    """The body of one request, as far as it has been read."""

    def __init__(self, receive: Receive, told_bytes: str) -> None:
        self._receive, self._told = receive, told_bytes or "0"
        self._more = True

    @property
    def told_bytes(self) -> int:
        """The size that the header tells; 0 if it tells none."""
        told = self._told
        return int(told) if told.isascii() and told.isdigit() else 0

    async def read(self, *, limit: int) -> bytes:
        """Return the body; a problem 413 above ``limit`` bytes, told or not."""
        if not (self._told.isascii() and self._told.isdigit()):
            raise BodyError("malformed", "Content-Length is no number.")
        if self.told_bytes > limit:
            raise too_large(limit)
        pieces, size = [], 0
        while self._more:
            piece = await self._next_piece()
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                raise too_large(limit)
        if size < self.told_bytes:
            raise BodyError("malformed", "The body broke off.")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def drain(self) -> None:
        """Read and drop what is left of a refused body, within reason.

        A server that closes a connection with unread data resets it, and the client
        may never see why it was refused.
        """
        left = DRAIN_BYTES
        while self._more and left > 0:
            try:
                left -= len(await self._next_piece())
            except BodyError:
                return

    async def _next_piece(self) -> bytes:
        message = await self._receive()
        self._more = bool(message.get("more_body"))
        if message["type"] != "http.request":
            raise BodyError("malformed", "The body broke off.")
        piece: bytes = message.get("body", b"")
        return piece
