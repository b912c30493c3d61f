"""One record's next piece of work, and computing many pieces in one call."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from devices.models import Record
from devices.reading import read_signal_mv
from devices.reading_heads import Head, read_heads_mv
from inference.ecg.pipeline import RecordState, advance, finish
from inference.ecg.types import Analysis, Limits, Signal
from inference.models import AnalysisState
from inference.nets import nets
from inference.services.carried import Carried, carried_state
from inference.services.claims import REST, Queue
from inference.services.limits import limits_of
from inference.services.lots import lot_samples, read_lot

log = logging.getLogger(__name__)

LOT_S = {Queue.LIVE: 30, Queue.BACKFILL: 300}


@dataclass(frozen=True)
class Work:
    """From the carried state, this much signal; ``flush`` for a resting tail."""

    state: AnalysisState
    carried: Carried
    signal: Signal
    limits: Limits
    flush: bool = False


@dataclass(frozen=True)
class Done:
    """A computed piece of work; ``moved`` is None for a flushed tail."""

    work: Work
    moved: RecordState | None
    analysis: Analysis


def read_lots(states: Sequence[AnalysisState], queue: Queue) -> dict[int, Signal]:
    """Return the next lots of claimed records, by the id of the state.

    All of them are read at once, but only of devices and where nothing is missing.
    """
    heads = {}
    for state in states:
        record, start = state.record, state.cursor_sample
        if size := lot_samples(record, start, lot_s=LOT_S[queue]):
            heads[state.pk] = Head(record, start, start + size, state.lead)
        if record.source == Record.Source.FILE:
            heads.pop(state.pk, None)
    signals = read_heads_mv(list(heads.values()))
    found = zip(heads, signals, strict=True)
    return {pk: signal for pk, signal in found if signal is not None}


def next_work(
    state: AnalysisState, queue: Queue, *, signal: Signal | None = None, now: datetime
) -> Work | None:
    """Return the next lot of a claimed record, or its tail; None while it must wait.

    ``signal`` is the lot if it was read already.
    """
    record, cursor, flush = state.record, state.cursor_sample, False
    if signal is None:
        signal = read_lot(record, cursor, lead=state.lead, lot_s=LOT_S[queue], now=now)
        flush = not len(signal) and _may_flush(state, now=now)
    if flush:
        signal = read_signal_mv(record, cursor, record.end_sample, lead=state.lead)
    elif not len(signal):
        return None
    return Work(state, carried_state(state), signal, limits_of(record), flush)


def _may_flush(state: AnalysisState, *, now: datetime) -> bool:
    record = state.record
    if record.end_sample - state.cursor_sample >= record.fs:
        return False
    if state.flushed_sample == record.end_sample:
        return False
    is_file = record.source == Record.Source.FILE
    return is_file or state.advanced_at <= now - REST


def compute(works: Sequence[Work]) -> Iterator[Done | Work]:
    """Run the pipeline over all works at once; give a work back if it fails.

    Only when the common call fails is each record tried alone, so that the one
    at fault stops nobody else.
    """
    for flush in (False, True):
        part = [work for work in works if work.flush == flush]
        if not part:
            continue
        try:
            yield from _run(part)
        except Exception:
            log.exception("A batch of %d records failed; trying each alone", len(part))
            for work in part:
                yield from _run_alone(work)


def _run_alone(work: Work) -> list[Done | Work]:
    try:
        return list(_run([work]))
    except Exception:
        log.exception("Analysis of record %s failed", work.state.record_id)
        return [work]


def _run(works: Sequence[Work]) -> list[Done]:
    states = [work.carried.state for work in works]
    signals = [work.signal for work in works]
    limits = [work.limits for work in works]
    if works[0].flush:
        tails = finish(states, signals, nets=nets(), limits=limits)
        return [Done(work, None, tail) for work, tail in zip(works, tails, strict=True)]
    moved = advance(states, signals, nets=nets(), limits=limits)
    return [
        Done(work, state, analysis)
        for work, (state, analysis) in zip(works, moved, strict=True)
    ]
