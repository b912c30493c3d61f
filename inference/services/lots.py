"""How far a record can be analysed now."""

from datetime import datetime, timedelta

from django.db.models import Min

from devices.models import Chunk, Record
from devices.reading import stored_ranges
from inference.ecg.grid import BLOCK_S

# The live head waits so long for a missing packet, then goes on without it.
GRACE = timedelta(seconds=3)
CHECKPOINT_S = 300


def next_checkpoint(sample: int, fs: int) -> int:
    """Return the first checkpoint after ``sample``; lots never cross one."""
    step = CHECKPOINT_S * fs
    return (sample // step + 1) * step


def lot_end(record: Record, cursor: int, *, lot_s: int, now: datetime) -> int:
    """Return the end of the next lot, a whole number of blocks after ``cursor``.

    Equal to ``cursor`` while nothing can be analysed: less than a block is there,
    or a packet is missing and may still come.
    """
    farthest = min(
        cursor + lot_s * record.fs,
        next_checkpoint(cursor, record.fs),
        record.end_sample,
    )
    block = BLOCK_S * record.fs
    reach = cursor
    for start, end in stored_ranges(record, cursor, farthest):
        if start > reach and not _is_given_up(record, reach, now=now):
            return reach // block * block
        reach = end
    if reach < farthest and _is_given_up(record, reach, now=now):
        reach = farthest
    return reach // block * block


def _is_given_up(record: Record, gap_start: int, *, now: datetime) -> bool:
    """Tell whether what is missing from ``gap_start`` on is waited for no longer."""
    if record.source == Record.Source.FILE:
        return True
    later = Chunk.objects.filter(record=record, first_sample__gte=gap_start, n__gt=0)
    seen_at = later.aggregate(at=Min("received_at"))["at"]
    return seen_at is None or now - seen_at >= GRACE


def is_closed(record: Record, start: int, end: int) -> bool:
    """Tell whether no sample is missing in ``[start, end)``."""
    return list(stored_ranges(record, start, end)) == [(start, end)]
