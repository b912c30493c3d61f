"""Store signal as uploads do and count the bytes that each part takes for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from bench.day import FS, read_day
from bench.ingest.uploads import STATUS
from devices.codec import decode_binary
from devices.live import live_stream_key
from devices.live_entries import SignalEntry, pack
from devices.live_writer import write
from devices.models import Assignment, Chunk, Record
from devices.redis_pool import redis
from devices.services import store_packets
from devices.services.compacting import compact_record
from devices.simulator.body_format import BINARY, JSON
from devices.simulator.enrol import enrol_simulated_devices
from devices.simulator.packet import Packet
from devices.simulator.recorder import Recorder
from devices.simulator.source import SignalSource
from telecardio.durability import durability_settings

GAIN = 1000.0
# Each length of packet has its own hours, so that all are of the same devices.
APART = timedelta(hours=1)
REST = timedelta(hours=1)
_WAL = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"


def measure(
    data: Path | None, *, devices: int, seconds: int, packets_s: Sequence[float]
) -> dict[str, Any]:
    """Return the bytes of a packet of each length, in each place it comes to."""
    call_command("migrate", interactive=False, verbosity=0)
    day = read_day(data, 3600)
    adu = np.rint(day.mv * GAIN).astype(np.int16)[:, None]
    source = SignalSource(adu, FS, GAIN, 0, ("I",), endless=True)
    since = timezone.now() - APART * (len(packets_s) + 1)
    enrol_simulated_devices(devices, since=since)
    worn = list(Assignment.objects.select_related("device", "patient"))
    return {
        "signal": day.source,
        "devices": devices,
        "seconds": seconds,
        "packets": {
            f"{packet_s:g}": _one(
                worn, source, since + APART * number, packet_s, seconds
            )
            for number, packet_s in enumerate(packets_s, start=1)
        },
        "durability": durability_settings(),
    }


def _one(
    worn: Sequence[Assignment],
    source: SignalSource,
    start_at: datetime,
    packet_s: float,
    seconds: int,
) -> dict[str, float]:
    recorded = [
        _recorded(replace(source, offset=number * FS * 97), start_at, packet_s, seconds)
        for number in range(len(worn))
    ]
    _empty(worn)
    wire = {"binary": 0, "json": 0}
    # Streams are opened, then a checkpoint begins and its interval is measured.
    for number, packets in enumerate(zip(*recorded, strict=True)):
        if number == 1:
            wal, rows = _checkpoint(), _rows()
        for assignment, packet in zip(worn, packets, strict=True):
            body = BINARY.encode([packet], source, STATUS)
            if number:
                wire["binary"] += len(body)
                wire["json"] += len(JSON.encode([packet], source, STATUS))
            received_at = packet.at + timedelta(seconds=packet_s)
            store_packets(
                device=assignment.device,
                packets=decode_binary(body).packets,
                received_at=received_at,
            )
    count = len(worn) * (len(recorded[0]) - 1)
    stored_wal, stored_rows = _ask(_WAL), _rows()
    _compact(start_at)
    return {
        "binary_bytes": round(wire["binary"] / count),
        "json_bytes": round(wire["json"] / count),
        "wal_bytes": round((stored_wal - wal) / count),
        "compacting_wal_bytes": round((_ask(_WAL) - stored_wal) / count),
        "row_bytes": round((stored_rows - rows) / count),
        "live_stream_bytes": round(_stream_bytes(worn)),
        "redis_us": round(_redis_us(round(packet_s * FS)), 1),
    }


def _recorded(
    source: SignalSource, start_at: datetime, packet_s: float, seconds: int
) -> list[Packet]:
    # One more: the first opens the stream.
    total_s = seconds + packet_s
    recorder = Recorder(source, start_at=start_at, packet_s=packet_s, total_s=total_s)
    return list(recorder.record(recorder.total_samples or 0))


def _empty(worn: Sequence[Assignment]) -> None:
    Chunk.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM FULL {Chunk._meta.db_table}")
    for assignment in worn:
        redis().client.delete(live_stream_key(assignment.patient.live_key))


def _compact(start_at: datetime) -> None:
    """Make segments of what was stored, as some minutes after the analysis."""
    # A device tells whole milliseconds.
    begun = start_at - timedelta(seconds=1)
    for record in Record.objects.filter(started_at__gte=begun):
        compact_record(
            record=record,
            analysed_sample=record.end_sample,
            ended=True,
            now=timezone.now() + REST,
        )


def _redis_us(samples: int) -> float:
    """Return the processor time of Redis for an entry, in microseconds."""
    entry = SignalEntry(1, 0, 0, FS, 1, GAIN, 0, 0, 0, bytes(2 * samples))
    keys = [live_stream_key(str(number)) for number in range(1000)]
    appended = [(key, [pack(entry)]) for key in keys]
    began = _redis_cpu_s()
    for _ in range(20):
        for first in range(0, len(appended), 200):
            write(appended[first : first + 200])
    spent = _redis_cpu_s() - began
    redis().client.delete(*keys)
    return 1e6 * spent / (20 * len(appended))


def _redis_cpu_s() -> float:
    told: Any = redis().client.info("cpu")
    return float(told["used_cpu_user"]) + float(told["used_cpu_sys"])


def _checkpoint() -> float:
    # CHECKPOINT is for administrators; to copy files, PostgreSQL must make one itself.
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE apart STRATEGY file_copy TEMPLATE template0")
        cursor.execute("DROP DATABASE apart")
    return _ask(_WAL)


def _rows() -> float:
    """Return the bytes of the chunks with their indexes and what is stored apart."""
    return _ask(f"SELECT pg_total_relation_size('{Chunk._meta.db_table}')")


def _stream_bytes(worn: Sequence[Assignment]) -> float:
    """Return what an entry takes in Redis, the stream's own part included."""
    used = entries = 0
    for assignment in worn:
        key = live_stream_key(assignment.patient.live_key)
        used += int(redis().client.memory_usage(key, samples=0) or 0)
        entries += int(redis().client.xlen(key))
    return used / entries if entries else 0.0


def _ask(question: str) -> float:
    with connection.cursor() as cursor:
        cursor.execute(question)
        (value,) = cursor.fetchone()
    return float(value)
