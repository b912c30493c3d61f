"""Analyse whatever is pending: the centre of the worker."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db import InterfaceError, OperationalError

from inference.ecg.grid import BLOCK_S
from inference.ecg.state import BadState
from inference.metrics import ANALYSED_SECONDS, LABEL_SECONDS
from inference.models import AnalysisState
from inference.services.claims import (
    BATCH_RECORDS,
    Queue,
    claim_records,
    put_off,
    release,
)
from inference.services.elapsing import Elapsing
from inference.services.late import absorb_late, redo_late
from inference.services.live_results import announce_stored
from inference.services.redating import redate_pending
from inference.services.storing import Stored, store_flush, store_lots
from inference.services.taking_over import take_over
from inference.services.waking import wake_records
from inference.services.work import Done, Work, compute, next_work, read_lots

log = logging.getLogger(__name__)


def analyse_pending(
    *,
    now: datetime,
    queues: Sequence[Queue] = (Queue.LIVE, Queue.BACKFILL),
    shard: int = 0,
    of: int = 1,
    most_s: float = float("inf"),
) -> int:
    """Analyse until nothing is pending or ``most_s`` have passed; count the lots.

    Of the live records those of one shard. May run twice, and at the same moment
    elsewhere: only what is committed with the cursor counts, and only under a claim.
    After each commit it announces new beats on the live streams.
    """
    clock = Elapsing(now)
    wake_records(now=now)
    if Queue.BACKFILL in queues:
        redate_pending(now=now)
    done = 0
    for queue in queues:
        # Records with samples that must wait (a packet is missing), and live ones
        # that were served to their end: asked again by the next packet, or the sweep.
        enough: set[int] = set()
        most = BATCH_RECORDS[queue]
        while clock.seconds() < most_s:
            claimed = claim_records(
                queue, shard=shard, of=of, skip=enough, now=clock.now()
            )
            if not claimed:
                break
            served, kept = _analyse(claimed, queue, now=clock.now())
            _count(kept, queue, now=clock.now())
            enough |= {state.pk for state in claimed} - served
            done += len(served)
            if queue == Queue.LIVE:
                enough |= {one.row.pk for one in kept if _is_at_head(one)}
                # That was all; what comes meanwhile is better served together.
                if len(claimed) < most and not {one.pk for one in claimed} - enough:
                    break
    return done


def _is_at_head(stored: Stored) -> bool:
    left = stored.record.end_sample - stored.analysis.end_sample
    return left < stored.record.fs * BLOCK_S


def _count(kept: Sequence[Stored], queue: Queue, *, now: datetime) -> None:
    """Count what was just committed, and how long the newest packets waited for it."""
    for one in kept:
        record, analysis = one.record, one.analysis
        span_s = (analysis.end_sample - analysis.start_sample) / record.fs
        ANALYSED_SECONDS.labels(queue.value).inc(span_s)
        arrived_at = record.last_received_at
        # The tail of a record that rests is less than a block, and waited for more.
        is_tail = span_s < BLOCK_S
        is_head = record.end_sample - analysis.end_sample < record.fs
        if queue == Queue.LIVE and is_head and not is_tail and arrived_at is not None:
            LABEL_SECONDS.observe(max(0.0, (now - arrived_at).total_seconds()))


def _analyse(
    claimed: list[AnalysisState], queue: Queue, *, now: datetime
) -> tuple[set[int], list[Stored]]:
    """Analyse one claimed batch; return who got further, and what was kept."""
    _TakingOver.begin()
    served, ready = _work_in_late(claimed, queue, now=now)
    works = list(_prepare(ready, queue, now=now))
    lots: list[Done] = []
    kept: list[Stored] = []
    for result in compute(works):
        if isinstance(result, Work):
            put_off(result.state, now=now)
        elif result.moved is None:
            with _each_alone(result.work.state, now=now):
                tail = store_flush(result.work.state, result.analysis, now=now)
                kept += [tail] if tail else []
        else:
            lots.append(result)
    kept += _store(lots, now=now)
    served |= {one.row.pk for one in kept}
    announce_stored(kept, now=now)
    return served, kept


def _work_in_late(
    claimed: list[AnalysisState], queue: Queue, *, now: datetime
) -> tuple[set[int], list[AnalysisState]]:
    """Take note of late samples; return who is served by that, and who goes on."""
    served: set[int] = set()
    ready: list[AnalysisState] = []
    clock = Elapsing(now)
    for state in claimed:
        with _each_alone(state, now=now):
            absorb_late(state, now=now)
            if queue == Queue.BACKFILL and redo_late(state, now=clock.now()):
                served.add(state.pk)
            else:
                ready.append(state)
    return served, ready


def _prepare(
    states: list[AnalysisState], queue: Queue, *, now: datetime
) -> Iterator[Work]:
    signals = read_lots(states, queue)
    for state in states:
        with _each_alone(state, now=now):
            signal = signals.get(state.pk)
            work = next_work(state, queue, signal=signal, now=now)
            if work is None:
                release(state)
            else:
                yield work


class _TakingOver:
    """Takes records over for a while in each batch: the others must not wait."""

    MOST_S = 3.0
    begun_s = 0.0

    @classmethod
    def begin(cls) -> None:
        """Begin a batch."""
        cls.begun_s = time.monotonic()

    @classmethod
    def go_on(cls, state: AnalysisState, *, now: datetime) -> None:
        """Take a record over, or leave it to the next batch."""
        if time.monotonic() - cls.begun_s > cls.MOST_S:
            release(state)
            return
        log.warning("Record %s is taken over from another version", state.record_id)
        take_over(state, now=now)


@contextmanager
def _each_alone(state: AnalysisState, *, now: datetime) -> Iterator[None]:
    """Let a record that cannot be prepared stop nobody else."""
    try:
        try:
            yield
        except BadState:
            # Written by another version of the analysis, which cannot go on.
            _TakingOver.go_on(state, now=now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("Record %s cannot be prepared", state.record_id)
        put_off(state, now=now)


def _store(lots: list[Done], *, now: datetime) -> list[Stored]:
    """Keep a batch; if that fails each record alone, so that one stops nobody."""
    if not lots:
        return []
    try:
        return store_lots(lots, now=now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("Keeping %d records failed; trying each alone", len(lots))
    kept: list[Stored] = []
    for lot in lots:
        try:
            kept += store_lots([lot], now=now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("Record %s cannot be kept", lot.work.state.record_id)
            put_off(lot.work.state, now=now)
    return kept
