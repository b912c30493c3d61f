"""A doctor's browser without a screen: measures how fast frames arrive."""

import asyncio
import json
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx
import websockets

from telecardio.live.frames import SIGNAL

_HEAD = struct.Struct("<BBHIQQIIQq")


class SignInError(RuntimeError):
    """The demo's doctor could not sign in."""


@dataclass
class Viewer:
    """Signs in, watches patients on the live socket and times every signal frame."""

    web_url: str
    email: str
    password: str
    patients: Sequence[int]
    frame_ms: list[float] = field(default_factory=list)
    beats: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until ``stop`` is set."""
        cookies = await self._sign_in()
        url = self.web_url.replace("http", "ws", 1) + "/ws/live/"
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            "Origin": self.web_url,
        }
        async with websockets.connect(
            url, additional_headers=headers, max_size=None
        ) as socket:
            await socket.send(json.dumps({"watch": list(self.patients)}))
            reading = asyncio.create_task(self._read(socket))
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if reading.done():
                reading.result()
            reading.cancel()

    async def _sign_in(self) -> dict[str, str]:
        async with httpx.AsyncClient(base_url=self.web_url, timeout=30) as client:
            await client.get("/login/")
            form = {
                "username": self.email,
                "password": self.password,
                "csrfmiddlewaretoken": client.cookies["csrftoken"],
            }
            answer = await client.post(
                "/login/", data=form, headers={"Referer": self.web_url}
            )
            if answer.status_code != 302:
                raise SignInError(f"Signing in answered {answer.status_code}.")
            return dict(client.cookies)

    async def _read(self, socket: websockets.ClientConnection) -> None:
        opened_ms = time.time() * 1000
        async for message in socket:
            if isinstance(message, bytes):
                self._take(message, now_ms=time.time() * 1000, opened_ms=opened_ms)

    def _take(self, message: bytes, *, now_ms: float, opened_ms: float) -> None:
        offset = 0
        while offset < len(message):
            head = _HEAD.unpack_from(message, offset)
            kind, length, n, received_at_ms = head[0], head[3], head[7], head[9]
            # What was there before we looked fills the trace; it is not live.
            if kind == SIGNAL and received_at_ms >= opened_ms:
                self.frame_ms.append(now_ms - received_at_ms)
            elif kind != SIGNAL:
                self.beats += n
            offset += length
