"""Fill, analyse, compact and read histories, and count what they cost."""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from django.core.management import call_command
from django.db import connection, connections
from django.utils import timezone
from tqdm import tqdm

from bench.coders import coder_figures, measured_signal
from bench.footprint_of_history import history_figures, table_bytes
from bench.ingest.own_servers import OwnServers
from devices.codec import Packet
from devices.models import Assignment, Record, Segment
from devices.overview import read_overview
from devices.reading import read_signal
from devices.segment_files import segment_store
from devices.segment_reading import kept_segments
from devices.services import store_packets
from devices.services.filling import fill_record
from devices.services.verifying import verify_record
from devices.simulator.enrol import enrol_simulated_devices
from devices.simulator.source import SignalSource
from inference.models import AnalysisState
from inference.services.analysis import analyse_pending
from inference.services.compacting import compact_pending
from inference.services.summaries import hours_of
from telecardio.demo.latency import percentiles
from telecardio.durability import durability_settings
from telecardio.pages.record_window import window_of

DAY_S = 86_400
WINDOW_S = 30
DROP_CACHES = Path("/proc/sys/vm/drop_caches")  # see proc(5): 3 is pages and names
_ARRIVALS = """
UPDATE devices_chunk AS chunk SET received_at = came.at
FROM unnest(%s::bigint[], %s::timestamptz[]) AS came (seq, at)
WHERE chunk.record_id = %s AND chunk.seq = came.seq
"""


def measure(
    data: Path | None,
    *,
    servers: OwnServers,
    days: float,
    analysed_hours: float,
    packet_s: float,
    reads: int,
    each_cold: bool,
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
    empty = table_bytes()
    analysed, compacting = _analysed(
        worn[1], source, hours=analysed_hours, packet_s=packet_s, now=now
    )
    cost = history_figures(analysed, empty)
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
    cold = Cold(servers, each=each_cold)
    return {
        "signal": told,
        "packet_s": packet_s,
        "coders": coder_figures(adu),
        **cost,
        "compacting": compacting,
        "record_days": days,
        "filled_days_per_s": round(days / filled_s, 3),
        "reading": _reading(record, reads, cold),
        "reading_analysed": _reading(analysed, reads, cold),
        "cold": cold.as_json(),
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
    # A page of the patient keeps the hours it counted.
    hours_of(worn.patient, start_at=start_at, end_at=now, now=later)
    return record, {
        "analysed_hours": hours,
        "analysed_s": round(analysed_s, 1),
        "segments": written,
        "segments_per_s": round(written / spent, 1),
        "times_real_time": round(hours * 3600 / spent),
    }


def _reading(record: Record, reads: int, cold: Cold) -> dict[str, Any]:
    """Time reads at random places, with what they need in no cache (see ``cold``)."""
    length = record.end_sample

    def signal(start: int) -> object:
        return read_signal(record, start, start + WINDOW_S * 250)

    def window(start: int) -> object:
        return window_of(record, start_s=start / 250, seconds=WINDOW_S)

    def minutes(start: int) -> object:
        return read_overview(record, start, start + 900 * 250, bins=2000)

    def hour(start: int) -> object:
        return read_overview(record, start, start + 3600 * 250, bins=2000)

    def whole(start: int) -> object:
        return read_overview(record, start, length, bins=2000)

    kinds: dict[str, tuple[Callable[[int], object], float]] = {
        "read_signal_30_s_ms": (signal, WINDOW_S),
        "window_30_s_ms": (window, WINDOW_S),
        "overview_15_min_ms": (minutes, 900),
        "overview_1_h_ms": (hour, 3600),
    }
    rng = np.random.default_rng(11)
    # All of them before anything is timed: to ask for a place warms what lies there.
    places = {
        name: _places(record, rng, reads, span_s) for name, (_, span_s) in kinds.items()
    }
    everything = _paths(record, 0, length / 250)
    for read in (*(read for read, _ in kinds.values()), whole):
        read(0)  # loads modules, compiles
    found: dict[str, Any] = {}
    for name, (read, _) in kinds.items():
        spent = _timed(read, places[name], cold)
        found[name] = {**percentiles(spent), "first": round(spent[0], 1)}
    # The first of these is cold, the others are as warm as can be.
    once = _timed(whole, [(0, everything)], cold)
    for _ in range(2):
        began = time.perf_counter()
        whole(0)
        once.append((time.perf_counter() - began) * 1000)
    return {
        **found,
        "overview_of_all_ms": round(median(once), 1),
        "overview_of_all_first_ms": round(once[0], 1),
    }


class Cold:
    """Empties caches before reads: ``each`` kind and read its own, else only once."""

    def __init__(self, servers: OwnServers, *, each: bool) -> None:
        self._servers, self._each = servers, each
        self._restarts = 0
        self._dropped = each

    def begin(self) -> None:
        """Empty PostgreSQL's own cache before reads of another kind."""
        if self._each or not self._restarts:
            connections.close_all()
            self._servers.restart()
            self._restarts += 1
        connection.ensure_connection()

    def forget(self, paths: Sequence[Path]) -> None:
        """Empty this process's cache and the system's, if only of these files."""
        kept_segments.clear()
        if self._each and _drop_caches():
            return
        self._dropped = False
        for path in paths:
            number = os.open(path, os.O_RDONLY)
            os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(number)

    def as_json(self) -> dict[str, Any]:
        """Say what was emptied, and what stayed warm."""
        which = "same kind" if self._each else "whole bench"
        warm = [f"pages of PostgreSQL that an earlier read of the {which} touched"]
        if not self._dropped:
            warm += ["PostgreSQL's files in the system's cache", "names of files"]
        return {
            "dropped_caches": self._dropped,
            "postgres_restarts": self._restarts,
            "warm": warm,
        }


def _drop_caches() -> bool:
    """Empty the system's caches of pages and names; False where only root may."""
    try:
        DROP_CACHES.write_text("3")
    except OSError:
        return False
    return True


def _timed(
    read: Callable[[int], object],
    places: Sequence[tuple[int, Sequence[Path]]],
    cold: Cold,
) -> list[float]:
    """Return the ms of each read; the first is the first after a restart."""
    cold.begin()
    spent = []
    for start, paths in places:
        cold.forget(paths)
        began = time.perf_counter()
        read(start)
        spent.append((time.perf_counter() - began) * 1000)
    return spent


def _places(
    record: Record, rng: np.random.Generator, reads: int, span_s: float
) -> list[tuple[int, list[Path]]]:
    """Return random starts, each with the files that a read of a span may open."""
    last = max(record.end_sample - int(span_s * 250), 1)
    starts = rng.integers(0, last, reads).tolist()
    return [(start, _paths(record, start, span_s)) for start in starts]


def _paths(record: Record, start: int, span_s: float) -> list[Path]:
    end = start + int(span_s * 250)
    touched = Segment.objects.filter(
        record=record, span_sample__gt=start - 330 * 250, span_sample__lt=end
    )
    keys = touched.values_list("key", flat=True)
    return [Path(segment_store().path(key)) for key in keys]


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
