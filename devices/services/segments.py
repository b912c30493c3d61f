"""Write, swap and remove the files of segments: a crash at any point is harmless.

A file is announced in ``LooseFile`` before it is written. The transaction that makes a
segment name it also takes the announcement back and, for the file that the segment
named before, makes one. What is still announced when it is due belongs to nobody.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from devices.models import Chunk, LooseFile, Record, Segment
from devices.packing import moment
from devices.segment_files import new_key, segment_store, write_segment
from devices.segments import (
    LEVELS,
    SegmentData,
    coarser,
    encode_segment,
    pack_bins,
    pack_places,
)

log = logging.getLogger(__name__)

# Loose files that one transaction removes; one that cannot be is tried again later.
AT_ONCE, AFTER_FAILURE = 100, timedelta(hours=1)
# Nobody needs so long from announcing a file to the commit of its segment.
_WRITING = timedelta(hours=1)
# A backup that copies the files after the rows still finds those that were replaced.
KEEP_REPLACED = timedelta(days=7)


class Overtaken(RuntimeError):
    """Somebody else has changed what a new segment was made of."""


def write_segment_files(
    *, record: Record, spans: Mapping[int, SegmentData], now: datetime
) -> list[Segment]:
    """Write the segments of these spans; return their rows, not yet saved."""
    packed = [encode_segment(data) for data in spans.values()]
    rows = [_row(record, span, data, now=now) for span, data in spans.items()]
    LooseFile.objects.bulk_create(
        LooseFile(key=row.key, remove_after=now + _WRITING) for row in rows
    )
    for row, data in zip(rows, packed, strict=True):
        row.sha256, row.size = data[-32:], len(data)
        write_segment(row.key, data)
    return rows


def _row(
    record: Record, span_sample: int, data: SegmentData, *, now: datetime
) -> Segment:
    places, fine = data.places, data.pyramid
    start, end = places.bounds()
    last = int(places.has_signal.nonzero()[0][-1])
    return Segment(
        record=record,
        span_sample=span_sample,
        start_sample=start,
        end_sample=end,
        sample_count=len(data.samples),
        first_seq=int(places.seq[0]),
        last_seq=int(places.seq[-1]),
        chunk_count=len(places),
        places=pack_places(places),
        overview=pack_bins(coarser(fine, LEVELS[1])),
        coarse=pack_bins(coarser(fine, LEVELS[2])),
        key=new_key(now),
        received_at=moment(int(data.told.received_at_us[last])),
        created_at=now,
    )


@transaction.atomic
def swap_in(
    *,
    record: Record,
    rows: Iterable[Segment],
    replaced: Mapping[int, str],
    taken: Sequence[int],
    now: datetime,
) -> None:
    """Let segments take the place of chunks (primary keys) and of older segments.

    ``replaced`` are the keys that the segments of these spans are known to have; a
    span without one has no segment yet. Uploads of the record wait meanwhile.
    Raises ``Overtaken``, and changes nothing, when any of that holds no longer.
    """
    Record.objects.select_for_update(no_key=True).only("pk").get(pk=record.pk)
    rows = list(rows)
    spans = [row.span_sample for row in rows]
    old = Segment.objects.filter(record=record, span_sample__in=spans)
    if dict(old.values_list("span_sample", "key")) != dict(replaced):
        raise Overtaken(f"A segment of record {record.pk} was written meanwhile.")
    announced = LooseFile.objects.filter(key__in=[row.key for row in rows])
    if announced.delete()[0] != len(rows):
        raise Overtaken(f"Writing segments of record {record.pk} took too long.")
    if Chunk.objects.filter(pk__in=taken).delete()[0] != len(taken):
        raise Overtaken(f"Chunks of record {record.pk} are in a segment already.")
    if replaced:
        old.delete()
    Segment.objects.bulk_create(rows)
    loosen(keys=replaced.values(), now=now)


def loosen(*, keys: Iterable[str], now: datetime) -> None:
    """Have files removed that segments named until now; after a while, for backups."""
    LooseFile.objects.bulk_create(
        LooseFile(key=key, remove_after=now + KEEP_REPLACED) for key in keys
    )


def remove_loose_files(*, now: datetime, most_s: float = float("inf")) -> int:
    """Remove the files that belong to nobody; return how many announcements ended.

    Until none is due or ``most_s`` have passed. Of several callers each takes others.
    """
    start_s, removed, done = time.monotonic(), 0, -1
    while done and time.monotonic() - start_s < most_s:
        done, ended = _remove_some(now=now)
        removed += ended
    return removed


@transaction.atomic
def _remove_some(*, now: datetime) -> tuple[int, int]:
    """Return how many announcements were looked at, and how many have ended."""
    due = LooseFile.objects.select_for_update(skip_locked=True)
    due = due.filter(remove_after__lt=now).order_by("remove_after")
    # Held until the commit: who takes such a file into use waits, and then does not.
    loose = list(due[:AT_ONCE])
    keys = [one.key for one in loose]
    used = set(Segment.objects.filter(key__in=keys).values_list("key", flat=True))
    ended = []
    for one in loose:
        try:
            if one.key in used:
                log.error("File %s is announced as loose but in use", one.key)
            else:
                segment_store().delete(one.key)
        except Exception:
            # It must not stand before the others.
            log.exception("File %s cannot be removed", one.key)
            later = LooseFile.objects.filter(pk=one.pk)
            later.update(remove_after=now + AFTER_FAILURE)
        else:
            ended.append(one.pk)
    LooseFile.objects.filter(pk__in=ended).delete()
    return len(loose), len(ended)
