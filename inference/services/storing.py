"""Keep a result: all of it in one transaction, and only under a claim that holds."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from devices.models import Record
from inference.ecg.state import RecordState
from inference.ecg.types import Analysis
from inference.models import Alarm, AnalysisState, BeatBlock, Checkpoint
from inference.nets import annotator
from inference.services.beats import beat_block
from inference.services.conditions import alarm_episodes, alarm_quality, end_quality
from inference.services.episodes import keep_episodes, keep_flushed_episodes
from inference.services.lots import CHECKPOINT_S


@dataclass(frozen=True)
class Stored:
    """What was committed, for those who announce it."""

    record: Record
    analysis: Analysis
    alarms: list[Alarm] = field(default_factory=list)


def held_state(state: AnalysisState) -> AnalysisState | None:
    """Lock the row if the claim is still ours; None: another worker took over."""
    rows = AnalysisState.objects.select_for_update()
    return rows.filter(pk=state.pk, claim=state.claim).first()


@transaction.atomic
def store_lot(
    state: AnalysisState, moved: RecordState, analysis: Analysis, *, now: datetime
) -> Stored | None:
    """Keep a settled lot and move the cursor; None (nothing kept) if the claim is lost.

    Replaces what was flushed beyond the cursor, writes beats, episodes, alarms and
    the checkpoint, and gives the record back.
    """
    row = held_state(state)
    if row is None or row.cursor_sample != analysis.start_sample:
        return None
    record, cursor = state.record, analysis.end_sample
    if row.flushed_sample is not None:
        drop_flushed(record, row.cursor_sample)
    block = beat_block(record, analysis, annotator=annotator(), now=now)
    block.save(force_insert=True)
    rows = keep_episodes(
        record, analysis.episodes, cursor=cursor, annotator=annotator(), now=now
    )
    alarms = alarm_episodes(record, rows, cursor=cursor, first_look=True, now=now)
    row.annotator = annotator()
    alarms += alarm_quality(
        record, row, analysis.quality_words, start=analysis.start_sample, now=now
    )
    row.state = moved.to_bytes()
    keep_checkpoint(record, cursor, row.state)
    row.cursor_sample, row.flushed_sample, row.advanced_at = cursor, None, now
    row.failed_count, row.next_try_at = 0, None
    give_back(row)
    return Stored(record, analysis, alarms)


@transaction.atomic
def store_flush(
    state: AnalysisState, analysis: Analysis, *, now: datetime
) -> Stored | None:
    """Keep the tail of a record that rests, without moving its cursor.

    Provisional until more samples come; of a file, final.
    """
    row = held_state(state)
    if row is None or row.cursor_sample != analysis.start_sample:
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
    give_back(row)
    return Stored(record, analysis, alarms)


def drop_flushed(record: Record, cursor: int) -> None:
    """Delete the beats of a tail that was flushed beyond the cursor."""
    BeatBlock.objects.filter(record=record, start_sample__gte=cursor).delete()


def keep_checkpoint(record: Record, cursor: int, state: bytes) -> None:
    """Keep the carried state every five minutes of signal."""
    if cursor % (CHECKPOINT_S * record.fs) == 0:
        Checkpoint.objects.update_or_create(
            record=record,
            sample=cursor,
            defaults={"state": state, "compressed": False},
        )


def give_back(row: AnalysisState) -> None:
    """Save the row and end the claim."""
    row.claim = row.claimed_until = None
    row.save()
