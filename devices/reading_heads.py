"""Read the newest signal of many records with one question."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import psycopg
from django.db import connection
from numpy.typing import NDArray

from devices.models import Record


@dataclass(frozen=True)
class Head:
    """Wanted: samples ``[start, end)`` of one lead (index into ``record.leads``)."""

    record: Record
    start: int
    end: int
    lead: int = 0


def read_heads_mv(heads: Sequence[Head]) -> list[NDArray[np.float32] | None]:
    """Return float32[n] in mV of each head, the same bits as ``read_signal_mv``.

    None where it is not all there as packets: a sample is missing or no number, or
    lies in a segment. Then ask for that record alone.
    """
    rows: list[list[tuple[int, int, bytes]]] = [[] for _ in heads]
    for index, first, n, data in _packets(heads):
        rows[index].append((first, n, data))
    return [_alone(head, own) for head, own in zip(heads, rows, strict=True)]


def _packets(heads: Sequence[Head]) -> list[tuple[int, int, int, bytes]]:
    values = {
        "records": [head.record.pk for head in heads],
        "starts": [head.start for head in heads],
        "ends": [head.end for head in heads],
    }
    connection.ensure_connection()
    # As bytes, not as their hexadecimal digits, which Django's cursor asks for.
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(_PACKETS, values, binary=True)
        return cursor.fetchall()


def _alone(
    head: Head, packets: Sequence[tuple[int, int, bytes]]
) -> NDArray[np.float32] | None:
    try:
        return _signal(head, packets)
    except ValueError:
        # A damaged row: whoever asks for that record alone will hear of it.
        return None


def _signal(
    head: Head, packets: Sequence[tuple[int, int, bytes]]
) -> NDArray[np.float32] | None:
    """Join packets, which lie in order and without overlap, if none is missing."""
    record, position, parts = head.record, head.start, []
    for first, n, data in packets:
        if first > position:
            return None
        if first + n <= position:
            continue
        samples = np.frombuffer(data, "<i2").reshape(n, -1)
        stop = min(first + n, head.end)
        parts.append(samples[position - first : stop - first])
        position = stop
    if position < head.end or not parts:
        return None
    adu = parts[0] if len(parts) == 1 else np.concatenate(parts)
    with np.errstate(over="ignore"):
        mv = ((adu - float(record.baseline)) / record.gain).astype(np.float32)
    return np.ascontiguousarray(mv[:, head.lead]) if np.isfinite(mv).all() else None


# The packet that holds the start begins before it.
_PACKETS = """
SELECT wanted.number, packet.first_sample, packet.n, packet.data
FROM (
    SELECT number - 1 AS number, record_id, start, stop, coalesce(
        (SELECT first_sample FROM devices_chunk AS before
         WHERE before.record_id = asked.record_id AND first_sample <= start AND n > 0
         ORDER BY first_sample DESC LIMIT 1), start) AS low
    FROM unnest(%(records)s::bigint[], %(starts)s::bigint[], %(ends)s::bigint[])
        WITH ORDINALITY AS asked (record_id, start, stop, number)
) AS wanted
CROSS JOIN LATERAL (
    SELECT first_sample, n, data FROM devices_chunk
    WHERE record_id = wanted.record_id AND n > 0
        AND first_sample >= wanted.low AND first_sample < wanted.stop
    ORDER BY first_sample
) AS packet
"""
