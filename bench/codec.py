"""Time the wire codec: microseconds and bytes per packet, JSON beside binary.

``python -m bench.codec --json`` prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.day import FS, read_day
from devices.codec import (
    BINARY_TYPE,
    DECODERS,
    JSON_TYPE,
    Coding,
    Packet,
    Status,
    decode_json,
    encode_binary,
)
from devices.simulator.body_format import JSON
from devices.simulator.packet import Packet as Recorded
from devices.simulator.recorder import Recorder
from devices.simulator.source import SignalSource

GAIN = 1000.0
STATUS = {"battery_percent": 81, "rssi_dbm": -61, "firmware": "1.2.0", "backlog": 0}
Encoder = Callable[[], bytes]


def measure(
    data: Path | None, *, packet_s: float = 2.0, batch: int = 20, rounds: int = 400
) -> dict[str, Any]:
    """Return figures of one packet per body and of ``batch`` of them."""
    day = read_day(data, 600)
    adu = np.rint(day.mv * GAIN).astype(np.int16)[:, None]
    source = SignalSource(adu, FS, GAIN, 0, ("I",))
    return {
        "signal": f"one lead, {FS} Hz, {GAIN:g} adu/mV: {day.source}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores; the quickest try",
        "packet_s": packet_s,
        "single": _formats(source, packet_s, 1, rounds),
        f"batch_of_{batch}": _formats(source, packet_s, batch, rounds // 4),
    }


def _formats(
    source: SignalSource, packet_s: float, count: int, rounds: int
) -> dict[str, Any]:
    recorded = _recorded(source, packet_s, count)
    as_json = JSON.encode(recorded, source, STATUS)
    packets = decode_json(as_json).packets
    assert packets[-1].status == Status(**STATUS)

    def coded(coding: Coding) -> Encoder:
        return lambda: encode_binary(packets, coding=coding)

    return {
        "json": _figures(
            JSON_TYPE, lambda: JSON.encode(recorded, source, STATUS), packets, rounds
        ),
        "int16": _figures(BINARY_TYPE, coded(Coding.INT16), packets, rounds),
        "delta": _figures(BINARY_TYPE, coded(Coding.DELTA), packets, rounds),
    }


def _recorded(source: SignalSource, packet_s: float, count: int) -> list[Recorded]:
    recorder = Recorder(
        source, start_at=datetime.now(UTC), packet_s=packet_s, total_s=count * packet_s
    )
    return list(recorder.record(count * packet_s))


def _figures(
    media_type: str, encode: Encoder, packets: list[Packet], rounds: int
) -> dict[str, float]:
    body, decode = encode(), DECODERS[media_type]
    assert [packet.crc for packet in decode(body).packets] == [p.crc for p in packets]
    per_packet = 1e6 / len(packets)
    return {
        "bytes": round(len(body) / len(packets), 1),
        "encode_us": round(_quickest(encode, rounds) * per_packet, 1),
        "decode_us": round(_quickest(lambda: decode(body), rounds) * per_packet, 1),
    }


def _quickest(work: Callable[[], object], rounds: int, calls: int = 10) -> float:
    """Return seconds per call; others on the machine only ever make it longer."""
    best = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(calls):
            work()
        best = min(best, time.perf_counter() - started)
    return best / calls


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the folder of ECG records")
    parser.add_argument("--packet-s", type=float, default=2.0)
    parser.add_argument("--json", action="store_true", help="in one line")
    options = parser.parse_args()
    figures = measure(options.data, packet_s=options.packet_s)
    print(json.dumps(figures, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
