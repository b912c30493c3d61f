"""Where the last of the late samples lies that one mark stands for."""

from django.db import connection

from devices.models import Record


def late_end(record: Record, late_from: int, cursor: int) -> int:
    """Return the end of the last late packet in ``[late_from, cursor)``.

    The mark of late samples says only where the first is. A gap is given up when a
    packet behind it has been there for ``lots.GRACE``, so what came too late for the
    analysis arrived after a packet behind it; so did what lies before a segment.
    Returns ``cursor`` if no packet did: then nothing is known of the end.
    """
    with connection.cursor() as asked:
        values = {"record": record.pk, "from": late_from, "cursor": cursor}
        asked.execute(_LATE_END, values)
        (found,) = asked.fetchone()
    return cursor if found is None else min(found, cursor)


# Packets that are in segments are no late ones: from the mark on nothing is compacted.
_LATE_END = """
SELECT max(first_sample + n) FROM (
    SELECT first_sample, n, received_at, min(received_at) OVER (
        ORDER BY first_sample ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ) AS later_at
    FROM devices_chunk
    WHERE record_id = %(record)s AND first_sample >= %(from)s AND n > 0
) AS packet
WHERE first_sample < %(cursor)s AND (
    received_at > later_at
    OR first_sample < (
        SELECT max(end_sample) FROM devices_segment WHERE record_id = %(record)s
    )
)
"""
