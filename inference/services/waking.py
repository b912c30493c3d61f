"""Which records have work at all: those with new samples since they were settled.

Records pile up for years and nearly all are settled, so a claim looks only at the
others (a partial index). New samples do not touch the analysis; they are found by the
time at which the record last received some. Among the newest records are those that
were filled with history.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from inference.nets import annotator

# What was received longer ago is looked for only now and then.
RECENTLY = timedelta(minutes=15)
LOOK_AT_ALL_S = 300.0
_EVER = datetime(1, 1, 2, tzinfo=UTC)

_WAKE = """
UPDATE inference_analysisstate AS state SET settled = false
FROM devices_record AS record
WHERE record.id = state.record_id AND state.settled
    AND record.last_received_at > %(since)s
    AND (record.late_from_sample IS NOT NULL
        OR record.end_sample IS DISTINCT FROM state.flushed_sample)
"""
_BEGIN = """
INSERT INTO inference_analysisstate (record_id, annotator, lead, cursor_sample, state,
    state_sample, settled, failed_count, technical, advanced_at)
SELECT record.id, %(annotator)s, 0, 0, '', 0, false, 0, '{}', %(now)s
FROM devices_record AS record
WHERE record.end_sample > 0
    AND (record.last_received_at > %(since)s
        OR record.id > (SELECT coalesce(max(record_id) - 100, 0)
                        FROM inference_analysisstate))
    AND NOT EXISTS (SELECT FROM inference_analysisstate AS state
                    WHERE state.record_id = record.id)
ORDER BY record.id LIMIT 5000
ON CONFLICT DO NOTHING
"""


class _Looked:
    """When this process last looked at every record, by its own clock."""

    at_s: float | None = None


def wake_records(*, now: datetime) -> None:
    """Give every record that has samples a cursor; wake those with new samples.

    Looks at what was received lately, and at all records when the process begins and
    every five minutes: so none is forgotten, however long no worker was there.
    """
    clock_s = time.monotonic()
    at_all = _Looked.at_s is None or clock_s - _Looked.at_s > LOOK_AT_ALL_S
    values: dict[str, Any] = {
        "since": _EVER if at_all else now - RECENTLY,
        "annotator": annotator(),
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_WAKE, values)
        cursor.execute(_BEGIN, values)
    if at_all:
        _Looked.at_s = clock_s
