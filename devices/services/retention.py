"""Remove signal that is older than it is to be kept, by whole segments."""

from datetime import datetime

import numpy as np
from django.db import transaction
from django.db.models import F, Sum

from devices.models import Chunk, Compaction, Record, Segment
from devices.reading import read_time_map
from devices.services.segments import loosen


@transaction.atomic
def remove_history(*, record: Record, before: datetime, now: datetime) -> int:
    """Remove the segments that end before a time; return how far nothing is kept.

    They must have arrived before it, too. Packets that still come from there are
    answered like repeated ones. The files go after some days, when no backup needs them
    (see ``loosen``).
    """
    Record.objects.select_for_update(no_key=True).only("pk").get(pk=record.pk)
    row, _ = Compaction.objects.select_for_update().get_or_create(record=record)
    segments = Segment.objects.filter(record=record).order_by("span_sample")
    rows = list(segments.values_list("end_sample", "received_at"))
    ends = np.array([end for end, _ in rows], np.int64)
    is_old = read_time_map(record).epoch_ms(ends) <= before.timestamp() * 1000
    # A device whose clock is far behind sends signal of today.
    is_old &= np.array([received_at <= before for _, received_at in rows], bool)
    old = int(np.argmin(np.append(is_old, False)))
    if not old:
        return row.removed_to_sample
    gone = list(segments.only("pk", "key", "last_seq", "sample_count")[:old])
    floor = int(ends[old - 1])
    late = Chunk.objects.filter(
        record=record, first_sample__lte=floor - F("n"), n__gt=0
    )
    row.removed_samples += sum(one.sample_count for one in gone)
    row.removed_samples += late.aggregate(samples=Sum("n"))["samples"] or 0
    row.removed_to_sample = floor
    row.removed_to_seq = max(row.removed_to_seq, gone[-1].last_seq)
    row.save(update_fields=["removed_samples", "removed_to_sample", "removed_to_seq"])
    late.delete()
    Segment.objects.filter(pk__in=[one.pk for one in gone]).delete()
    loosen(keys=[one.key for one in gone], now=now)
    return floor
