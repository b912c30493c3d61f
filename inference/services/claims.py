"""Which records wait for analysis, and taking them so that no two workers do."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import F

from devices.fixed_sql import Columns
from devices.models import Anchor, Record
from inference.ecg.grid import BLOCK_S
from inference.models import AnalysisState, PatientLimits
from patients.models import Patient

# A killed worker's records are free again after this.
CLAIM = timedelta(seconds=20)
# Further behind than this, a record is caught up in the backfill queue.
LIVE_LAG_S = 120
# A record that rests so long gets its tail analysed, provisionally.
REST = timedelta(seconds=10)
BATCH_RECORDS = {"live": 256, "backfill": 16}


class Queue(StrEnum):
    """What is watched now goes before what is caught up."""

    LIVE = "live"
    BACKFILL = "backfill"


def claim_records(
    queue: Queue,
    *,
    shard: int = 0,
    of: int = 1,
    skip: Collection[int] = (),
    now: datetime,
) -> list[AnalysisState]:
    """Take at most a batch of records that have work, least recently served first.

    Of ``of`` shards only those of ``shard``. The claim runs out by itself; whoever
    stores a result proves that it still holds the claim, in the same transaction.
    """
    claim, until = uuid4(), now + CLAIM
    values: dict[str, Any] = {
        "now": now,
        "claim": claim,
        "until": until,
        "rested": now - REST,
        "skip": list(skip),
        "shard": shard,
        "shards": of,
        "most": BATCH_RECORDS[queue],
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CLAIM[queue], values)
        claimed = [pk for (pk,) in cursor.fetchall()]
        if not claimed:
            return []
        cursor.execute(_READ, [claimed])
        states = [_state(row) for row in cursor.fetchall()]
        cursor.execute(_ANCHORS, [[state.record_id for state in states]])
        _give_anchors(states, cursor.fetchall())
    for state in states:
        state.claim, state.claimed_until = claim, until
    return sorted(states, key=lambda state: (state.advanced_at, state.pk))


def _state(values: Sequence[Any]) -> AnalysisState:
    state, values = _STATE.take(values)
    record, values = _RECORD.take(values)
    patient, values = _PATIENT.take(values)
    limits, _ = _LIMITS.take(values)
    assert state is not None
    assert record is not None
    # As it comes from the database; the ORM would have read it.
    if isinstance(state.technical, str):
        state.technical = json.loads(state.technical)
    if patient is not None:
        patient._state.fields_cache["limits"] = limits
    record.patient, state.record = patient, record
    return state


def _give_anchors(states: Sequence[AnalysisState], rows: Iterable[Any]) -> None:
    """Give each record its anchors, as a prefetch does."""
    found: dict[int, list[Anchor]] = {state.record_id: [] for state in states}
    for values in rows:
        anchor, _ = _ANCHOR.take(values)
        assert anchor is not None
        found[anchor.record_id].append(anchor)
    for state in states:
        anchors = Anchor.objects.all()
        anchors._result_cache = found[state.record_id]
        state.record._prefetched_objects_cache = {"anchors": anchors}  # type: ignore[attr-defined]


def extend_claim(state: AnalysisState, *, now: datetime) -> bool:
    """Hold a claim for longer; False when another worker has taken it."""
    held = AnalysisState.objects.filter(pk=state.pk, claim=state.claim)
    return bool(held.update(claimed_until=now + CLAIM))


def release(state: AnalysisState) -> None:
    """Give a record back unchanged."""
    held = AnalysisState.objects.filter(pk=state.pk, claim=state.claim)
    held.update(claim=None, claimed_until=None)


def put_off(state: AnalysisState, *, now: datetime) -> None:
    """Give a failing record back and try it later and later, at most 5 min apart."""
    wait = timedelta(seconds=min(300, 2 ** min(state.failed_count, 9)))
    AnalysisState.objects.filter(pk=state.pk, claim=state.claim).update(
        claim=None,
        claimed_until=None,
        failed_count=F("failed_count") + 1,
        next_try_at=now + wait,
    )


_STATE = Columns(AnalysisState, without=["state"])
_RECORD, _PATIENT = Columns(Record), Columns(Patient)
_LIMITS, _ANCHOR = Columns(PatientLimits), Columns(Anchor)

_AHEAD = f"(record.end_sample >= state.cursor_sample + record.fs * {BLOCK_S})"
_FAR = f"(record.end_sample > state.cursor_sample + record.fs * {LIVE_LAG_S})"
_LATE = "(record.late_from_sample IS NOT NULL)"
_TAIL = f"""(NOT {_AHEAD} AND record.end_sample >= state.cursor_sample
    AND record.end_sample IS DISTINCT FROM state.flushed_sample)"""
_WORK = {
    Queue.LIVE: f"""record.source = 'device' AND ({_AHEAD} AND NOT {_FAR} OR {_LATE}
        OR {_TAIL} AND state.advanced_at <= %(rested)s)
        AND record.id %% %(shards)s = %(shard)s""",
    Queue.BACKFILL: f"""record.source <> 'device' AND ({_AHEAD} OR {_LATE} OR {_TAIL})
        OR {_FAR} OR state.redo_due_at <= %(now)s""",
}
# Two statements, and the ids as an array: PostgreSQL knows little of how many rows are
# unsettled and free, takes them for one, and then joins each with every patient. OFFSET
# keeps it from the same with every record of a device.
_CLAIM = {
    queue: f"""
UPDATE inference_analysisstate SET claim = %(claim)s, claimed_until = %(until)s
WHERE id = ANY(ARRAY(
    SELECT state.id
    FROM inference_analysisstate AS state
    CROSS JOIN LATERAL (
        SELECT * FROM devices_record WHERE id = state.record_id OFFSET 0
    ) AS record
    WHERE NOT state.settled
        AND (state.claimed_until IS NULL OR state.claimed_until < %(now)s)
        AND (state.next_try_at IS NULL OR state.next_try_at <= %(now)s)
        AND NOT state.id = ANY(%(skip)s) AND ({work})
    ORDER BY state.advanced_at, state.id LIMIT %(most)s
    FOR NO KEY UPDATE OF state SKIP LOCKED
))
RETURNING id
"""
    for queue, work in _WORK.items()
}
_READ = f"""
SELECT {_STATE.of("state")}, {_RECORD.of("record")}, {_PATIENT.of("patient")},
    {_LIMITS.of("own")}
FROM inference_analysisstate AS state
JOIN devices_record AS record ON record.id = state.record_id
LEFT JOIN patients_patient AS patient ON patient.id = record.patient_id
LEFT JOIN inference_patientlimits AS own ON own.patient_id = patient.id
WHERE state.id = ANY(%s)
"""
_ANCHORS = f"""
SELECT {_ANCHOR.of("anchor")} FROM devices_anchor AS anchor
WHERE anchor.record_id = ANY(%s) ORDER BY anchor.record_id, anchor.sample
"""
