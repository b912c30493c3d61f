"""Keep results: all of them in one transaction, and only under claims that hold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from devices.models import Record
from inference.ecg.types import Analysis
from inference.models import Alarm, AnalysisState, BeatBlock
from inference.nets import annotator
from inference.services.beats import beat_block, insert_blocks
from inference.services.carried import checksum_of, is_due, memory
from inference.services.claims import release
from inference.services.conditions import (
    alarm_episodes,
    end_quality,
    follow_spans,
    quality_spans,
)
from inference.services.cursors import (
    Move,
    move_cursors,
    redo_from,
    write_checkpoints,
    write_states,
)
from inference.services.episodes import keep_episodes, keep_flushed_episodes
from inference.services.lots import CHECKPOINT_S
from inference.services.standing import Standing
from inference.services.work import Done


@dataclass(frozen=True)
class Stored:
    """What was committed, for those who announce it."""

    row: AnalysisState
    analysis: Analysis
    alarms: list[Alarm] = field(default_factory=list)

    @property
    def record(self) -> Record:
        """The record that was analysed."""
        return self.row.record


def held_state(state: AnalysisState) -> AnalysisState | None:
    """Lock the row if the claim is still ours; None: another worker took over."""
    rows = AnalysisState.objects.select_for_update().defer("state")
    return rows.filter(pk=state.pk, claim=state.claim).first()


def store_lots(lots: Iterable[Done], *, now: datetime) -> list[Stored]:
    """Keep settled lots of many records and move their cursors, all or nothing.

    Replaces what was flushed beyond the cursors, writes beats, episodes, alarms, the
    checkpoints and once a minute the carried state, and gives the records back. Of a
    record whose claim is lost nothing is kept, and it is left out of what is returned.
    """
    # In one order in every worker: patients are locked when their alarms change.
    kept = [_Lot(done) for done in sorted(lots, key=_patient_pk)]
    with transaction.atomic():
        _hold_unowned([lot.row for lot in kept])
        seen = {lot.record.pk: lot.analysis.episodes for lot in kept}
        standing = Standing([lot.row for lot in kept], seen)
        moved = move_cursors([x.move for x in kept], annotator=annotator(), now=now)
        refused = [lot for lot in kept if lot.row.pk not in moved]
        kept = [lot for lot in kept if lot.row.pk in moved]
        _keep_beats(kept, now=now)
        _keep_states(kept, now=now)
        stored = [_follow(lot, standing, now=now) for lot in kept]
    for lot in refused:
        # Of a record that has got its patient meanwhile the claim still holds.
        release(lot.row)
    for lot in kept:
        # Only what is committed is remembered.
        memory.put(lot.row.pk, lot.move.carried, lot.move.checksum, lot.work.limits)
    return stored


def _hold_unowned(rows: Sequence[AnalysisState]) -> None:
    """Let no record get its patient until its results are kept.

    They would be kept as nobody's, and raise no alarm for that patient.
    """
    unowned = [row for row in rows if row.record.patient_id is None]
    if unowned:
        states = AnalysisState.objects.filter(pk__in=[row.pk for row in unowned])
        records = Record.objects.filter(pk__in=[row.record_id for row in unowned])
        # The state before the record, as whoever corrects a recording.
        list(states.order_by("pk").select_for_update().values("pk"))
        list(records.order_by("pk").select_for_update(no_key=True).values("pk"))


def hold_patient(state: AnalysisState) -> bool:
    """Let a record that is nobody's get no patient until its results are kept.

    False: it has got one meanwhile, who must hear of its alarms; keep nothing then.
    """
    _hold_unowned([state])
    record = state.record
    return Record.objects.filter(pk=record.pk, patient=record.patient_id).exists()


def _patient_pk(done: Done) -> int:
    return done.work.state.record.patient_id or 0


class _Lot:
    """A computed lot, and all that follows from it without asking the database."""

    def __init__(self, done: Done) -> None:
        assert done.moved is not None
        self.work, self.analysis = done.work, done.analysis
        self.row, self.record = done.work.state, done.work.state.record
        technical, self.spans = quality_spans(self.row, self.analysis)
        self.move = Move(
            self.row,
            self.analysis.end_sample,
            done.moved,
            checksum_of(done.moved),
            technical,
        )

    @property
    def is_checkpoint(self) -> bool:
        """Tell whether the carried state is kept for good."""
        return self.move.end % (CHECKPOINT_S * self.record.fs) == 0

    @property
    def writes_state(self) -> bool:
        """Tell whether the row gets the carried state: whoever recomputes from it
        knows only the limits of now."""
        changed = self.work.carried.limits not in (None, self.work.limits)
        return changed or is_due(self.row, self.move.end)


def _keep_beats(lots: Sequence[_Lot], *, now: datetime) -> None:
    for lot in lots:
        if lot.row.flushed_sample is not None:
            drop_flushed(lot.record, lot.row.cursor_sample)
    insert_blocks(
        [
            beat_block(lot.record, lot.analysis, annotator=annotator(), now=now)
            for lot in lots
        ]
    )


def _keep_states(lots: Sequence[_Lot], *, now: datetime) -> None:
    for lot in lots:
        if lot.work.carried.redo_from is not None:
            redo_from(lot.row, lot.work.carried.redo_from, now=now)
    write_states([lot.move for lot in lots if lot.writes_state])
    write_checkpoints([lot.move for lot in lots if lot.is_checkpoint])


def _follow(lot: _Lot, standing: Standing, *, now: datetime) -> Stored:
    """Write what changed of the lot's episodes and alarms."""
    record, analysis, cursor = lot.record, lot.analysis, lot.move.end
    pending = standing.episodes_of(record)
    alarms: list[Alarm] = []
    if analysis.episodes or pending:
        rows = keep_episodes(
            record,
            analysis.episodes,
            pending=pending,
            known=standing.known_of(record),
            cursor=cursor,
            annotator=annotator(),
            now=now,
        )
        seen = {(one.label, one.onset_sample) for one in analysis.episodes}
        news = [
            row
            for row in rows
            if (row.label, row.onset_sample) in seen or not standing.is_told(row)
        ]
        alarms += alarm_episodes(record, news, cursor=cursor, first_look=True, now=now)
    if lot.spans:
        alarms += follow_spans(
            record,
            lot.spans,
            seen_s=cursor // record.fs,
            annotator=annotator(),
            standing=standing,
            now=now,
        )
    return Stored(lot.row, analysis, alarms)


