"""Lowest and highest signal of long spans, from the bins that segments keep."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.models import Chunk, Record
from devices.packing import form_of
from devices.reading import chunks_touching
from devices.segment_reading import Damaged, segments_pyramids, segments_touching
from devices.segments import (
    LEVELS,
    Places,
    Pyramid,
    coarser,
    empty_pyramid,
    pyramid_of,
    unpack_bins,
)


@dataclass(frozen=True, eq=False)
class Overview:
    """Bins of ``bin_samples``, the first at ``start_sample``.

    ``low_mv`` and ``high_mv`` are float32[bins, leads]; NaN where nothing is stored and
    in the ranges of samples ``damaged``, which are stored and cannot be read.
    """

    start_sample: int
    bin_samples: int
    low_mv: NDArray[np.float32]
    high_mv: NDArray[np.float32]
    damaged: Damaged


def read_overview(record: Record, start: int, end: int, *, bins: int) -> Overview:
    """Return ``[start, end)``, widened to whole bins, in at most ``bins`` of them.

    No bin is shorter than 64 samples. From an hour on no file is read.
    """
    per_bin = max(-(-(end - start) // max(bins - 1, 1)), LEVELS[0])
    level = max(size for size in LEVELS if size <= per_bin)
    first, stop = start // level, -(-end // level)
    found = empty_pyramid(level, first, max(stop - first, 1), len(record.leads))
    # Chunks before segments: what becomes one meanwhile is seen twice.
    chunks = chunks_touching(record, start, end)
    for chunk in chunks.only("first_sample", "n", "data"):
        _add(found, _bins_of(record, chunk, level))
    damaged: Damaged = []
    for bin_row in _stored(record, start, end, level, damaged):
        _add(found, bin_row)
    factor = -(-per_bin // level)
    return _in_mv(record, coarser(found, level * factor), damaged)


def _stored(
    record: Record, start: int, end: int, level: int, damaged: Damaged
) -> Iterable[Pyramid]:
    if level == LEVELS[0]:
        return segments_pyramids(record, start, end, damaged=damaged)
    column = "overview" if level == LEVELS[1] else "coarse"
    segments = segments_touching(record, start, end)
    return [unpack_bins(bytes(row)) for row in segments.values_list(column, flat=True)]


def _bins_of(record: Record, chunk: Chunk, level: int) -> Pyramid:
    samples = np.frombuffer(bytes(chunk.data), "<i2").reshape(chunk.n, -1)
    one = np.zeros(1, np.int64)
    places = Places(one, one + chunk.first_sample, one + chunk.n, one, one)
    return pyramid_of(form_of(record), places, samples.astype(np.int16), size=level)


def _add(whole: Pyramid, part: Pyramid) -> None:
    """Take the bins of a part that lie in the whole into it."""
    low = max(part.first, whole.first)
    high = min(part.first + len(part), whole.first + len(whole))
    if low >= high:
        return
    here = slice(low - whole.first, high - whole.first)
    there = slice(low - part.first, high - part.first)
    np.minimum(whole.low[here], part.low[there], out=whole.low[here])
    np.maximum(whole.high[here], part.high[there], out=whole.high[here])


def _in_mv(record: Record, found: Pyramid, damaged: Damaged) -> Overview:
    is_empty = found.low > found.high
    with np.errstate(over="ignore"):
        low, high = (
            ((adu - float(record.baseline)) / record.gain).astype(np.float32)
            for adu in (found.low, found.high)
        )
    low[is_empty] = high[is_empty] = np.nan
    return Overview(found.first * found.size, found.size, low, high, damaged)
