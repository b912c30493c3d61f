"""Read stored signal. A gap is absence: NaN in millivolts, never an invented sample."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from heapq import merge

import numpy as np
from django.db.models import F, QuerySet
from numpy.typing import NDArray

from devices.models import Anchor, Chunk, Record
from devices.packing import moment
from devices.segment_reading import (
    MAX_CHUNK_S,
    Damaged,
    segments_data,
    segments_touching,
)
from devices.segments import unpack_places
from devices.segments.places import UNKNOWN
from devices.time_map import Piece, TimeMap

# What a WFDB file holds in one lead where it has no sample.
_NO_SAMPLE = np.iinfo(np.int16).min
_SEGMENTS_AT_ONCE = 100


def read_adu(
    record: Record, start: int, end: int, *, damaged: Damaged | None = None
) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Return int16[n, leads] as it was sent, and bool[n]: which samples are stored.

    The range is half-open, n = end - start; absent samples are 0 and False. A damaged
    segment raises ``DamagedSegment``; with ``damaged`` its samples are absent, and
    their ranges are added there, for those who show what is left and say so.
    """
    size = max(end - start, 0)
    adu = np.zeros((size, len(record.leads)), np.int16)
    stored = np.zeros(size, np.bool_)

    def put(first: int, samples: NDArray[np.int16]) -> None:
        low, high = max(first, start), min(first + len(samples), end)
        if low < high:
            adu[low - start : high - start] = samples[low - first : high - first]
            stored[low - start : high - start] = True

    # Chunks before segments: what becomes one meanwhile is seen twice, and never not
    # at all.
    chunks = chunks_touching(record, start, end)
    for first, n, data in list(chunks.values_list("first_sample", "n", "data")):
        put(first, np.frombuffer(data, "<i2").reshape(n, -1))
    # What is recorded now lies in chunks alone, and is read every second.
    if not stored.all():
        for packed in segments_data(record, start, end, damaged=damaged):
            for first, n, row in packed.places.runs():
                put(first, packed.samples[row : row + n])
    return adu, stored


def read_signal(
    record: Record, start: int, end: int, *, damaged: Damaged | None = None
) -> NDArray[np.float32]:
    """Return float32[n, leads] in mV of the samples ``[start, end)``; NaN is a gap.

    ``damaged`` is as in ``read_adu``.
    """
    adu, stored = read_adu(record, start, end, damaged=damaged)
    # A gain that a device made up may be too small for float32: no signal then.
    with np.errstate(over="ignore"):
        mv = ((adu - float(record.baseline)) / record.gain).astype(np.float32)
    mv[~stored | ~np.isfinite(mv).all(axis=1)] = np.nan
    if record.source == Record.Source.FILE:
        mv[adu == _NO_SAMPLE] = np.nan
    return mv


def read_signal_mv(
    record: Record,
    start: int,
    end: int,
    lead: int = 0,
    *,
    damaged: Damaged | None = None,
) -> NDArray[np.float32]:
    """Return float32[n] in mV of one lead (index into ``record.leads``)."""
    signal = read_signal(record, start, end, damaged=damaged)
    return np.ascontiguousarray(signal[:, lead])


def stored_ranges(
    record: Record, start: int = 0, end: int | None = None
) -> list[tuple[int, int]]:
    """Return the stored parts of ``[start, end)``: half-open, in order, merged."""
    end = record.end_sample if end is None else end
    hot = list(chunks_touching(record, start, end).values_list("first_sample", "n"))
    ranges = _merged(hot, start, end)
    if ranges == [(start, end)]:
        return ranges
    rows = segments_touching(record, start, end).values_list("places", flat=True)
    packed = [
        (first, n)
        for places in rows
        for first, n, _ in unpack_places(bytes(places)).runs()
    ]
    return _merged([*hot, *packed], start, end)


def _merged(
    spans: list[tuple[int, int]], start: int, end: int
) -> list[tuple[int, int]]:
    """Join spans ``(first, n)`` to half-open ranges within ``[start, end)``."""
    ranges: list[tuple[int, int]] = []
    for first, n in sorted(spans):
        low, high = max(first, start), min(first + n, end)
        if low >= high:
            continue
        if ranges and ranges[-1][1] >= low:
            ranges[-1] = (ranges[-1][0], max(ranges[-1][1], high))
        else:
            ranges.append((low, high))
    return ranges


def read_time_map(record: Record) -> TimeMap:
    """Return the record's map from samples to time, for many samples at once."""
    pieces = time_pieces(record.anchors.order_by("sample"))
    return TimeMap(record.fs, pieces or [Piece(0, record.started_at)])


def read_clock(record: Record, after: int) -> Iterator[tuple[int, datetime]]:
    """Yield ``(first_sample, at)`` where the device's clock said a time, in order.

    Of the packets with signal that begin after a sample. It reads as it is asked: what
    follows may be months.
    """
    last = after
    # Chunks before segments, as above: what becomes one meanwhile is seen twice.
    for sample, at in merge(_hot_clock(record, after), _packed_clock(record, after)):
        if sample > last:
            last = sample
            yield sample, at


def _hot_clock(record: Record, after: int) -> Iterator[tuple[int, datetime]]:
    chunks = Chunk.objects.filter(record=record, first_sample__gt=after, n__gt=0)
    told = chunks.order_by("first_sample").values_list("first_sample", "at")
    for sample, at in told.iterator():
        if at is not None:
            yield sample, at


def _packed_clock(record: Record, after: int) -> Iterator[tuple[int, datetime]]:
    segments = record.segments.filter(end_sample__gt=after).order_by("span_sample")
    rows = segments.values_list("places", flat=True)
    for data in rows.iterator(chunk_size=_SEGMENTS_AT_ONCE):
        places = unpack_places(bytes(data))
        known = places.has_signal & (places.first_sample > after)
        known &= places.at_us != UNKNOWN
        samples, at_us = places.first_sample[known], places.at_us[known]
        for sample, us in zip(samples.tolist(), at_us.tolist(), strict=True):
            yield sample, moment(us)


def time_pieces(anchors: Iterable[Anchor]) -> list[Piece]:
    """Return the pieces that these anchors, in order, begin."""
    return [
        Piece(anchor.sample, anchor.at, timedelta(milliseconds=anchor.step_ms))
        for anchor in anchors
    ]


def chunks_touching(record: Record, start: int, end: int) -> QuerySet[Chunk]:
    """Return the chunks with samples in ``[start, end)``, in order."""
    reach = MAX_CHUNK_S * record.fs
    # The reach is for the index; of the chunks within it, some end before the start.
    chunks = Chunk.objects.filter(
        record=record, first_sample__lt=end, first_sample__gt=start - reach
    ).filter(n__gt=0, first_sample__gt=start - F("n"))
    return chunks.order_by("first_sample")
