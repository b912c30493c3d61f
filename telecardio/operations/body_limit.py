"""No more of a body is taken in than the address and the person may send.

Django writes a whole body to the disk before any view can ask who sends it.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from telecardio.operations.ending import Receive, Send

Scope = dict[str, Any]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
# Forms, with room for what browsers put around them.
FORM_BYTES = 3 << 20


class Refused(Exception):
    """A body is not taken; says why, and what to do."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


def too_large(most_bytes: int) -> Refused:
    """Return what refuses a body of more than ``most_bytes``."""
    return Refused(413, f"At most {most_bytes >> 20} MB can be sent here.")


async def forms_only(scope: Scope) -> int:
    """Let everybody send a form."""
    return FORM_BYTES


class BodyLimit:
    """Passes requests on to ``application`` with bodies of at most ``allowance`` bytes.

    ``allowance`` is asked once per request; it may raise :class:`Refused`.
    """

    def __init__(
        self,
        application: Application,
        allowance: Callable[[Scope], Awaitable[int]] = forms_only,
    ) -> None:
        self._application = application
        self._allowance = allowance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        told = told_bytes(scope)
        if told == 0:
            await self._application(scope, receive, send)
            return
        left, has_begun = 0, False

        async def counted() -> Any:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise too_large(most)
            return message

        async def noted(message: Any) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            most = left = await self._allowance(scope)
            if told is not None and told > most:
                raise too_large(most)
            await self._application(scope, counted, noted)
        except Refused as refused:
            if has_begun:
                raise
            await _answer(refused, send)


def told_bytes(scope: Scope) -> int | None:
    """Return how long the body is to be; None if its end is told as it comes."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return None
    length = headers.get(b"content-length", b"0")
    # The server has refused what is no number.
    return int(length) if length.isdigit() else None


async def _answer(refused: Refused, send: Send) -> None:
    body = json.dumps({"detail": refused.detail}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        # What still comes of the body is not read.
        (b"connection", b"close"),
    ]
    start = {"type": "http.response.start", "status": refused.status}
    await send(start | {"headers": headers})
    await send({"type": "http.response.body", "body": body})
