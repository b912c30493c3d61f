"""Move the cursors of many records with one statement, which is also the lock."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Least

from inference.ecg.state import RecordState
from inference.models import AnalysisState


@dataclass(frozen=True)
class Move:
    """A claimed row as it was read, and where its record is to be now.

    ``checksum`` is that of the state ``carried`` at ``end``; ``technical`` is as in
    the row.
    """

    row: AnalysisState
    end: int
    carried: RecordState
    checksum: int
    technical: dict[str, Any]


def move_cursors(moves: Sequence[Move], *, annotator: str, now: datetime) -> set[int]:
    """Move each cursor whose claim still holds, and give the records back.

    Returns the ids of the rows that moved: of another one nothing may be kept, nor of a
    record that has got its patient meanwhile, who must hear of its alarms.
    """
    values: dict[str, Any] = {
        "ids": [move.row.pk for move in moves],
        "patients": [move.row.record.patient_id for move in moves],
        "claims": [move.row.claim for move in moves],
        "starts": [move.row.cursor_sample for move in moves],
        "ends": [move.end for move in moves],
        "checksums": [move.checksum for move in moves],
        "technical": [json.dumps(move.technical) for move in moves],
        "annotator": annotator,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, values)
        return {pk for (pk,) in cursor.fetchall()}


def write_states(moves: Sequence[Move]) -> None:
    """Write the carried states into rows that this transaction has moved."""
    connection.ensure_connection()
    # Sent as bytes; Django's cursor would make hexadecimal digits of them.
    with psycopg.Cursor(connection.connection) as cursor:
        for move in moves:
            state = move.carried.to_bytes()
            cursor.execute(_WRITE, [state, move.end, move.row.pk])


def write_checkpoints(moves: Sequence[Move]) -> None:
    """Keep the carried states for good, as they are at the ends of the moves."""
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.executemany(
            _CHECKPOINT,
            [(move.row.record_id, move.end, move.carried.to_bytes()) for move in moves],
        )


def redo_from(row: AnalysisState, sample: int, *, now: datetime) -> None:
    """Have the record computed anew from ``sample``; now, if nothing waits already."""
    AnalysisState.objects.filter(pk=row.pk).update(
        redo_from_sample=Least(Coalesce(F("redo_from_sample"), sample), Value(sample)),
        redo_to_sample=None,
        redo_due_at=Coalesce(F("redo_due_at"), now),
        redo_since=Coalesce(F("redo_since"), now),
    )


_MOVE = """
UPDATE inference_analysisstate AS state
SET annotator = %(annotator)s, cursor_sample = move.stop,
    state_checksum = move.checksum,
    technical = move.technical, advanced_at = %(now)s, flushed_sample = NULL,
    failed_count = 0, next_try_at = NULL, claim = NULL, claimed_until = NULL
FROM unnest(%(ids)s::bigint[], %(claims)s::uuid[], %(starts)s::bigint[],
        %(ends)s::bigint[], %(checksums)s::bigint[], %(technical)s::jsonb[],
        %(patients)s::bigint[])
    AS move (id, claim, start, stop, checksum, technical, patient),
    devices_record AS record
WHERE state.id = move.id AND state.claim = move.claim
    AND state.cursor_sample = move.start AND record.id = state.record_id
    AND record.patient_id IS NOT DISTINCT FROM move.patient
RETURNING state.id
"""
_WRITE = """
UPDATE inference_analysisstate SET state = %b, state_sample = %s WHERE id = %s
"""
_CHECKPOINT = """
INSERT INTO inference_checkpoint (record_id, sample, state, compressed)
VALUES (%s, %s, %b, false)
ON CONFLICT (record_id, sample)
DO UPDATE SET state = excluded.state, compressed = false
"""
