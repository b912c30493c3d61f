"""Thousands of devices in one process, each on a connection of its own.

The schedule is open: a device records by the clock, whatever the server does. While
it waits for an answer its packets queue, and then go up in batches.
"""

from __future__ import annotations

import gc
import selectors
import socket
import time
from heapq import heapify, heappop, heappush
from multiprocessing.connection import Connection

from bench.ingest.http_load import ends_connection, message_bytes
from bench.live.plan import LoadOutcome, LoadPlan
from bench.live.virtual_device import VirtualDevice

# A device gives an answer up after this, and sends again.
ANSWER_S = 30.0
_READ = 1 << 16
_BOTH = selectors.EVENT_READ | selectors.EVENT_WRITE


class _Link:
    """A device and its connection, which is opened when there is something to say."""

    def __init__(
        self, number: int, device: VirtualDevice, port: int, media_type: str
    ) -> None:
        self.number = number
        self.device = device
        self.socket: socket.socket | None = None
        self.sent_at = 0.0
        # When the request that waits for an answer was first tried; 0: none does.
        self.first_tried_at = 0.0
        self.outgoing = b""
        self.received = b""
        self._address = ("127.0.0.1", port)
        self._head = (
            f"POST /api/v1/packets HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Authorization: Bearer {device.plan.token}\r\n"
            f"Content-Type: {media_type}\r\nContent-Length: "
        ).encode("ascii")

    def send(self, body: bytes, selector: selectors.BaseSelector) -> None:
        self.received = b""
        self.outgoing = self._head + b"%d\r\n\r\n" % len(body) + body
        if self.socket is None:
            self.socket = socket.socket()
            self.socket.setblocking(False)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.socket.connect_ex(self._address)
            selector.register(self.socket, _BOTH, self)
            return
        self.flush()
        if self.outgoing:
            selector.modify(self.socket, _BOTH, self)

    def flush(self) -> None:
        assert self.socket is not None
        try:
            sent = self.socket.send(self.outgoing)
        except BlockingIOError:
            return
        self.outgoing = self.outgoing[sent:]

    def receive(self) -> bytes:
        """Return the answer once it is whole."""
        assert self.socket is not None
        piece = self.socket.recv(_READ)
        if not piece:
            raise ConnectionResetError
        self.received += piece
        size = message_bytes(self.received)
        if not size or len(self.received) < size:
            return b""
        return self.received

    def close(self, selector: selectors.BaseSelector) -> None:
        if self.socket is not None:
            selector.unregister(self.socket)
            self.socket.close()
        self.socket, self.outgoing, self.received = None, b"", b""


