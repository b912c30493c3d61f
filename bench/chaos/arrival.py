"""When signal came, wherever it is stored by now."""

from __future__ import annotations

from datetime import datetime

from devices.models import Record
from devices.packing import moment
from devices.reading import chunks_touching
from devices.segment_reading import segments_data


def arrived_at(record: Record, start: int, end: int) -> datetime | None:
    """Return when the last packet with samples in ``[start, end)`` came.

    Only these: a neighbour that came late excuses no alarm.
    """
    # Chunks before segments, as the reader of signal does: what is packed meanwhile is
    # seen twice rather than not at all.
    chunks = chunks_touching(record, start, end)
    came_at = list(chunks.values_list("received_at", flat=True))
    for packed in segments_data(record, start, end):
        first, n = packed.places.first_sample, packed.places.n
        inside = packed.places.has_signal & (first < end) & (first + n > start)
        came_at += [moment(us) for us in packed.told.received_at_us[inside].tolist()]
    return max(came_at, default=None)
