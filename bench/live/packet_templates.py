"""Packets encoded beforehand by the platform's codec, but for number, place and time.

A thousand devices share one signal, each elsewhere in it, so each of its parts is
encoded once. Sending one is then a matter of microseconds.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from bench.live.plan import Templates
from devices.codec import BINARY_TYPE, JSON_TYPE
from devices.codec.framing import CRC_BYTES, sealed
from devices.simulator.body_format import encode_binary
from devices.simulator.packet import Packet, encode_json
from devices.simulator.source import SignalSource

STATUS = {"battery_percent": 81, "rssi_dbm": -61, "firmware": "1.2.0", "backlog": 0}
_BOOT_MS = 1500
# docs/protocol.md: seq, stream, first_sample, at and mono_ms stand at 12 to 48.
_PLACE = struct.Struct("<I8sQqQ")
_PLACE_AT = 12
_PLACE_END = _PLACE_AT + _PLACE.size
_HEADER_BYTES = struct.Struct("<6xH")


@dataclass(frozen=True)
class _Cut:
    """A binary packet around its place in the stream."""

    before: bytes
    after: bytes
    payload: bytes

    @classmethod
    def of(cls, packet: bytes) -> _Cut:
        (header_bytes,) = _HEADER_BYTES.unpack_from(packet)
        return cls(
            packet[:_PLACE_AT],
            packet[_PLACE_END : header_bytes - CRC_BYTES],
            packet[header_bytes:],
        )


@dataclass(frozen=True)
class BinaryTemplates:
    """Binary packets; the last of a body carries the device's status."""

    packet_samples: int
    packet_s: float
    plain: list[_Cut]
    with_status: list[_Cut]
    media_type: str = BINARY_TYPE

    def body(self, stream: str, seqs: list[int], first_part: int, t0_us: int) -> bytes:
        """Return the body of one upload (see :class:`Templates`)."""
        name, last = bytes.fromhex(stream), seqs[-1]
        pieces = []
        for seq in seqs:
            cuts = self.with_status if seq == last else self.plain
            cut = cuts[(first_part + seq) % len(cuts)]
            ms = round(seq * self.packet_s * 1000)
            place = _PLACE.pack(
                seq,
                name,
                seq * self.packet_samples,
                t0_us // 1000 * 1000 + ms * 1000,
                _BOOT_MS + ms,
            )
            pieces += (sealed(cut.before + place + cut.after), cut.payload)
        return b"".join(pieces)


@dataclass(frozen=True)
class JsonTemplates:
    """JSON packets; the last of a body carries the device's status."""

    packet_samples: int
    packet_s: float
    plain: list[bytes]
    with_status: list[bytes]
    media_type: str = JSON_TYPE

    def body(self, stream: str, seqs: list[int], first_part: int, t0_us: int) -> bytes:
        """Return the body of one upload (see :class:`Templates`)."""
        last = seqs[-1]
        pieces = []
        for seq in seqs:
            ends = self.with_status if seq == last else self.plain
            ms = round(seq * self.packet_s * 1000)
            at = datetime.fromtimestamp((t0_us // 1000 + ms) / 1000, UTC)
            place = (
                f'{{"stream":"{stream}","seq":{seq},'
                f'"first_sample":{seq * self.packet_samples},'
                f'"at":"{at.isoformat(timespec="milliseconds")[:-6]}Z",'
                f'"mono_ms":{_BOOT_MS + ms},'
            )
            pieces.append(place.encode() + ends[(first_part + seq) % len(ends)])
        if len(pieces) == 1:
            return pieces[0]
        return b'{"packets":[' + b",".join(pieces) + b"]}"


def make_templates(source: SignalSource, *, packet_s: float, form: str) -> Templates:
    """Encode every packet of the signal, which is a whole number of packets long."""
    n = round(packet_s * source.fs)
    parts = source.adu.reshape(-1, n, 1)
    if form == "json":
        plain, told = (_json(parts, source, status) for status in (None, STATUS))
        return JsonTemplates(n, packet_s, plain, told)
    cuts, with_status = (_binary(parts, source, status) for status in (None, STATUS))
    return BinaryTemplates(n, packet_s, cuts, with_status)


def whole_packets(adu: NDArray[np.int16], packet_samples: int) -> NDArray[np.int16]:
    """Return int16[n, 1]: the beginning that is a whole number of packets."""
    return adu[: len(adu) // packet_samples * packet_samples].reshape(-1, 1)


def _blank(adu: NDArray[np.int16]) -> Packet:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Packet(0, "0" * 16, 0, 0, adu, at, 0, ())


def _binary(
    parts: NDArray[np.int16], source: SignalSource, status: dict[str, object] | None
) -> list[_Cut]:
    encode = encode_binary
    return [_Cut.of(encode([_blank(adu)], source, status or {})) for adu in parts]


def _json(
    parts: Sequence[NDArray[np.int16]],
    source: SignalSource,
    status: dict[str, object] | None,
) -> list[bytes]:
    made = []
    for adu in parts:
        packet = json.loads(encode_json([_blank(adu)], source, status or {}))
        for name in ("stream", "seq", "first_sample", "at", "mono_ms"):
            del packet[name]
        if status is None:
            del packet["status"]
        made.append(json.dumps(packet, separators=(",", ":"))[1:].encode())
    return made
