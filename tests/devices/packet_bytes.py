"""A binary packet field by field, written without the codec that it is to test."""

import struct
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

STREAM = "5f0c9a1e77b24d10"
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")
FLAGS = ("lead_off", "clip", "noisy", "charging", "clock_set")
CODINGS = ("int16", "delta")
STATUS = ("battery_percent", "rssi_dbm", "firmware", "backlog")

# struct's letters in the order of the header; x is a byte that means nothing.
LAYOUT = {
    "magic": "4s",
    "version": "B",
    "coding": "B",
    "header_bytes": "H",
    "packet_bytes": "I",
    "seq": "I",
    "stream": "8s",
    "first_sample": "Q",
    "at_us": "q",
    "mono_ms": "Q",
    "gain": "d",
    "baseline": "i",
    "n": "I",
    "lost_before": "Q",
    "samples_crc": "I",
    "fs": "H",
    "flags": "H",
    "present": "B",
    "lead_count": "B",
    "marker": "B",
    "battery_percent": "B",
    "rssi_dbm": "h",
    "firmware_bytes": "B",
    "reserved": "B",
    "backlog": "I",
}


def packet(seq: int = 0, **fields: Any) -> dict[str, Any]:
    """Return a packet as the JSON protocol has it: the least that is allowed."""
    usual = {"stream": STREAM, "seq": seq, "first_sample": 10 * seq, "fs": 100}
    usual |= {"leads": ["I"], "gain": 1000.0, "baseline": 0}
    usual["samples"] = [0, 3, 8, 120, 900, 700, -150, -20, -2, 0]
    return usual | fields


def delta(samples: Sequence[int], leads: int) -> bytes:
    """Return steps as int8, then those that do not fit as int16."""
    small, wide = b"", b""
    for i, sample in enumerate(samples):
        before = samples[i - leads] if i >= leads else 0
        step = (sample - before + 2**15) % 2**16 - 2**15
        fits = -127 <= step <= 127
        small += struct.pack("<b", step if fits else -128)
        wide += b"" if fits else struct.pack("<h", step)
    return small + wide


def written(
    fields: dict[str, Any],
    coding: str = "int16",
    /,
    *,
    payload: bytes | None = None,
    extra: bytes = b"",
    **wrong: Any,
) -> bytes:
    """Return the bytes of a packet; ``wrong`` are header fields that are to differ."""
    samples, leads = fields.get("samples") or [], fields["leads"]
    status = fields.get("status") or {}
    raw = struct.pack(f"<{len(samples)}h", *samples)
    if payload is None:
        payload = raw if coding == "int16" else delta(samples, len(leads))
    firmware = (status.get("firmware") or "").encode("latin-1")
    tail = b"".join(name.encode("latin-1").ljust(8, b"\0") for name in leads)
    tail += firmware + extra
    header_bytes = struct.calcsize("<" + "".join(LAYOUT.values())) + len(tail) + 4
    at, mono_ms = fields.get("at"), fields.get("mono_ms")
    present = [at, mono_ms, *(status.get(name) for name in STATUS)]
    at_us = 0
    if at is not None:
        at_us = (datetime.fromisoformat(at) - EPOCH) // timedelta(microseconds=1)
    values = {
        "magic": b"\x89TCP",
        "version": 1,
        "coding": CODINGS.index(coding),
        "header_bytes": header_bytes,
        "packet_bytes": header_bytes + len(payload),
        "seq": fields["seq"],
        "stream": bytes.fromhex(fields["stream"]),
        "first_sample": fields["first_sample"],
        "at_us": at_us,
        "mono_ms": mono_ms or 0,
        "gain": fields["gain"],
        "baseline": fields["baseline"],
        "n": len(samples) // max(1, len(leads)),
        "lost_before": fields.get("lost_before", 0),
        "samples_crc": crc32(raw),
        "fs": fields["fs"],
        "flags": sum(1 << FLAGS.index(flag) for flag in fields.get("flags", [])),
        "present": sum(1 << bit for bit, v in enumerate(present) if v is not None),
        "lead_count": len(leads),
        "marker": int(fields.get("marker", False)),
        "battery_percent": status.get("battery_percent", 0),
        "rssi_dbm": status.get("rssi_dbm", 0),
        "firmware_bytes": len(firmware),
        "reserved": 0,
        "backlog": status.get("backlog", 0),
    } | wrong
    fixed = b"".join(struct.pack("<" + LAYOUT[k], v) for k, v in values.items())
    header = fixed + tail
    return header + struct.pack("<I", crc32(header)) + payload
