"""Analyse whatever is pending: the centre of the worker."""

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import DatabaseError

from inference.ecg.state import BadState
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
            served = _analyse(claimed, queue, now=clock.now())
            waiting |= {state.pk for state in claimed} - served
            done += len(served)
    return done


def _analyse(claimed: list[AnalysisState], queue: Queue, *, now: datetime) -> set[int]:
    """Analyse one claimed batch; return which records got further."""
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
    return served


def _store(done: Done, *, now: datetime) -> Stored | None:
    state = done.work.state
    if done.moved is None:
        return store_flush(state, done.analysis, now=now)
    return store_lot(state, done.moved, done.analysis, now=now)
