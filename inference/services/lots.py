"""How far a record can be analysed now."""

from datetime import datetime, timedelta

import numpy as np

from devices.models import Chunk, Record
from devices.reading import read_signal_mv, stored_ranges
from inference.ecg.grid import BLOCK_S
from inference.ecg.types import Signal

# The live head waits so long for a missing packet, then goes on without it.
GRACE = timedelta(seconds=3)
CHECKPOINT_S = 300


def next_checkpoint(sample: int, fs: int) -> int:
    """Return the first checkpoint after ``sample``; lots never cross one."""
    step = CHECKPOINT_S * fs
    return (sample // step + 1) * step


def lot_samples(record: Record, cursor: int, *, lot_s: int) -> int:
    """Return how many samples the next lot has: whole blocks, as far as they go."""
    farthest = min(
        cursor + lot_s * record.fs,
        next_checkpoint(cursor, record.fs),
        record.end_sample,
    )
    block = BLOCK_S * record.fs
    return max(0, farthest - cursor) // block * block


def read_lot(
    record: Record, cursor: int, *, lead: int, lot_s: int, now: datetime
) -> Signal:
    """Read the next lot in mV, whole blocks from ``cursor`` on; NaN is missing.

    Empty while nothing can be analysed: less than a block is there, or a packet
    is missing and may still come.
    """
    block, size = BLOCK_S * record.fs, lot_samples(record, cursor, lot_s=lot_s)
    signal = read_signal_mv(record, cursor, cursor + size, lead=lead)
    missing = np.isnan(signal)
    # Where samples begin to be missing; each place is waited for on its own.
    starts = np.flatnonzero(missing & ~np.concatenate(([False], missing[:-1])))
    for start in starts.tolist():
        if not _is_given_up(record, cursor + start, now=now):
            return signal[: start // block * block]
    return signal


def _is_given_up(record: Record, gap_start: int, *, now: datetime) -> bool:
    """Tell whether what is missing from ``gap_start`` on is waited for no longer."""
    if record.source == Record.Source.FILE:
        return True
    later = Chunk.objects.filter(record=record, first_sample__gte=gap_start, n__gt=0)
    # In the order of the index, so that the first row answers: behind the gap there
    # may be a week of them.
    rows = later.order_by("first_sample").values_list("pk", flat=True)
    seen = rows.filter(received_at__lte=now - GRACE).first()
    return seen is not None or rows.first() is None


def is_closed(record: Record, start: int, end: int) -> bool:
    """Tell whether no sample is missing in ``[start, end)``."""
    return list(stored_ranges(record, start, end)) == [(start, end)]
