"""How a virtual device writes the body of an upload."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from devices import codec
from devices.simulator.packet import Packet, encode_json
from devices.simulator.source import SignalSource


@dataclass(frozen=True)
class BodyFormat:
    """A wire format; a packet of n values takes at most ``packet_bytes(n)``."""

    media_type: str
    encode: Callable[[Sequence[Packet], SignalSource, dict[str, Any]], bytes]
    fixed_bytes: int
    value_bytes: int

    def packet_bytes(self, values: int) -> int:
        """Return what a packet of so many samples of all leads takes at most."""
        return self.fixed_bytes + self.value_bytes * values


def encode_binary(
    packets: Sequence[Packet], source: SignalSource, status: dict[str, Any]
) -> bytes:
    """Return the body of one upload; the last packet carries the device's status."""
    said = [None] * (len(packets) - 1) + [codec.Status(**status)]
    return codec.encode_binary(
        codec.Packet(
            stream=packet.stream,
            seq=packet.seq,
            first_sample=packet.first_sample,
            fs=source.fs,
            leads=source.leads,
            gain=source.gain,
            baseline=source.baseline,
            samples=packet.adu.ravel(),
            # The clock of a device counts milliseconds, as it does in JSON.
            at=packet.at.astimezone(UTC).replace(
                microsecond=packet.at.microsecond // 1000 * 1000
            ),
            mono_ms=packet.mono_ms,
            flags=packet.flags,
            status=of_packet,
        )
        for packet, of_packet in zip(packets, said, strict=True)
    )


JSON = BodyFormat(codec.JSON_TYPE, encode_json, fixed_bytes=400, value_bytes=7)
BINARY = BodyFormat(codec.BINARY_TYPE, encode_binary, fixed_bytes=240, value_bytes=2)
FORMATS = {"json": JSON, "binary": BINARY}
