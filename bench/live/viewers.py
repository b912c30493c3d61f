"""Doctors' pages without a screen: the live socket, its pings, and what pages poll.

Every frame is timed when its message has arrived; nothing else is done with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
import time
from multiprocessing.connection import Connection

import httpx
import websockets

from bench.live.plan import ViewerPlan, ViewersOutcome, ViewersPlan
from bench.live.polling import EVERY_S, poll
from telecardio.live.frames import BEATS, SIGNAL

PAGE_S = 30.0
_HEAD = struct.Struct("<BBHIQQIIQq")
_FIRST_SAMPLE = struct.Struct("<q")
_BEATS_AT = 56


def view(pipe: Connection, plan: ViewersPlan) -> ViewersOutcome:
    """Watch until told to stop."""
    return asyncio.run(_Viewers(plan).run(pipe))


class _Viewers:
    def __init__(self, plan: ViewersPlan) -> None:
        self.plan = plan
        self.outcome = ViewersOutcome()
        self._waiting = {*range(len(plan.viewers))}
        # All pages show their patients, or one cannot.
        self._settled = asyncio.Event()

    async def run(self, pipe: Connection) -> ViewersOutcome:
        watching = [
            asyncio.create_task(self._watch(number, viewer))
            for number, viewer in enumerate(self.plan.viewers)
        ]
        if watching:
            await self._settled.wait()
        pipe.send("ready")
        # Told to stop, or left alone.
        with contextlib.suppress(EOFError):
            await asyncio.to_thread(pipe.recv)
        self.outcome.ended = time.monotonic()
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        return self.outcome

    async def _watch(self, number: int, viewer: ViewerPlan) -> None:
        """Show the page; connect anew, as a page does, when the server closes."""
        try:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{self.plan.port}",
                headers={"Cookie": viewer.cookie},
                timeout=PAGE_S,
            ) as client:
                # Pages are opened at any time, so they do not poll in step.
                phase_s = EVERY_S * number / len(self.plan.viewers)
                due = time.monotonic() + phase_s
                asking = poll(client, self.plan.polled, self.outcome, due=due)
                polling = asyncio.create_task(asking)
                try:
                    while True:
                        await self._connect(number, viewer)
                        self.outcome.closed += 1
                        await asyncio.sleep(1)
                finally:
                    polling.cancel()
        except Exception as error:
            self.outcome.trouble = self.outcome.trouble or repr(error)
            self._settled.set()

    async def _connect(self, number: int, viewer: ViewerPlan) -> None:
        origin = f"http://127.0.0.1:{self.plan.port}"
        async with websockets.connect(
            origin.replace("http", "ws", 1) + "/ws/live/",
            additional_headers={"Cookie": viewer.cookie, "Origin": origin},
            max_size=None,
            ping_interval=None,
            open_timeout=PAGE_S,
        ) as link:
            await link.send(json.dumps({"watch": viewer.patients}))
            pinging = asyncio.create_task(self._ping(link))
            told_dropped = 0
            try:
                async for message in link:
                    if isinstance(message, bytes):
                        self._take(number, message, time.monotonic())
                        continue
                    said = json.loads(message)
                    if said["type"] == "watching":
                        if said["refused"]:
                            raise RuntimeError(f"The server refused: {message}")
                        self._waiting.discard(number)
                        if not self._waiting:
                            self._settled.set()
                    elif said["type"] == "dropped":
                        self.outcome.dropped += said["count"] - told_dropped
                        told_dropped = said["count"]
            except websockets.ConnectionClosed:
                return
            finally:
                pinging.cancel()

    async def _ping(self, link: websockets.ClientConnection) -> None:
        number = 0
        while True:
            await asyncio.sleep(EVERY_S)
            number += 1
            await link.send(json.dumps({"ping": number}))

    def _take(self, viewer: int, message: bytes, now: float) -> None:
        told = self.outcome
        told.bytes_received += len(message)
        offset = 0
        while offset < len(message):
            head = _HEAD.unpack_from(message, offset)
            kind, length, patient, n = head[0], head[3], head[4], head[7]
            if kind == SIGNAL:
                (sample,) = _FIRST_SAMPLE.unpack_from(message, offset + _HEAD.size)
                told.frame_viewer.append(viewer)
                told.frame_patient.append(patient)
                told.frame_sample.append(sample)
                told.frame_at.append(now)
            elif kind == BEATS:
                samples = struct.unpack_from(f"<{n}q", message, offset + _BEATS_AT)
                told.beat_viewer.extend([viewer] * n)
                told.beat_sample.extend(samples)
                told.beat_patient.extend([patient] * n)
                told.beat_at.extend([now] * n)
            offset += length
