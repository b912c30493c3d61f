"""A device's own decisions: what to send next, and what an answer means."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from math import ceil, nan
from random import Random

from bench.live.plan import DevicePlan, Templates

# As firmware/ and devices/simulator do: what is fresh goes first, then the oldest.
FRESH_S = 5.0
BATCH_PACKETS = 20
BACKOFF_MOST_S = 30.0
STORED = frozenset({"stored", "duplicate"})


class VirtualDevice:
    """Packets that are recorded by the clock and kept until the server has them.

    ``acked`` holds for each ``seq`` the time of its ack; NaN: none, or refused.
    """

    def __init__(
        self, plan: DevicePlan, templates: Templates, *, begins: float, t0_us: int
    ) -> None:
        self.plan = plan
        self.begins = begins
        self.recorded = 0
        self.acked: array[float] = array("d")
        self.in_flight: list[int] = []
        self.wait_until = 0.0
        self._templates = templates
        self._t0_us = t0_us
        self._settled = bytearray()
        self._oldest = 0
        self._fresh = ceil(FRESH_S / templates.packet_s)
        self._failures = 0
        self._rng = Random(plan.token)

    def due(self, seq: int) -> float:
        """Return when the last sample of a packet is recorded."""
        return self.begins + (seq + 1) * self._templates.packet_s

    def record(self, packets: int = 1) -> None:
        """Keep the next packets."""
        self.recorded += packets
        self.acked.extend([nan] * packets)
        self._settled.extend(bytes(packets))

    @property
    def unsettled(self) -> bool:
        """Tell whether the server has still to answer for a packet."""
        return self._settled.find(0, self._oldest) >= 0

    def next_body(self, now: float) -> bytes:
        """Choose the next packets and return them encoded; empty: nothing to send."""
        if self.in_flight or now < self.wait_until:
            return b""
        self.in_flight = self._choose()
        if not self.in_flight:
            return b""
        plan = self.plan
        return self._templates.body(
            plan.stream, self.in_flight, plan.first_part, self._t0_us
        )

    def _choose(self) -> list[int]:
        settled = self._settled
        self._oldest = settled.find(0, self._oldest)
        if self._oldest < 0:
            self._oldest = self.recorded
            return []
        if not self.plan.backlog:
            start = max(self._oldest, self.recorded - self._fresh)
            fresh = [seq for seq in range(start, self.recorded) if not settled[seq]]
            if fresh:
                return fresh[:BATCH_PACKETS]
        chosen = []
        seq = self._oldest
        while seq >= 0 and len(chosen) < BATCH_PACKETS:
            chosen.append(seq)
            seq = settled.find(0, seq + 1)
        return chosen

    def failed(self, now: float) -> None:
        """No answer, or that of a server in trouble: wait longer each time."""
        self.in_flight = []
        self.wait_until = now + self._rng.uniform(
            0, min(BACKOFF_MOST_S, 2.0**self._failures)
        )
        self._failures = min(self._failures + 1, 5)

    def answered(
        self, status: int, answer: bytes, now: float, verdicts: Counter[str]
    ) -> None:
        """Note what the server says of the packets in flight.

        A packet that it will not have is not sent again; ``verdicts`` counts it.
        """
        if status == 429:
            self.in_flight = []
            self.wait_until = now + (_retry_after_s(answer) or 1.0)
            return
        if status == 408 or status >= 500:
            self.failed(now)
            return
        seqs, self.in_flight, self._failures = self.in_flight, [], 0
        if status == 200:
            for seq in seqs:
                self.acked[seq] = now
                self._settled[seq] = 1
            return
        results = _verdicts(answer) if status == 207 else {}
        for seq in seqs:
            result = results.get(seq, f"status {status}")
            self._settled[seq] = 1
            if result in STORED:
                self.acked[seq] = now
            else:
                verdicts[result] += 1


def _verdicts(answer: bytes) -> dict[int, str]:
    said = json.loads(answer.partition(b"\r\n\r\n")[2])
    return {one["seq"]: one["result"] for one in said["packets"]}


def _retry_after_s(answer: bytes) -> float:
    head = answer.partition(b"\r\n\r\n")[0].lower()
    _, found, rest = head.partition(b"\r\nretry-after:")
    return float(rest.split(b"\r", 1)[0]) if found else 0.0
