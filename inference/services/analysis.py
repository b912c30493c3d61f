"""Analyse whatever is pending: the centre of the worker."""

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import DatabaseError

from inference.ecg.grid import BLOCK_S
from inference.ecg.state import BadState
from inference.metrics import ANALYSED_SECONDS, LABEL_SECONDS
from inference.models import AnalysisState
from inference.services.claims import (
    Queue,
    claim_records,
    ensure_states,
    put_off,
    release,
)
from inference.services.late import absorb_late, redo_late, start_afresh
from inference.services.live_results import announce_stored
from inference.services.storing import Stored, store_flush, store_lot
from inference.services.work import Done, Work, compute, next_work

log = logging.getLogger(__name__)


class Elapsing:
    """The time of the call, moving on with the clock."""

    def __init__(self, now: datetime) -> None:
        self._now, self._start = now, time.monotonic()

    def seconds(self) -> float:
        """Return how long ago the call was."""
        return time.monotonic() - self._start

    def now(self) -> datetime:
        """Return the time of the call plus what has passed since."""
        return self._now + timedelta(seconds=self.seconds())


def analyse_pending(
    *,
    now: datetime,
    queues: Sequence[Queue] = (Queue.LIVE, Queue.BACKFILL),
    most_s: float = float("inf"),
) -> int:
    """Analyse until nothing is pending or ``most_s`` have passed; count the lots.

    May run twice, and at the same moment elsewhere: only what is committed with
    the cursor counts, and only under a claim. After each commit it announces new
    beats on the live streams.
    """
    clock = Elapsing(now)
    ensure_states(now=now)
    done = 0
    for queue in queues:
        # Records with samples that must wait (a packet is missing): asked again
        # by the packet, or by the sweep.
        waiting: set[int] = set()
        while clock.seconds() < most_s:
            claimed = claim_records(queue, skip=waiting, now=clock.now())
            if not claimed:
                break
            served, kept = _analyse(claimed, queue, now=clock.now())
            _count(kept, queue, now=clock.now())
            waiting |= {state.pk for state in claimed} - served
            done += len(served)
    return done


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
    served: set[int] = set()
    works: list[Work] = []
    for state in claimed:
        try:
            absorb_late(state, now=now)
            if queue == Queue.BACKFILL and redo_late(state, now=now):
                served.add(state.pk)
                continue
            work = next_work(state, queue, now=now)
        except BadState:
            # Written by another version of the analysis, which cannot go on.
            log.warning("Record %s is analysed afresh", state.record_id)
            start_afresh(state, now=now)
            continue
        except DatabaseError:
            raise
        except Exception:
            log.exception("Record %s cannot be prepared", state.record_id)
            put_off(state, now=now)
            continue
        if work is None:
            release(state)
        else:
            works.append(work)
    kept: list[Stored] = []
    for result in compute(works):
        if isinstance(result, Work):
            put_off(result.state, now=now)
            continue
        stored = _store(result, now=now)
        if stored is not None:
            served.add(result.work.state.pk)
            kept.append(stored)
    announce_stored(kept, now=now)
    return served, kept


def _store(done: Done, *, now: datetime) -> Stored | None:
    state = done.work.state
    if done.moved is None:
        return store_flush(state, done.analysis, now=now)
    return store_lot(state, done.moved, done.analysis, now=now)
