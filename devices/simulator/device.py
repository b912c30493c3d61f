"""A device without a network: what it sends next and what it learns from replies.

Nothing here waits, opens a socket or looks at a clock: ``now`` is an argument, in
seconds of any monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

from devices.simulator.backlog import Backlog
from devices.simulator.body_format import JSON, BodyFormat
from devices.simulator.counters import Counters, DeviceSummary
from devices.simulator.faults import Faults
from devices.simulator.packet import Packet
from devices.simulator.recorder import Recorder
from devices.simulator.source import SignalSource

FIRMWARE = "sim-1"
BATCH_PACKETS = 30
BODY_BYTES = 900_000
BACKOFF_MOST_S = 60.0
PROBE_S = 3600.0
POISON_TRIES = 3

RECORDING = "recording"
NO_ANSWER = "no answer"
OVER_BUDGET = "over budget"
NO_PATIENT = "no patient"
PAIR_AGAIN = "pair again"


@dataclass(frozen=True)
class Request:
    """Packets of one stream that go out in one upload."""

    stream: str
    packets: tuple[Packet, ...]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What the server said: status, JSON body if any, seconds of ``Retry-After``."""

    status: int
    body: dict[str, Any]
    retry_after_s: float | None = None


class VirtualDevice:
    """One device that keeps every packet until the server has answered for it.

    One request is under way at a time. ``live_s`` seconds of fresh signal go before
    the backlog; 0 sends strictly the oldest first.
    """

    def __init__(
        self,
        *,
        serial: str,
        source: SignalSource,
        start_at: datetime,
        packet_s: float = 1.0,
        total_s: float | None = None,
        faults: Faults | None = None,
        live_s: float = 5.0,
        backoff_s: float = 1.0,
        probe_s: float = PROBE_S,
        seed: int = 0,
        body_format: BodyFormat = JSON,
    ) -> None:
        self.serial = serial
        self.source = source
        self.faults = faults or Faults()
        self.recorder = Recorder(
            source,
            start_at=start_at,
            packet_s=packet_s,
            total_s=total_s,
            clock_error_s=self.faults.clock_error_s,
        )
        self.live_s = live_s
        self.backoff_s = backoff_s
        self.probe_s = probe_s
        self.body_format = body_format
        self.backlog = Backlog()
        self.counters = Counters()
        self.state = RECORDING
        self.last_error = ""
        self._rng = Random(f"{seed} {serial}")
        self._wait_until = 0.0
        self._probe_at = 0.0
        self._failures = 0
        values = self.recorder.packet_samples * len(source.leads)
        packet_bytes = body_format.packet_bytes(values)
        self._most = max(1, min(BATCH_PACKETS, BODY_BYTES // packet_bytes))
        self._one_by_one = False

    @property
    def offline(self) -> bool:
        """Tell whether the network is away by script; it is back at the end."""
        done = self.recorder.done
        return not done and self.faults.offline_at(self.recorder.signal_s)

    @property
    def finished(self) -> bool:
        """Tell whether all is recorded and answered for."""
        return self.recorder.done and not len(self.backlog)

    def record(self, until_s: float) -> None:
        """Record every packet that is complete at second ``until_s`` of the signal."""
        for packet in self.recorder.record(until_s):
            self.backlog.add(packet)
            self.counters.packets_recorded += 1
            self.counters.samples_recorded += packet.n
        self.counters.pending = len(self.backlog)

    def next_request(self, now: float) -> Request | None:
        """Choose what to send now, if anything."""
        if now < self._wait_until or self.offline:
            return None
        if now >= self._probe_at:
            self.backlog.release()
        packets = self._choose(1 if self._one_by_one else self._most)
        if not packets:
            return None
        for packet in packets:
            self.counters.samples_sent += 0 if packet.sent else packet.n
            packet.sent = True
        self.counters.requests += 1
        self.counters.packets_sent += len(packets)
        body = self.body_format.encode(packets, self.source, self._status())
        return Request(packets[0].stream, tuple(packets), body)

    def wait_s(self, now: float) -> float:
        """Seconds for which the device has decided to send nothing."""
        probes = self.recorder.done and not self.backlog.waiting and len(self.backlog)
        until = self._probe_at if probes else 0.0
        return max(0.0, self._wait_until - now, until - now)

    def failed(self, request: Request, error: str, now: float) -> None:
        """No answer came: keep the packets and wait, longer each time, with jitter."""
        for packet in request.packets:
            packet.unsure = True
        self._back_off(error, now)

    def answered(self, request: Request, reply: Reply, now: float) -> None:
        """Do what the protocol's table says for this reply."""
        status, packets = reply.status, request.packets
        if self.state == NO_ANSWER and status < 500:
            self.counters.reconnects += 1
            self.state = RECORDING
        code = str(reply.body.get("code", ""))
        error = str(reply.body.get("detail") or code or f"HTTP {status}")
        if status in (200, 207, 409):
            self._judged(request, reply, now)
        elif status == 401:
            self._pause(PAIR_AGAIN, error, now)
        elif status == 429:
            self._wait_until = now + (reply.retry_after_s or 1.0)
            self.state, self.last_error = OVER_BUDGET, error
        elif status in (408, 413) and len(packets) > 1:
            self._most, self.last_error = len(packets) // 2, error
        elif status in (400, 422) and len(packets) > 1:
            self._one_by_one, self.last_error = True, error
        elif status == 400 and packets[0].tries < POISON_TRIES - 1:
            packets[0].tries += 1
            self._back_off(error, now)
        elif status in (400, 413, 415, 422):
            for packet in packets:
                self._drop(packet, error)
        else:
            self.failed(request, error, now)
        self.counters.pending = len(self.backlog)

    def summary(self) -> DeviceSummary:
        """Say how it went so far."""
        return DeviceSummary(
            serial=self.serial,
            signal=self.source.name,
            state="offline" if self.offline else self.state,
            last_error=self.last_error,
            streams=tuple(self.recorder.streams),
            sha256=self.recorder.sha256,
            counters=self.counters,
        )

    def _choose(self, most: int) -> list[Packet]:
        if self.faults.shuffle:
            enough = self.recorder.done or self.backlog.waiting >= 8
            return self.backlog.some(min(4, most), self._rng) if enough else []
        if self.live_s:
            fresh = self.recorder.position - round(self.live_s * self.source.fs)
            if packets := self.backlog.since(fresh, most):
                return packets
        return self.backlog.oldest(most)

    def _status(self) -> dict[str, Any]:
        return {
            "battery_percent": max(1, 97 - int(self.recorder.signal_s / 900)),
            "rssi_dbm": -58 - self._rng.randrange(8),
            "firmware": FIRMWARE,
            "backlog": max(0, len(self.backlog) - 1),
        }

    def _judged(self, request: Request, reply: Reply, now: float) -> None:
        verdicts = {one.get("seq"): one for one in reply.body.get("packets") or ()}
        # Without a verdict per packet, the code of a 409 speaks of all of them.
        of_all = {"result": reply.body.get("code")} if reply.status == 409 else {}
        self.state, self._failures = RECORDING, 0
        refused: list[Packet] = []
        unworn = unknown = 0
        for packet in request.packets:
            verdict = verdicts.get(packet.seq, of_all)
            match verdict.get("result"):
                case "stored" | "duplicate" | "conflict" as result:
                    self._settled(packet, result)
                case "invalid":
                    self._drop(packet, str(verdict.get("error", "invalid")))
                case "stream_changed":
                    packet.unsure = False
                    refused.append(packet)
                case "no_patient":
                    packet.unsure = False
                    unworn += 1
                    self._probe_at = now + self.probe_s
                    self.backlog.hold(packet)
                case _:
                    unknown += 1
        if refused:
            self._leave_stream(request.stream, refused, now)
        if unknown:
            self._back_off(f"{unknown} packets without a verdict", now)
        newest = max(packet.position + packet.n for packet in request.packets)
        # Old packets may lie before the patient's time: fresh ones still go on.
        if unworn == len(request.packets) and newest >= self.recorder.position:
            self._pause(NO_PATIENT, "no patient wears the device", now)

    def _settled(self, packet: Packet, result: str) -> None:
        self.counters.stored += result != "conflict"
        self.counters.repeated += result == "duplicate"
        self.counters.conflicts += result == "conflict"
        self.counters.samples_stored += 0 if result == "conflict" else packet.n
        self.backlog.remove(packet)
        # The poisonous packet was not among them after all.
        self._one_by_one = self._one_by_one and self.backlog.waiting > 0

    def _leave_stream(self, stream: str, refused: list[Packet], now: float) -> None:
        """Send refused packets, and what follows them, in a new stream.

        The server ends a stream where somebody else begins to wear the device;
        earlier packets still belong to it. A packet sent without an answer may be
        stored under its old key: it keeps that until it is refused itself.
        """
        first = min(packet.seq for packet in refused)
        if first == 0:
            # Even its first packet is refused: do not open streams in a hot loop.
            self._back_off("a new stream was refused", now)
        later = [
            packet
            for packet in self.backlog.of_stream(stream)
            if packet.seq >= first and not packet.unsure
        ]
        self.recorder.renumber(later)
        self.counters.new_streams += 1

    def _drop(self, packet: Packet, error: str) -> None:
        self.counters.invalid += 1
        self.last_error = error
        self._one_by_one = False
        self.backlog.remove(packet)

    def _pause(self, state: str, error: str, now: float) -> None:
        self._wait_until = now + self.probe_s
        self.state, self.last_error = state, error

    def _back_off(self, error: str, now: float) -> None:
        most = min(BACKOFF_MOST_S, self.backoff_s * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._wait_until = now + self._rng.uniform(0, most)
        self.state, self.last_error = NO_ANSWER, error
