"""The fields in the header of a binary packet of version 1.

The offsets stand in docs/protocol.md; :mod:`devices.codec.framing` reads the first
24 bytes, which are the same in every version.
"""

import struct
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from devices.codec import packet_fields as check
from devices.codec.errors import PacketError
from devices.codec.framing import CRC_BYTES, MAGIC, sealed
from devices.codec.packet import Packet, Status
from devices.codec.sample_coding import Coding

VERSION = 1
FIXED_BYTES = 92
LEAD_BYTES = 8
_READ = struct.Struct("<5xB18xQqQdiIQIHHBBBBhBxI")
_WRITE = struct.Struct("<4sBBHII8sQqQdiIQIHHBBBBhBxI")

# Bits of ``present``.
AT, MONO_MS, BATTERY, RSSI, FIRMWARE, BACKLOG = (1 << bit for bit in range(6))
_STATUS = BATTERY | RSSI | FIRMWARE | BACKLOG
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FLAG_SETS = [
    tuple(flag for bit, flag in enumerate(check.FLAGS) if bits >> bit & 1)
    for bits in range(1 << len(check.FLAGS))
]


class Header(NamedTuple):
    """The fields of a header as they stand in the packet, none of them checked."""

    coding: int
    first_sample: int
    at_us: int
    mono_ms: int
    gain: float
    baseline: int
    n: int
    lost_before: int
    samples_crc: int
    fs: int
    flags: int
    present: int
    leads: int
    marker: int
    battery_percent: int
    rssi_dbm: int
    firmware_bytes: int
    backlog: int


def read_header(body: bytes, start: int, end: int) -> Header:
    """Return the header in the body's bytes ``start`` to ``end``."""
    room = end - start - FIXED_BYTES - CRC_BYTES
    header = Header._make(_READ.unpack_from(body, start)) if room >= 0 else None
    if header is None or room < LEAD_BYTES * header.leads + header.firmware_bytes:
        text = "the header is too short for its fields"
        raise PacketError("header_bytes", "count", text)
    return header


def lead_names(body: bytes, start: int, header: Header) -> tuple[str, ...]:
    """Return the names of the leads of the packet that begins at ``start``."""
    names_at = start + FIXED_BYTES
    return _lead_names(body[names_at : names_at + LEAD_BYTES * header.leads])


def clock(header: Header) -> datetime | None:
    """Return the UTC time of the first sample, if the device knows it."""
    if not header.present & AT:
        return None
    try:
        return _EPOCH + timedelta(0, 0, header.at_us)
    except OverflowError:
        # Beyond the calendar is no clock time: as if there were none.
        return None


def mono_ms(header: Header) -> int | None:
    """Return what the clock that never jumps said, if the device has one."""
    if not header.present & MONO_MS:
        return None
    return check.within("mono_ms", header.mono_ms, 0, check.MAX_MONO_MS)


def marker(header: Header) -> bool:
    """Tell whether the button was pressed during the packet."""
    if header.marker > 1:
        raise PacketError("marker", "type", "must be 0 or 1")
    return header.marker == 1


def flags(header: Header) -> tuple[str, ...]:
    """Return the flags that are set."""
    if header.flags >= len(_FLAG_SETS):
        text = f"bits {len(check.FLAGS)} to 15 mean nothing yet and must be 0"
        raise PacketError("flags", "format", text)
    return _FLAG_SETS[header.flags]


def status(body: bytes, start: int, header: Header) -> Status | None:
    """Return what the device says of itself; None if it says nothing."""
    present = header.present
    if not present & _STATUS:
        return None
    battery_percent = rssi_dbm = firmware = backlog = None
    if present & BATTERY:
        battery_percent = check.within(
            "status.battery_percent", header.battery_percent, *check.BATTERY_PERCENT
        )
    if present & RSSI:
        rssi_dbm = check.within("status.rssi_dbm", header.rssi_dbm, *check.RSSI_DBM)
    if present & FIRMWARE:
        at = start + FIXED_BYTES + LEAD_BYTES * header.leads
        firmware = _firmware(body[at : at + header.firmware_bytes])
    if present & BACKLOG:
        backlog = check.within("status.backlog", header.backlog, *check.BACKLOG)
    return Status(battery_percent, rssi_dbm, firmware, backlog)


def write_header(packet: Packet, *, coding: Coding, payload_bytes: int) -> bytes:
    """Return the whole header of a packet, with its CRC."""
    said = packet.status or Status()
    firmware = (said.firmware or "").encode("ascii")
    names = b"".join(
        name.encode("ascii").ljust(LEAD_BYTES, b"\0") for name in packet.leads
    )
    header_bytes = FIXED_BYTES + len(names) + len(firmware) + CRC_BYTES
    fixed = _WRITE.pack(
        MAGIC,
        VERSION,
        coding,
        header_bytes,
        header_bytes + payload_bytes,
        packet.seq,
        bytes.fromhex(packet.stream),
        packet.first_sample,
        0 if packet.at is None else (packet.at - _EPOCH) // _MICROSECOND,
        packet.mono_ms or 0,
        packet.gain,
        packet.baseline,
        packet.n,
        packet.lost_before,
        packet.crc,
        packet.fs,
        sum(1 << check.FLAGS.index(flag) for flag in packet.flags),
        _present(packet, said),
        len(packet.leads),
        packet.marker,
        said.battery_percent or 0,
        said.rssi_dbm or 0,
        len(firmware),
        said.backlog or 0,
    )
    return sealed(fixed + names + firmware)


def _present(packet: Packet, said: Status) -> int:
    values: dict[int, Any] = {
        AT: packet.at,
        MONO_MS: packet.mono_ms,
        BATTERY: said.battery_percent,
        RSSI: said.rssi_dbm,
        FIRMWARE: said.firmware,
        BACKLOG: said.backlog,
    }
    return sum(bit for bit, value in values.items() if value is not None)


# The packets of a stream, and most devices, name the same leads.
@lru_cache(maxsize=1024)
def _lead_names(raw: bytes) -> tuple[str, ...]:
    names = [
        raw[at : at + LEAD_BYTES].rstrip(b"\0").decode("latin-1")
        for at in range(0, len(raw), LEAD_BYTES)
    ]
    return check.leads({"leads": names})


@lru_cache(maxsize=1024)
def _firmware(raw: bytes) -> str | None:
    said = check.status({"status": {"firmware": raw.decode("latin-1")}})
    return said.firmware if said else None
