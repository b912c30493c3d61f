"""What the tests of stored segments share: a record of packets, and its state."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from devices.codec import Packet
from devices.models import Assignment, Chunk, Device, Record
from devices.packing import unpack_chunks
from devices.reading import read_adu, stored_ranges
from devices.segment_reading import kept_segments, segment_data
from devices.services import compact_record, store_packets

FS = 100
STREAM = "5f0c9a1e77b24d10"
SPAN = 300 * FS


def packet(seq: int, *, n: int = 200, first_sample: int | None = None) -> Packet:
    """Return a packet of 2 s that differs from every other."""
    rng = np.random.default_rng(seq)
    first = seq * 200 if first_sample is None else first_sample
    return Packet(
        stream=STREAM,
        seq=seq,
        first_sample=first,
        fs=FS,
        leads=("I", "II"),
        gain=409.6,
        baseline=3,
        samples=rng.integers(-900, 900, 2 * n).astype(np.int16),
        at=None,
        mono_ms=first * 10 + seq % 3,
        flags=("lead_off",) if seq % 50 == 0 else (),
        lost_before=seq % 7,
        marker=seq % 90 == 0,
    )


@pytest.fixture
def start_at() -> datetime:
    """Return a time some hours ago, when the recording began."""
    return timezone.now().replace(microsecond=123_457) - timedelta(hours=5)


Store = Callable[..., list[str]]


@pytest.fixture
def store(device: Device, assignment: Assignment, start_at: datetime) -> Store:
    """Return a function that stores packets as they would arrive; gives verdicts."""

    def put(packets: Sequence[Packet], *, after_s: float = 0.0) -> list[str]:
        timed = [
            replace(one, at=start_at + timedelta(seconds=one.first_sample / FS))
            if one.at is None
            else one
            for one in packets
        ]
        at = start_at + timedelta(seconds=after_s)
        done = store_packets(device=device, packets=timed, received_at=at)
        return [verdict.error or verdict.result.value for verdict in done.verdicts]

    return put


def compact(record: Record, *, analysed: int | None = None, **options: Any) -> int:
    """Compact a record now, when everything has rested."""
    record.refresh_from_db()
    upto = record.end_sample if analysed is None else analysed
    options.setdefault("now", timezone.now())
    return compact_record(record=record, analysed_sample=upto, **options)


Everything = tuple[list[Any], list[Any], list[dict[str, Any]], list[Any]]


def everything(record: Record) -> Everything:
    """Return all that can be read of a record, and all that its packets told."""
    kept_segments.clear()
    record.refresh_from_db()
    adu, stored = read_adu(record, 0, record.end_sample + 10)
    return adu.tolist(), stored.tolist(), told(record), stored_ranges(record)


def told(record: Record) -> list[dict[str, Any]]:
    """Return every packet of a record, wherever it is, by seq."""
    chunks = list(Chunk.objects.filter(record=record))
    for segment in record.segments.all():
        chunks += unpack_chunks(record, segment_data(segment))
    names = [f.attname for f in Chunk._meta.concrete_fields if f.attname != "id"]
    rows = [{name: getattr(one, name) for name in names} for one in chunks]
    for row in rows:
        row["data"] = bytes(row["data"])
    return sorted(rows, key=lambda row: row["seq"])
