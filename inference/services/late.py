"""Samples that arrive behind the cursor: note them, and recompute their span once."""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction

from devices.models import Compaction, Record
from inference.ecg.pipeline import RecordState, advance, initial_state
from inference.ecg.state import BadState
from inference.ecg.types import Analysis
from inference.models import AnalysisState, BeatBlock, Checkpoint
from inference.nets import annotator, nets
from inference.services.announcing import announce_alarms
from inference.services.beats import beat_block
from inference.services.carried import checksum_of
from inference.services.claims import extend_claim, release
from inference.services.elapsing import Elapsing
from inference.services.limits import limits_of
from inference.services.lots import CHECKPOINT_S, is_closed, next_checkpoint
from inference.services.past_damage import read_past_damage
from inference.services.revising import revise_episodes
from inference.services.storing import (
    drop_flushed,
    give_back,
    held_state,
    hold_patient,
    settle,
)
from inference.services.summaries import forget_hours
from inference.services.taking_over import WARM_UP_S, warm_state
from inference.services.versions import keep_older

# While a gap stays open, wait so long after the last late packet; but not for ever, or
# what came in time would be no news any more (``conditions.SECOND_LOOK``).
QUIET = timedelta(seconds=60)
LONGEST_QUIET = timedelta(minutes=4)
AFTER_FAILURE = timedelta(minutes=5)
# A file that is missing for so long will not be brought back.
LOST_AFTER = timedelta(days=1)
# Whether a gap is closed is asked of at most so much signal.
LOOKED_AT_S = 3600

log = logging.getLogger(__name__)


class ClaimLost(RuntimeError):
    """Another worker has taken the record over."""


def absorb_late(state: AnalysisState, *, now: datetime) -> None:
    """Move the mark of late samples from the record to the analysis.

    Taken before the signal is read: what is stored later sets the mark anew, and
    the next claim sees it. Samples behind the cursor re-open the record once their
    gap is closed, or when nothing more has come for a minute.
    """
    if state.record.late_from_sample is not None:
        _absorb(state, now=now)


@transaction.atomic
def _absorb(state: AnalysisState, *, now: datetime) -> None:
    row = held_state(state)
    if row is None:
        raise ClaimLost
    records = Record.objects.select_for_update(no_key=True)
    marks = ("fs", "end_sample", "late_from_sample", "late_to_sample")
    record = records.only(*marks).get(pk=row.record_id)
    late_from, late_to = record.late_from_sample, record.late_to_sample
    state.record.end_sample = record.end_sample
    if late_from is None:
        return
    Record.objects.filter(pk=record.pk).update(
        late_from_sample=None, late_to_sample=None
    )
    if late_from < row.cursor_sample:
        known = row.redo_from_sample
        if known is None:
            row.redo_from_sample, row.redo_to_sample = late_from, late_to
        else:
            row.redo_from_sample = min(known, late_from)
            if row.redo_to_sample is not None:
                row.redo_to_sample = late_to and max(late_to, row.redo_to_sample)
        # Of a longer span the question would hold the locks for too long.
        is_short = row.cursor_sample - row.redo_from_sample <= LOOKED_AT_S * record.fs
        closed = is_short and is_closed(
            state.record, row.redo_from_sample, row.cursor_sample
        )
        row.redo_since = row.redo_since or now
        latest = max(now, row.redo_since + LONGEST_QUIET)
        row.redo_due_at = now if closed else min(now + QUIET, latest)
        row.save(
            update_fields=[
                *("redo_from_sample", "redo_to_sample"),
                *("redo_due_at", "redo_since"),
            ]
        )
    elif row.flushed_sample is not None:
        # They lie in the tail, which may have been analysed without them: it is to be
        # flushed again, or replaced by whole seconds.
        row.flushed_sample = row.cursor_sample
        row.save(update_fields=["flushed_sample"])
    state.flushed_sample = row.flushed_sample
    state.redo_from_sample = row.redo_from_sample
    state.redo_to_sample = row.redo_to_sample
    state.redo_due_at, state.redo_since = row.redo_due_at, row.redo_since


@dataclass
class Redo:
    """A recomputed span: pieces that end at checkpoints, and the state after it.

    It goes no further than ``until``. What began before ``floor`` is not seen whole.
    ``older``: what comes behind it was said by another version, and is no guide.
    """

    start: int
    carried: RecordState
    until: int
    floor: int = 0
    older: bool = False
    pieces: list[Analysis] = field(default_factory=list)
    checkpoints: dict[int, bytes] = field(default_factory=dict)
    # The new state met the old one, so nothing after it can differ.
    met: bool = False


