"""Packets as a device keeps them, and as JSON on the wire."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from devices.simulator.source import Adu, SignalSource


@dataclass(slots=True)
class Packet:
    """Some signal in its stream; kept until the server has answered for it.

    ``position`` is the index of the first sample since the device started, and
    ``first_sample`` the same in the packet's stream.
    """

    position: int
    stream: str
    seq: int
    first_sample: int
    adu: Adu
    at: datetime
    mono_ms: int
    flags: tuple[str, ...]
    sent: bool = False
    # Sent without an answer: the server may have stored it already.
    unsure: bool = False
    tries: int = 0

    @property
    def n(self) -> int:
        """Samples per lead."""
        return len(self.adu)


def encode_json(
    packets: Sequence[Packet], source: SignalSource, status: dict[str, Any]
) -> bytes:
    """Return the body of one upload; the last packet carries the device's status."""
    bodies = [_body(packet, source) for packet in packets]
    if bodies:
        bodies[-1]["status"] = status
    whole = bodies[0] if len(bodies) == 1 else {"packets": bodies}
    return json.dumps(whole, separators=(",", ":")).encode()


def _body(packet: Packet, source: SignalSource) -> dict[str, Any]:
    at = packet.at.astimezone(UTC).isoformat(timespec="milliseconds")
    return {
        "stream": packet.stream,
        "seq": packet.seq,
        "first_sample": packet.first_sample,
        "fs": source.fs,
        "leads": list(source.leads),
        "gain": source.gain,
        "baseline": source.baseline,
        "samples": packet.adu.ravel().tolist(),
        "at": at.replace("+00:00", "Z"),
        "mono_ms": packet.mono_ms,
        "flags": list(packet.flags),
        "lost_before": 0,
        "marker": False,
    }
