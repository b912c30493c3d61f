"""Read what a socket sends."""

import asyncio
import json
import struct
from dataclasses import dataclass, field

from channels.testing import WebsocketCommunicator

HEAD = struct.Struct("<BBHIQQIIQq")


@dataclass
class Frame:
    """One binary frame."""

    kind: int
    patient: int
    stream_id: str
    n: int
    record: int
    received_at_ms: int
    body: bytes

    @property
    def first_sample(self) -> int:
        return struct.unpack_from("<q", self.body)[0]

    @property
    def samples(self) -> list[int]:
        return list(struct.unpack_from(f"<{self.n}h", self.body, 32))


def frames_of(message: bytes) -> list[Frame]:
    """Split a message, as the layout in ``telecardio/live/frames.py`` says."""
    found = []
    while message:
        head = HEAD.unpack_from(message)
        kind, version, _, length, patient, ms, seq, n, record, received = head
        assert version == 1
        assert length % 8 == 0
        body = message[HEAD.size : length]
        found.append(Frame(kind, patient, f"{ms}-{seq}", n, record, received, body))
        message = message[length:]
    return found


@dataclass
class Received:
    """Everything a socket sent so far."""

    socket: WebsocketCommunicator
    frames: list[Frame] = field(default_factory=list)
    texts: list[dict] = field(default_factory=list)
    closed: int | None = None

    async def one(self, wait_s: float = 5) -> None:
        output = await self.socket.receive_output(wait_s)
        if output["type"] == "websocket.close":
            self.closed = output.get("code")
        elif output.get("bytes"):
            self.frames += frames_of(output["bytes"])
        else:
            self.texts.append(json.loads(output["text"]))

    async def until(self, condition, wait_s: float = 8) -> None:
        """Receive until ``condition(self)`` holds."""
        async with asyncio.timeout(wait_s):
            while not condition(self):
                await self.one(wait_s)

    def last(self, kind: str) -> dict:
        """The newest text frame of a type."""
        return [text for text in self.texts if text["type"] == kind][-1]

    def has(self, kind: str) -> bool:
        return any(text["type"] == kind for text in self.texts)

    @property
    def samples(self) -> list[int]:
        return [s for frame in self.frames if frame.kind == 1 for s in frame.samples]


async def watching(socket: WebsocketCommunicator, patients, since=None) -> Received:
    """Connect, watch, and wait for the answer."""
    connected, _ = await socket.connect()
    assert connected
    received = Received(socket)
    message = {"watch": [patient.pk for patient in patients], "since": since or {}}
    await socket.send_json_to(message)
    await received.until(lambda r: r.has("watching"))
    return received
