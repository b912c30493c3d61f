"""Fill, analyse, compact and read histories, and count what they cost."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from tqdm import tqdm

from bench.coders import coder_figures, measured_signal
from devices.codec import Packet
from devices.models import Assignment, Record, Segment
from devices.overview import read_overview
from devices.reading import read_signal
from devices.segment_files import read_segment, segment_store
from devices.segment_reading import kept_segments
from devices.segments import decode_segment
from devices.segments.flac import pack_int16
from devices.services import store_packets
from devices.services.filling import fill_record
from devices.services.verifying import verify_record
from devices.simulator.enrol import enrol_simulated_devices
from devices.simulator.source import SignalSource
from inference.models import AnalysisState
from inference.services.analysis import analyse_pending
from inference.services.compacting import compact_pending
from telecardio.demo.latency import percentiles
from telecardio.durability import durability_settings
from telecardio.pages.record_window import window_of

DAY_S = 86_400
WINDOW_S = 30
TABLES = {
    "rows_of_segments": "devices_segment",
    "beats": "inference_beatblock",
}
# Of the row and of its places in indexes.
_ROW_BYTES = 100
_ARRIVALS = """
UPDATE devices_chunk AS chunk SET received_at = came.at
FROM unnest(%s::bigint[], %s::timestamptz[]) AS came (seq, at)
WHERE chunk.record_id = %s AND chunk.seq = came.seq
"""


def measure(
    data: Path | None,
    *,
    days: float,
    analysed_hours: float,
    packet_s: float,
    reads: int,
) -> dict[str, Any]:
    """Return the figures of one long record, and of one that is analysed."""
    call_command("migrate", verbosity=0)
    adu, told = measured_signal(data)
    source = SignalSource(adu[:, None], 250, 409.6, 0, ("I",), endless=True)
    now = timezone.now()
    start_at = now - timedelta(days=days)
    enrol_simulated_devices(
        2, since=min(start_at, now - timedelta(hours=analysed_hours))
    )
    worn = [
        Assignment.objects.select_related("device", "patient").get(device__serial=name)
        for name in ("SIM-0001", "SIM-0002")
    ]
    analysed, compacting = _analysed(
        worn[1], source, hours=analysed_hours, packet_s=packet_s, now=now
    )
    cost = _bytes_per_sample(analysed)
    with tqdm(total=int(days * DAY_S * 250), unit=" samples", unit_scale=True) as bar:
        began = time.perf_counter()
        record = fill_record(
            assignment=worn[0],
            signal=source,
            start_at=start_at,
            seconds=days * DAY_S,
            packet_s=packet_s,
            now=now,
            progress=bar.update,
        )
        filled_s = time.perf_counter() - began
    began = time.perf_counter()
    verified = verify_record(record.pk)
    verified_s = time.perf_counter() - began
    return {
        "signal": told,
        "packet_s": packet_s,
        "coders": coder_figures(adu),
        "bytes_per_sample": cost,
        "compacting": compacting,
        "record_days": days,
        "filled_days_per_s": round(days / filled_s, 3),
        "reading": _reading(record, reads),
        "reading_analysed": _reading(analysed, reads),
        "duplicate_of_day_1": _duplicate(record, source, packet_s, now=now),
        "verify": {
            "damage": len(verified.damage),
            "segments": verified.segments,
            "segments_per_s": round(verified.segments / verified_s),
        },
        "durability": durability_settings(),
    }


def _analysed(
    worn: Assignment,
    source: SignalSource,
    *,
    hours: float,
    packet_s: float,
    now: datetime,
) -> tuple[Record, dict[str, float]]:
    """Upload, analyse and compact a record as if it had been recorded till now."""
    size, start_at = round(packet_s * 250), now - timedelta(hours=hours)
    count = int(hours * 3600 * 250) // size
    stream = os.urandom(8).hex()
    blank = Packet(stream, 0, 0, 250, ("I",), 409.6, 0, source.read(0, size).ravel())
    rng = np.random.default_rng(5)
    for first in tqdm(range(0, count, 300), desc="upload", leave=False):
        part = range(first, min(first + 300, count))
        packets = [
            replace(
                blank,
                seq=seq,
                first_sample=seq * size,
                samples=source.read(seq * size, size).ravel(),
                at=start_at + timedelta(milliseconds=seq * size * 4),
                mono_ms=seq * size * 4 + 1500,
            )
            for seq in part
        ]
        # An upload has one time of arrival; in life each packet has its own.
        arrival = start_at + timedelta(seconds=(part[-1] + 1) * packet_s)
        done = store_packets(device=worn.device, packets=packets, received_at=arrival)
        way_s = 0.15 + rng.gamma(2.0, 0.06, len(part))
        came = [
            start_at + timedelta(seconds=(seq + 1) * packet_s + float(way))
            for seq, way in zip(part, way_s, strict=True)
        ]
        with connection.cursor() as cursor:
            cursor.execute(_ARRIVALS, [list(part), came, done.record.pk])
    record = Record.objects.get(stream=stream)
    began = time.perf_counter()
    while AnalysisState.objects.filter(record=record).first() is None or (
        AnalysisState.objects.get(record=record).cursor_sample
        < record.end_sample // 250 * 250
    ):
        analyse_pending(now=now)
    analysed_s = time.perf_counter() - began
    later = now + timedelta(hours=2)
    began = time.perf_counter()
    written = 0
    while done_now := compact_pending(now=later):
        written += done_now
    spent = time.perf_counter() - began
    record.refresh_from_db()
    return record, {
        "analysed_hours": hours,
        "analysed_s": round(analysed_s, 1),
        "segments": written,
        "segments_per_s": round(written / spent, 1),
        "times_real_time": round(hours * 3600 / spent),
    }


def _bytes_per_sample(record: Record) -> dict[str, float]:
    """Return what one sample costs, by part: files, and tables with their indexes."""
    samples = record.sample_count
    signal = whole = 0
    for segment in record.segments.all():
        packed = read_segment(segment.key)
        data = decode_segment(packed)
        signal += len(pack_int16(data.samples))
        whole += len(packed)
    found = {
        "signal": signal / samples,
        "rest_of_files": (whole - signal) / samples,
    }
    with connection.cursor() as cursor:
        for name, table in TABLES.items():
            cursor.execute(f"VACUUM FULL {table}")
            cursor.execute("SELECT pg_total_relation_size(%s)", [table])
            found[name] = cursor.fetchone()[0] / samples
    # Those of the last hour are not thinned out yet: the same for a record of a month.
    thinned = record.checkpoints.filter(compressed=True).values_list("state", flat=True)
    found["checkpoints"] = sum(len(state) + _ROW_BYTES for state in thinned) / samples
    found["total"] = sum(found.values())
    return {name: round(value, 4) for name, value in found.items()}


def _reading(record: Record, reads: int) -> dict[str, Any]:
    """Time reads at random places, each file out of this process and of the cache."""
    rng = np.random.default_rng(11)
    length = record.end_sample

    def timed(read: Callable[[int], object], span_s: float) -> list[float]:
        spent = []
        for _ in range(reads):
            start = int(rng.integers(0, max(length - span_s * 250, 1)))
            _forget(record, start, span_s)
            began = time.perf_counter()
            read(start)
            spent.append((time.perf_counter() - began) * 1000)
        return spent

    def window(start: int) -> object:
        return window_of(record, start_s=start / 250, seconds=WINDOW_S)

    def signal(start: int) -> object:
        return read_signal(record, start, start + WINDOW_S * 250)

    whole = []
    for _ in range(3):
        began = time.perf_counter()
        read_overview(record, 0, length, bins=2000)
        whole.append((time.perf_counter() - began) * 1000)

    def hour(start: int) -> object:
        return read_overview(record, start, start + 3600 * 250, bins=2000)

    def minutes(start: int) -> object:
        return read_overview(record, start, start + 900 * 250, bins=2000)

    return {
        "read_signal_30_s_ms": percentiles(timed(signal, WINDOW_S)),
        "window_30_s_ms": percentiles(timed(window, WINDOW_S)),
        "overview_15_min_ms": percentiles(timed(minutes, 900)),
        "overview_1_h_ms": percentiles(timed(hour, 3600)),
        "overview_of_all_ms": round(min(whole), 1),
    }


def _forget(record: Record, start: int, span_s: float) -> None:
    """Drop the segments of a span from this process and from the system's cache."""
    kept_segments.clear()
    end = start + int(span_s * 250)
    touched = Segment.objects.filter(
        record=record, span_sample__gt=start - 330 * 250, span_sample__lt=end
    )
    for key in touched.values_list("key", flat=True):
        number = os.open(segment_store().path(key), os.O_RDONLY)
        os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(number)


def _duplicate(
    record: Record, source: SignalSource, packet_s: float, *, now: datetime
) -> dict[str, Any]:
    """Send packets of the first day once more, and one that is another."""
    size = round(packet_s * record.fs)
    verdicts: dict[str, int] = {}
    spent = []
    rng = np.random.default_rng(3)
    day = min(record.next_seq, int(DAY_S / packet_s))
    for seq in rng.integers(0, day, 100).tolist():
        packet = Packet(
            record.stream,
            seq,
            seq * size,
            record.fs,
            tuple(record.leads),
            record.gain,
            record.baseline,
            source.read(seq * size, size).ravel(),
        )
        began = time.perf_counter()
        done = store_packets(device=record.device, packets=[packet], received_at=now)
        spent.append((time.perf_counter() - began) * 1000)
        word = done.verdicts[0].result.value
        verdicts[word] = verdicts.get(word, 0) + 1
    assert zlib.crc32(packet.data) == packet.crc
    return {"verdicts": verdicts, "ms": percentiles(spent)}