class Generator:
    """Sends what the plan says, from ``start`` on."""

    def __init__(self, plan: LoadPlan, start: float) -> None:
        self.plan = plan
        self.end = start + plan.seconds
        # The moment that devices call now, in microseconds since 1970.
        epoch_us = round((time.time() + start - time.monotonic()) * 1e6)
        self.links = []
        for number, one in enumerate(plan.devices):
            begins_s = one.begins_s - one.backlog * plan.templates.packet_s
            device = VirtualDevice(
                one,
                plan.templates,
                begins=start + begins_s,
                t0_us=epoch_us + round(begins_s * 1e6),
            )
            kind = plan.templates.media_type
            self.links.append(_Link(number, device, plan.port, kind))
        self.outcome = LoadOutcome(
            begins=[link.device.begins for link in self.links],
            acked=[link.device.acked for link in self.links],
            ended=self.end,
        )
        self._selector = selectors.DefaultSelector()
        # When a device is to be looked at: (time, its number, whether it records).
        self._agenda: list[tuple[float, int, bool]] = []

    def run(self) -> LoadOutcome:
        """Send until the time is over and all is answered, or ``drain_s`` have gone."""
        for number, link in enumerate(self.links):
            backlog = link.device.plan.backlog
            if backlog:
                link.device.record(backlog)
                self._agenda.append((link.device.due(backlog - 1), number, False))
            else:
                self._agenda.append((link.device.due(0), number, True))
        heapify(self._agenda)
        next_look = time.monotonic() + 1
        while True:
            now = time.monotonic()
            self._keep_agenda(now)
            if now >= next_look:
                self._give_up(now)
                next_look = now + 1
                if now > self.end and (
                    now > self.end + self.plan.drain_s or self._is_answered()
                ):
                    break
            first = self._agenda[0][0] if self._agenda else next_look
            wait = min(first, next_look) - time.monotonic()
            for key, events in self._selector.select(max(0.0, wait)):
                self._serve(key.data, events)
        self.outcome.ended = time.monotonic()
        for link in self.links:
            self._end_wait(link, self.outcome.ended)
            link.close(self._selector)
        self._selector.close()
        return self.outcome

    def _keep_agenda(self, now: float) -> None:
        while self._agenda and self._agenda[0][0] <= now:
            at, number, records = heappop(self._agenda)
            device = self.links[number].device
            if records:
                device.record()
                after = device.due(device.recorded)
                if after <= self.end:
                    heappush(self._agenda, (after, number, True))
                if not device.in_flight and now >= device.wait_until:
                    self.outcome.slip_ms.append(1000 * (time.monotonic() - at))
            self._send(number)

    def _send(self, number: int) -> None:
        link = self.links[number]
        now = time.monotonic()
        body = link.device.next_body(now)
        if not body:
            return
        link.sent_at = now
        link.first_tried_at = link.first_tried_at or now
        batch = len(link.device.in_flight)
        self.outcome.largest_batch = max(self.outcome.largest_batch, batch)
        try:
            link.send(body, self._selector)
        except OSError:
            # The server had closed the idle connection, or is away.
            self._broken(link)

    def _serve(self, link: _Link, events: int) -> None:
        try:
            if link.outgoing and events & selectors.EVENT_WRITE:
                link.flush()
                if not link.outgoing and link.socket is not None:
                    self._selector.modify(link.socket, selectors.EVENT_READ, link)
            if not events & selectors.EVENT_READ:
                return
            answer = link.receive()
        except OSError:
            self._broken(link)
            return
        if answer:
            self._answered(link, answer)

    def _answered(self, link: _Link, answer: bytes) -> None:
        now, told = time.monotonic(), self.outcome
        status = int(answer[9:12])
        if status >= 500:
            told.failed_requests += 1
        else:
            self._end_wait(link, now)
        if status != 200:
            told.statuses[str(status)] += 1
            told.first_refusal = told.first_refusal or answer.decode(errors="replace")
        link.device.answered(status, answer, now, told.verdicts)
        if ends_connection(answer):
            link.close(self._selector)
        self._again(link)

    def _broken(self, link: _Link) -> None:
        was_waiting = bool(link.device.in_flight)
        link.close(self._selector)
        self.outcome.reconnects += 1
        if was_waiting:
            self.outcome.failed_requests += 1
            link.device.failed(time.monotonic())
            self._again(link)

    def _end_wait(self, link: _Link, now: float) -> None:
        # A try that fails at once is no fast answer: the next one goes on waiting.
        if link.first_tried_at:
            self.outcome.sent.append(link.first_tried_at)
            self.outcome.reply_ms.append(1000 * (now - link.first_tried_at))
        link.first_tried_at = 0.0

    def _again(self, link: _Link) -> None:
        if link.device.wait_until > time.monotonic():
            heappush(self._agenda, (link.device.wait_until, link.number, False))
        else:
            self._send(link.number)

    def _give_up(self, now: float) -> None:
        for link in self.links:
            if link.device.in_flight and now > link.sent_at + ANSWER_S:
                self.outcome.timeouts += 1
                self._broken(link)

    def _is_answered(self) -> bool:
        return not any(link.device.unsettled for link in self.links)


def generate(pipe: Connection, plan: LoadPlan) -> LoadOutcome:
    """Wait for the start (a monotonic time), then send."""
    pipe.send("ready")
    start: float = pipe.recv()
    # A collection would look at every packet.
    gc.collect()
    gc.disable()
    return Generator(plan, start).run()
