"""One row of ``devices_chunk`` from a request that says it in the barest way.

``POST /RECORD/SEQ`` with the int16 samples as the body.
"""

from __future__ import annotations

import zlib
from datetime import UTC, datetime

INSERT = """
INSERT INTO devices_chunk (record_id, seq, first_sample, n, crc, data, at, mono_ms,
                           flags, lost_before, marker, received_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, '{}', 0, false, %s)
"""
REPLY = b'{"packets": [{"seq": 0, "result": "stored"}]}'


def row_of(record: int, seq: int, body: bytes) -> tuple[object, ...]:
    """Return the values of the INSERT."""
    n, now = len(body) // 2, datetime.now(UTC)
    return record, seq, seq * n, n, zlib.crc32(body), body, now, seq, now
