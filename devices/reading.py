"""Read stored signal. A gap is absence: NaN in millivolts, never an invented sample."""

from collections.abc import Iterable
from datetime import timedelta

import numpy as np
from django.db.models import F, QuerySet
from numpy.typing import NDArray

from devices.models import Anchor, Chunk, Record
from devices.time_map import Piece, TimeMap

# The longest packet: a chunk that reaches into a span starts at most this before it.
_MAX_CHUNK_S = 30
# What a WFDB file holds in one lead where it has no sample.
_NO_SAMPLE = np.iinfo(np.int16).min


def read_adu(
    record: Record, start: int, end: int
) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Return int16[n, leads] as it was sent, and bool[n]: which samples are stored.

    The range is half-open, n = end - start; absent samples are 0 and False.
    """
    size = max(end - start, 0)
    adu = np.zeros((size, len(record.leads)), np.int16)
    stored = np.zeros(size, np.bool_)
    for first, n, data in _chunks(record, start, end).values_list(
        "first_sample", "n", "data"
    ):
        samples = np.frombuffer(data, "<i2").reshape(n, -1)
        low, high = max(first, start), min(first + n, end)
        if low >= high:
            continue
        adu[low - start : high - start] = samples[low - first : high - first]
        stored[low - start : high - start] = True
    return adu, stored


def read_signal(record: Record, start: int, end: int) -> NDArray[np.float32]:
    """Return float32[n, leads] in mV of the samples ``[start, end)``; NaN is a gap."""
    adu, stored = read_adu(record, start, end)
    # A gain that a device made up may be too small for float32: no signal then.
    with np.errstate(over="ignore"):
        mv = ((adu - float(record.baseline)) / record.gain).astype(np.float32)
    mv[~stored | ~np.isfinite(mv).all(axis=1)] = np.nan
    if record.source == Record.Source.FILE:
        mv[adu == _NO_SAMPLE] = np.nan
    return mv


def read_signal_mv(
    record: Record, start: int, end: int, lead: int = 0
) -> NDArray[np.float32]:
    """Return float32[n] in mV of one lead (index into ``record.leads``)."""
    return np.ascontiguousarray(read_signal(record, start, end)[:, lead])


def stored_ranges(
    record: Record, start: int = 0, end: int | None = None
) -> list[tuple[int, int]]:
    """Return the stored parts of ``[start, end)``: half-open, in order, merged."""
    end = record.end_sample if end is None else end
    ranges: list[tuple[int, int]] = []
    for first, n in _chunks(record, start, end).values_list("first_sample", "n"):
        low, high = max(first, start), min(first + n, end)
        if low >= high:
            continue
        if ranges and ranges[-1][1] == low:
            ranges[-1] = (ranges[-1][0], high)
        else:
            ranges.append((low, high))
    return ranges


def read_time_map(record: Record) -> TimeMap:
    """Return the record's map from samples to time, for many samples at once."""
    pieces = time_pieces(record.anchors.order_by("sample"))
    return TimeMap(record.fs, pieces or [Piece(0, record.started_at)])


def time_pieces(anchors: Iterable[Anchor]) -> list[Piece]:
    """Return the pieces that these anchors, in order, begin."""
    return [
        Piece(anchor.sample, anchor.at, timedelta(milliseconds=anchor.step_ms))
        for anchor in anchors
    ]


def _chunks(record: Record, start: int, end: int) -> QuerySet[Chunk]:
    reach = _MAX_CHUNK_S * record.fs
    # The reach is for the index; of the chunks within it, some end before the start.
    chunks = Chunk.objects.filter(
        record=record, first_sample__lt=end, first_sample__gt=start - reach
    ).filter(n__gt=0, first_sample__gt=start - F("n"))
    return chunks.order_by("first_sample")
