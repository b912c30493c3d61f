"""Bodies of binary packets, to test the codec and any firmware by.

``python -m tests.devices.golden_packets`` writes tests/data/packets/: one .bin file
per body, and packets.json, which says what each must decode to.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.devices.packet_bytes import FLAGS, packet, written

FOLDER = Path(__file__).resolve().parents[1] / "data" / "packets"
EXAMPLE = packet(
    17, first_sample=170, at="2026-11-23T10:00:34.000Z", mono_ms=34012, baseline=40
)
FULL = packet(
    5,
    at="2026-11-23T10:00:34.000001Z",
    mono_ms=2**40 - 1,
    flags=list(FLAGS),
    lost_before=2**40 - 1,
    marker=True,
    status={
        "battery_percent": 100,
        "rssi_dbm": -200,
        "firmware": "1.2.0-rc1 (esp32)",
        "backlog": 2**31 - 1,
    },
)
JUMPS = [0, 127, 0, -127, 1, -127, 1, 128, -1, -129, 32767, -32768, 32767, 0, -32768]
TWELVE = ["I", "II", "III", "aVR", "aVL", "aVF", *[f"V{i}-lead{i}" for i in range(6)]]

VALID: dict[str, tuple[dict[str, Any], str]] = {
    "int16": (packet(), "int16"),
    "delta": (packet(), "delta"),
    "example": (EXAMPLE, "delta"),
    "int16-jumps": (packet(samples=JUMPS), "int16"),
    "delta-jumps": (packet(samples=JUMPS), "delta"),
    "int16-three-leads": (
        packet(leads=["I", "II", "V1"], samples=[7 * i - 90 for i in range(30)]),
        "int16",
    ),
    "delta-three-leads": (
        packet(
            leads=["I", "II", "V1"],
            samples=[v for i in range(10) for v in (i, 300 * i, -(2**i))],
        ),
        "delta",
    ),
    "delta-twelve-leads": (
        packet(leads=TWELVE, samples=[(i * i) % 4099 - 2048 for i in range(120)]),
        "delta",
    ),
    "every-field": (FULL, "delta"),
    "rssi-only": (packet(status={"rssi_dbm": 100}), "delta"),
    "zero-status": (
        packet(
            status={"battery_percent": 0, "rssi_dbm": 0, "firmware": "", "backlog": 0}
        ),
        "delta",
    ),
    "time-zero": (packet(at="1970-01-01T00:00:00Z", mono_ms=0), "int16"),
    "before-1970": (packet(at="1969-12-31T23:59:59.999999Z"), "int16"),
    "heartbeat": (packet(samples=[], status={"battery_percent": 3}), "int16"),
    "heartbeat-delta": (packet(samples=[]), "delta"),
    "highest": (
        packet(
            2**31 - 1,
            first_sample=2**40 - 1,
            fs=1000,
            stream="ffffffffffffffff",
            gain=1.7976931348623157e308,
            baseline=2**31 - 1,
            samples=[32767] * 100,
        ),
        "delta",
    ),
    "lowest": (
        packet(stream="0" * 16, gain=5e-324, baseline=-(2**31), samples=[-32768] * 10),
        "delta",
    ),
}

# What an encoder never makes, but every decoder takes: bytes, and what they say.
TOLERATED: dict[str, tuple[bytes, list[dict[str, Any]]]] = {
    "longer-header": (written(packet(), extra=b"later fields"), [packet()]),
    "unknown-present-bits": (written(packet(), present=0xC0, reserved=7), [packet()]),
    "absent-fields-not-zero": (
        written(packet(), at_us=5, mono_ms=2**64 - 1, battery_percent=255, backlog=9),
        [packet()],
    ),
    "beyond-the-calendar": (
        written(packet(at="2026-11-23T10:00:34Z"), at_us=2**63 - 1),
        [packet()],
    ),
    "needless-escape": (
        written(
            packet(samples=[1] * 10),
            "delta",
            payload=b"\x01" + bytes(8) + b"\x80" + bytes(2),
        ),
        [packet(samples=[1] * 10)],
    ),
    "two-packets": (
        written(packet(0)) + written(packet(1), "delta"),
        [packet(0), packet(1)],
    ),
}


def _with_leads(*names: str) -> dict[str, Any]:
    return packet(leads=list(names), samples=[0] * (10 * max(1, len(names))))


# One packet that is invalid: its bytes, the field and the error.
INVALID: dict[str, tuple[bytes, str, str]] = {
    "version-2": (written(packet(), version=2), "version", "range"),
    "seq-too-high": (written(packet(2**31)), "seq", "range"),
    "first-sample-too-high": (
        written(packet(first_sample=2**40)),
        "first_sample",
        "range",
    ),
    "fs-too-low": (written(packet(fs=99)), "fs", "range"),
    "fs-too-high": (written(packet(fs=1001, samples=[0] * 200)), "fs", "range"),
    "no-lead": (written(packet(leads=[])), "leads", "count"),
    "thirteen-leads": (
        written(_with_leads(*(f"V{i}" for i in range(13)))),
        "leads",
        "count",
    ),
    "lead-twice": (written(_with_leads("I", "I")), "leads", "format"),
    "lead-without-name": (written(_with_leads("")), "leads", "format"),
    "lead-not-ascii": (written(_with_leads("\xc9")), "leads", "format"),
    "lead-with-nul": (written(_with_leads("a\0b")), "leads", "format"),
    "gain-zero": (written(packet(gain=0.0)), "gain", "range"),
    "gain-negative": (written(packet(gain=-1.0)), "gain", "range"),
    "gain-nan": (written(packet(gain=float("nan"))), "gain", "range"),
    "gain-infinite": (written(packet(gain=float("inf"))), "gain", "range"),
    "too-few-samples": (written(packet(samples=[0] * 9)), "samples", "count"),
    "too-many-samples": (written(packet(samples=[0] * 3001)), "samples", "count"),
    "wild-count": (written(packet(), n=2**32 - 1), "samples", "count"),
    "unknown-coding": (written(packet(), coding=2), "coding", "range"),
    "int16-too-short": (written(packet(), payload=bytes(19)), "samples", "count"),
    "int16-too-long": (written(packet(), payload=bytes(22)), "samples", "count"),
    "delta-too-short": (
        written(packet(), "delta", payload=bytes(9)),
        "samples",
        "count",
    ),
    "delta-too-long": (
        written(packet(), "delta", payload=bytes(11)),
        "samples",
        "count",
    ),
    "delta-without-its-escape": (
        written(packet(), "delta", payload=bytes(9) + b"\x80"),
        "samples",
        "count",
    ),
    "samples-damaged": (written(packet())[:-1] + b"\x55", "samples", "crc"),
    "heartbeat-crc": (written(packet(samples=[]), samples_crc=1), "samples", "crc"),
    "mono-ms-too-high": (written(packet(mono_ms=2**40)), "mono_ms", "range"),
    "unknown-flag": (written(packet(), flags=1 << 5), "flags", "format"),
    "lost-before-too-high": (
        written(packet(lost_before=2**40)),
        "lost_before",
        "range",
    ),
    "marker-2": (written(packet(), marker=2), "marker", "type"),
    "battery-101": (
        written(packet(status={"battery_percent": 101})),
        "status.battery_percent",
        "range",
    ),
    "rssi-too-low": (
        written(packet(status={"rssi_dbm": -201})),
        "status.rssi_dbm",
        "range",
    ),
    "firmware-not-ascii": (
        written(packet(status={"firmware": "\xb5"})),
        "status.firmware",
        "format",
    ),
    "firmware-too-long": (
        written(packet(status={"firmware": "x" * 41})),
        "status.firmware",
        "format",
    ),
    "backlog-too-high": (
        written(packet(status={"backlog": 2**31})),
        "status.backlog",
        "range",
    ),
    "header-too-short": (written(packet(), lead_count=2), "header_bytes", "count"),
    "packet-shorter-than-header": (
        written(packet(samples=[]), packet_bytes=103),
        "packet_bytes",
        "range",
    ),
    "cut-short": (written(packet())[:-1], "packet_bytes", "count"),
}

# Bodies with damage in them: each verdict is a seq, or (seq, field, error).
Verdict = int | tuple[int | None, str, str]


def _damaged(at: int, whole: bytes) -> bytes:
    return whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]


_LOST = (None, "header", "crc")
BEGINNING, MIDDLE, END = (written(packet(seq), "delta") for seq in range(3))
DAMAGED: dict[str, tuple[bytes, list[Verdict]]] = {
    "middle-samples-damaged": (
        BEGINNING + _damaged(len(MIDDLE) - 1, MIDDLE) + END,
        [0, (1, "samples", "crc"), 2],
    ),
    "middle-header-damaged": (
        BEGINNING + _damaged(26, MIDDLE) + END,
        [0, _LOST, 2],
    ),
    "middle-magic-damaged": (BEGINNING + _damaged(0, MIDDLE) + END, [0, _LOST, 2]),
    "middle-cut-short": (
        BEGINNING + MIDDLE[:-5] + END,
        [0, (1, "packet_bytes", "count"), 2],
    ),
    "middle-newer": (
        BEGINNING + written(packet(1), "delta", version=2) + END,
        [0, (1, "version", "range"), 2],
    ),
    "end-cut-short": (
        BEGINNING + MIDDLE + END[:-1],
        [0, 1, (2, "packet_bytes", "count")],
    ),
    "end-cut-in-header": (BEGINNING + MIDDLE + END[:60], [0, 1, _LOST]),
    "bytes-before": (b"\0" * 5 + BEGINNING, [_LOST, 0]),
    "bytes-between": (BEGINNING + b"\x89TCP" + MIDDLE, [0, _LOST, 1]),
    "bytes-after": (BEGINNING + b"\n", [0, _LOST]),
}

# Bodies that are refused as a whole.
REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "json": (b'{"packets": []}', "malformed"),
    "header-damaged": (_damaged(60, BEGINNING), "malformed"),
    "header-cut-short": (BEGINNING[:103], "malformed"),
    "magic-only": (b"\x89TCP", "malformed"),
    "two-streams": (BEGINNING + written(packet(1, stream="0" * 16)), "mixed_streams"),
}


def bodies() -> Iterator[tuple[str, bytes, dict[str, Any]]]:
    """Yield name, bytes and what to expect of them, for each file."""
    for name, (fields, coding) in VALID.items():
        expect = {"coding": coding, "packets": [fields]}
        yield name, written(fields, coding), expect
    for name, (body, packets) in TOLERATED.items():
        yield name, body, {"packets": packets}
    for name, (body, field, error) in INVALID.items():
        seq = None if name == "seq-too-high" else 0
        yield name, body, {"packets": [_verdict((seq, field, error))]}
    for name, (body, verdicts) in DAMAGED.items():
        yield name, body, {"packets": [_verdict(verdict) for verdict in verdicts]}
    for name, (body, code) in REFUSED.items():
        yield name, body, {"code": code}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    if isinstance(verdict, int):
        return packet(verdict)
    seq, field, error = verdict
    return {"seq": seq, "result": "invalid", "field": field, "error": error}


def main() -> None:
    """Write all files anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = []
    for name, body, expect in bodies():
        (FOLDER / f"{name}.bin").write_bytes(body)
        lines.append(json.dumps({"file": f"{name}.bin", **expect}))
    text = "[\n" + ",\n".join(lines) + "\n]\n"
    (FOLDER / "packets.json").write_text(text)


if __name__ == "__main__":
    main()