def redo_late(state: AnalysisState, *, now: datetime) -> bool:
    """Recompute the span that late samples re-opened, if that is due.

    From the last checkpoint before them to the cursor, or to the first checkpoint
    behind the last of them whose state comes out bit for bit as before. Before the
    sample at which a state began anew (``taking_over``) there is neither: from a while
    before them to a while after them, or to that sample.
    """
    if state.redo_due_at is None or state.redo_due_at > now:
        return False
    try:
        redo = _recompute(state, now=now)
    except (BadState, ClaimLost, OperationalError, InterfaceError):
        raise
    except Exception:
        # The live head of the record must not wait for its past.
        log.exception("Recomputing record %s failed", state.record_id)
        _put_off(state, now=now)
        return False
    try:
        is_kept = _store(state, redo, now=now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("Keeping what was recomputed of %s failed", state.record_id)
        _put_off(state, now=now)
        return False
    if is_kept:
        announce_alarms(state.record.patient)
    return True


def _put_off(state: AnalysisState, *, now: datetime) -> None:
    later = AnalysisState.objects.filter(pk=state.pk, claim=state.claim)
    later.update(redo_due_at=now + AFTER_FAILURE)


def _recompute(state: AnalysisState, *, now: datetime) -> Redo:
    record = state.record
    past_loss = state.redo_since is not None and now - state.redo_since >= LOST_AFTER
    redo = _start(state, past_loss=past_loss)
    limits = [limits_of(record)]
    clock = Elapsing(now)
    position = redo.start
    last_late = redo.until
    if state.redo_to_sample is not None:
        last_late = min(last_late, state.redo_to_sample)
    forgotten = last_late + WARM_UP_S * record.fs
    while position < redo.until and not redo.met:
        end = min(next_checkpoint(position, record.fs), redo.until)
        signal = read_past_damage(
            record, position, end, lead=state.lead, past_loss=past_loss
        )
        [(redo.carried, analysis)] = advance(
            [redo.carried], [signal], nets=nets(), limits=limits
        )
        redo.pieces.append(analysis)
        position = end
        if redo.older:
            redo.met = position >= forgotten
        elif position % (CHECKPOINT_S * record.fs) == 0:
            redo.checkpoints[position] = redo.carried.to_bytes()
            # Between two late places it may come out as before, too.
            redo.met = position >= last_late and _is_as_before(
                record, position, redo.checkpoints[position]
            )
        if not extend_claim(state, now=clock.now()):
            raise ClaimLost
    return redo


def _start(state: AnalysisState, *, past_loss: bool) -> Redo:
    record, late_from = state.record, state.redo_from_sample or 0
    begun, cursor = state.begun_sample, state.cursor_sample
    if late_from < begun:
        start = next_checkpoint(late_from, record.fs) - CHECKPOINT_S * record.fs
        carried, _ = warm_state(record, start, lead=state.lead, past_loss=past_loss)
        return Redo(start, carried, begun, floor=start, older=True)
    checkpoints = Checkpoint.objects.filter(record=record, sample__lte=late_from)
    checkpoint = checkpoints.order_by("-sample").first()
    if checkpoint is None:
        carried = initial_state(fs=record.fs, origin=begun)
        return Redo(begun, carried, cursor, floor=begun)
    carried = RecordState.from_bytes(checkpoint.carried)
    return Redo(checkpoint.sample, carried, cursor)


def _is_as_before(record: Record, sample: int, state: bytes) -> bool:
    old = Checkpoint.objects.filter(record=record, sample=sample).first()
    return old is not None and old.carried == state


@transaction.atomic
def _store(state: AnalysisState, redo: Redo, *, now: datetime) -> bool:
    """Replace the machine's statements about the span in one transaction."""
    row = held_state(state)
    if row is None:
        return False
    if not hold_patient(state):
        # It is computed once more, for that patient.
        release(row)
        return False
    record = state.record
    # Locked before what retention removes under this lock. Of that nothing can be said
    # anew.
    compaction, _ = Compaction.objects.select_for_update().get_or_create(record=record)
    removed = compaction.removed_to_sample
    stop = redo.pieces[-1].end_sample if redo.pieces else redo.start
    reaches_head = stop == row.cursor_sample
    if reaches_head:
        drop_flushed(record, stop)
    keep_older(
        record=record, start=redo.start, stop=stop, annotator=annotator(), now=now
    )
    BeatBlock.objects.filter(
        record=record, start_sample__gte=redo.start, start_sample__lt=stop
    ).delete()
    BeatBlock.objects.bulk_create(
        beat_block(record, piece, annotator=annotator(), now=now)
        for piece in redo.pieces
        if piece.end_sample > removed
    )
    for sample, carried in redo.checkpoints.items():
        Checkpoint.objects.update_or_create(
            record=record,
            sample=sample,
            defaults={"state": carried, "compressed": False},
        )
    revise_episodes(
        record,
        redo.pieces,
        redo.carried,
        start=redo.start,
        stop=stop,
        cursor=row.cursor_sample,
        floor=max(removed, redo.floor),
        goes_on=not redo.older,
        annotator=annotator(),
        now=now,
    )
    forget_hours(record, from_sample=redo.start, floor=removed)
    # Of a record that has ended nobody would look for these rows once more.
    Compaction.objects.filter(record=record).update(
        done_received_at=None, next_try_at=None
    )
    late_to = row.redo_to_sample
    if redo.older and (late_to is None or late_to > redo.until):
        # The rest lies where the state of now began.
        row.redo_from_sample, row.redo_due_at = redo.until, now
    else:
        row.redo_from_sample = row.redo_to_sample = None
        row.redo_due_at = row.redo_since = None
    if reaches_head:
        row.state_checksum, row.flushed_sample = checksum_of(redo.carried), None
    # Who goes on must not begin with a state that lacks the late samples.
    if reaches_head or row.state_sample < stop:
        row.state, row.state_sample = redo.carried.to_bytes(), stop
    row.failed_count, row.next_try_at = 0, None
    settle(row, record)
    give_back(row)
    return True
