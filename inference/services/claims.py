"""Which records wait for analysis, and taking them so that no two workers do."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from django.db import transaction
from django.db.models import F, Q

from devices.models import Record
from inference.ecg.grid import BLOCK_S
from inference.ecg.pipeline import initial_state
from inference.models import AnalysisState
from inference.nets import annotator

# A killed worker's records are free again after this.
CLAIM = timedelta(seconds=20)
# Further behind than this, a record is caught up in the backfill queue.
LIVE_LAG_S = 120
# A record that rests so long gets its tail analysed, provisionally.
REST = timedelta(seconds=10)
BATCH_RECORDS = {"live": 64, "backfill": 16}


class Queue(StrEnum):
    """What is watched now goes before what is caught up."""

    LIVE = "live"
    BACKFILL = "backfill"


def ensure_states(*, now: datetime) -> None:
    """Give every record that has samples a cursor."""
    fresh = Record.objects.filter(analysis=None, end_sample__gt=0)
    AnalysisState.objects.bulk_create(
        [
            AnalysisState(
                record=record,
                annotator=annotator(),
                state=initial_state(fs=record.fs).to_bytes(),
                advanced_at=now,
            )
            for record in fresh.order_by("pk")[:500]
        ],
        ignore_conflicts=True,
    )


def pending(queue: Queue, *, now: datetime) -> Q:
    """Return the condition for the states that have work in ``queue``."""
    cursor, fs = F("cursor_sample"), F("record__fs")
    ahead = Q(record__end_sample__gte=cursor + fs * BLOCK_S)
    far = Q(record__end_sample__gt=cursor + fs * LIVE_LAG_S)
    flushed = Q(flushed_sample__isnull=False, flushed_sample=F("record__end_sample"))
    tail = ~ahead & ~flushed & Q(record__end_sample__gte=cursor)
    late = Q(record__late_from_sample__isnull=False)
    device = Q(record__source=Record.Source.DEVICE)
    if queue == Queue.LIVE:
        return device & (
            (ahead & ~far) | late | (tail & Q(advanced_at__lte=now - REST))
        )
    return (~device & (ahead | late | tail)) | far | Q(redo_due_at__lte=now)


@transaction.atomic
def claim_records(
    queue: Queue, *, skip: Collection[int] = (), now: datetime
) -> list[AnalysisState]:
    """Take at most a batch of records that have work, least recently served first.

    The claim runs out by itself; whoever stores a result proves that it still
    holds the claim, in the same transaction.
    """
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    due = Q(next_try_at=None) | Q(next_try_at__lte=now)
    states = list(
        AnalysisState.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(free, due, pending(queue, now=now))
        .exclude(pk__in=skip)
        .select_related("record", "record__patient__limits")
        .prefetch_related("record__anchors")
        .order_by("advanced_at", "pk")[: BATCH_RECORDS[queue]]
    )
    claim, until = uuid4(), now + CLAIM
    AnalysisState.objects.filter(pk__in=[state.pk for state in states]).update(
        claim=claim, claimed_until=until
    )
    for state in states:
        state.claim, state.claimed_until = claim, until
    return states


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