@transaction.atomic
def store_flush(
    state: AnalysisState, analysis: Analysis, *, now: datetime
) -> Stored | None:
    """Keep the tail of a record that rests, without moving its cursor.

    Provisional until more samples come; of a file, final. Then nothing is left to do.
    """
    row = held_state(state)
    if row is None or row.cursor_sample != analysis.start_sample:
        return None
    if not hold_patient(state):
        release(row)
        return None
    record = state.record
    drop_flushed(record, row.cursor_sample)
    final = record.source == Record.Source.FILE
    block = beat_block(
        record, analysis, annotator=annotator(), provisional=not final, now=now
    )
    block.save(force_insert=True)
    rows = keep_flushed_episodes(
        record, analysis.episodes, annotator=annotator(), now=now
    )
    alarms = alarm_episodes(
        record, rows, cursor=analysis.end_sample, first_look=True, now=now
    )
    alarms += end_quality(record, row, now=now)
    row.flushed_sample = analysis.end_sample
    row.failed_count, row.next_try_at = 0, None
    settle(row, record)
    give_back(row)
    return Stored(state, analysis, alarms)


def settle(row: AnalysisState, record: Record) -> None:
    """Mark a row that has no work left until more samples come."""
    done = row.flushed_sample == record.end_sample
    row.settled = done and row.redo_from_sample is None


def drop_flushed(record: Record, cursor: int) -> None:
    """Delete the beats of a tail that was flushed beyond the cursor."""
    BeatBlock.objects.filter(record=record, start_sample__gte=cursor).delete()


def give_back(row: AnalysisState) -> None:
    """Save the row and end the claim."""
    row.claim = row.claimed_until = None
    # A state that was not read is not written.
    row.save()
