"""Store a long history at once: for trials, not for devices."""

import secrets
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
from django.db import transaction

from devices.models import SEGMENT_S, Anchor, Assignment, Record
from devices.packing import form_of
from devices.segments import Places, SegmentData, Told
from devices.services.segments import swap_in, write_segment_files
from devices.signals import chunk_stored
from devices.simulator.source import SignalSource

# Segments per transaction.
_BATCH = 32
_US = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def fill_record(
    *,
    assignment: Assignment,
    signal: SignalSource,
    start_at: datetime,
    seconds: float,
    packet_s: float = 1.0,
    now: datetime,
    progress: Callable[[int], object] = lambda samples: None,
) -> Record:
    """Store a record of a worn device as segments, as if its packets had long come.

    It holds whole packets. ``chunk_stored`` is sent at the end: the analysis is left
    to the workers. ``progress`` is called with the samples stored since the last call.
    """
    record = Record.objects.create(
        device=assignment.device,
        stream=secrets.token_hex(8),
        assignment=assignment,
        patient=assignment.patient,
        fs=signal.fs,
        leads=list(signal.leads),
        gain=signal.gain,
        baseline=signal.baseline,
        started_at=start_at,
    )
    Anchor.objects.create(record=record, sample=0, at=start_at)
    size = round(packet_s * signal.fs)
    count = int(seconds * signal.fs) // size
    batch: dict[int, SegmentData] = {}
    for span, first_seq, last_seq in _spans(count, size, SEGMENT_S * signal.fs):
        batch[span] = _segment(record, signal, first_seq, last_seq, size)
        if len(batch) == _BATCH or last_seq == count:
            _keep(record, batch, now=now)
            progress(sum(len(data.samples) for data in batch.values()))
            batch = {}
    send = partial(
        chunk_stored.send_robust,
        sender=Record,
        record_id=record.pk,
        end_sample=record.end_sample,
        live=False,
    )
    transaction.on_commit(send, robust=True)
    return record


def _spans(count: int, size: int, span: int) -> Iterator[tuple[int, int, int]]:
    """Return the spans and which packets begin in each: first, and after the last."""
    first_seq = 0
    while first_seq < count:
        start = first_seq * size // span * span
        last_seq = min(-(-(start + span) // size), count)
        yield start, first_seq, last_seq
        first_seq = last_seq


def _segment(
    record: Record, signal: SignalSource, first_seq: int, last_seq: int, size: int
) -> SegmentData:
    seq = np.arange(first_seq, last_seq, dtype=np.int64)
    first = seq * size
    samples = signal.read(int(first[0]), len(seq) * size)
    parts = samples.astype("<i2").reshape(len(seq), -1)
    rng = np.random.default_rng(first_seq)
    at_us = (record.started_at - _EPOCH) // _US + first * 1_000_000 // record.fs
    # On its way for as long as over a usual network.
    way_us = rng.gamma(2.0, 60_000.0, len(seq)).astype(np.int64)
    return SegmentData(
        form_of(record),
        Places(
            seq=seq,
            first_sample=first,
            n=np.full(len(seq), size, np.int64),
            crc=np.array([zlib.crc32(part.tobytes()) for part in parts], np.int64),
            at_us=at_us // 1000 * 1000,
        ),
        Told(
            mono_ms=1500 + first * 1000 // record.fs,
            lost_before=np.zeros(len(seq), np.int64),
            marker=np.zeros(len(seq), np.bool_),
            received_at_us=at_us + size * 1_000_000 // record.fs + way_us,
            flags=tuple(signal.flags_of(int(one), size) for one in first),
        ),
        samples,
    )


def _keep(record: Record, batch: dict[int, SegmentData], *, now: datetime) -> None:
    rows = write_segment_files(record=record, spans=batch, now=now)
    with transaction.atomic():
        swap_in(record=record, rows=rows, replaced={}, taken=[], now=now)
        record.next_seq = rows[-1].last_seq + 1
        record.end_sample = rows[-1].end_sample
        record.sample_count += sum(row.sample_count for row in rows)
        record.last_received_at = record.head_received_at = rows[-1].received_at
        record.save(
            update_fields=[
                "next_seq",
                "end_sample",
                "sample_count",
                "last_received_at",
                "head_received_at",
            ]
        )
