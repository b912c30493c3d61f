"""Going on with a record whose state another version of the analysis wrote.

The state cannot be read, and to compute it anew from the first sample of a record of
days would leave its patient without alarms for as long. A new state begins some minutes
before the cursor instead: it forgets more anyway. What was said before the cursor stays
as the other version said it (``manage.py reanalyse`` has this one say it beside).
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from devices.models import Record
from inference.ecg.pipeline import RecordState, advance, initial_state
from inference.ecg.types import Analysis
from inference.ecg.types import Episode as Seen
from inference.models import Alarm, AnalysisState, Checkpoint, Episode
from inference.nets import annotator, nets
from inference.services.announcing import announce_alarms
from inference.services.carried import checksum_of
from inference.services.claims import release
from inference.services.conditions import alarm_episodes
from inference.services.episodes import keep_episodes, last_word, pending_episodes
from inference.services.limits import limits_of
from inference.services.lots import CHECKPOINT_S
from inference.services.past_damage import read_past_damage
from inference.services.storing import give_back, held_state, hold_patient

# After so long two histories say the same.
WARM_UP_S = 600


def warm_state(
    record: Record, sample: int, *, lead: int, past_loss: bool
) -> tuple[RecordState, Analysis]:
    """Return a state at ``sample`` that began before it, and what it showed till then.

    It begins ``WARM_UP_S`` before, or a little more: at a checkpoint, where no row of
    beats reaches across. ``past_loss``: with a gap where a file is missing.
    """
    step = CHECKPOINT_S * record.fs
    begun = max(0, sample - WARM_UP_S * record.fs) // step * step
    carried = initial_state(fs=record.fs, origin=begun)
    signal = read_past_damage(record, begun, sample, lead=lead, past_loss=past_loss)
    [moved] = advance([carried], [signal], nets=nets(), limits=[limits_of(record)])
    return moved


def take_over(state: AnalysisState, *, now: datetime) -> None:
    """Give a claimed record a state that this version can go on from.

    A file, for which nobody waits, is computed from its first sample; if that could not
    be done a moment ago, it is tried again when it would have been.
    """
    record, cursor = state.record, state.cursor_sample
    if record.source == Record.Source.FILE:
        _start_over(state, now=now)
        return
    # Nobody is warned until it goes on: it cannot wait until a file is brought back.
    carried, shown = warm_state(record, cursor, lead=state.lead, past_loss=True)
    with transaction.atomic():
        row = held_state(state)
        if row is None or row.cursor_sample != cursor:
            return
        if not hold_patient(state):
            release(row)
            return
        Checkpoint.objects.filter(record=record).delete()
        row.begun_sample = carried.origin
        row.state, row.state_sample = carried.to_bytes(), cursor
        row.state_checksum = checksum_of(carried)
        give_back(row)
        _hand_over(record, carried, shown.episodes, cursor=cursor, now=now)
    announce_alarms(record.patient)


@transaction.atomic
def _start_over(state: AnalysisState, *, now: datetime) -> None:
    row = held_state(state)
    if row is None:
        return
    Checkpoint.objects.filter(record=state.record).delete()
    if row.redo_from_sample != 0 or row.redo_due_at is None:
        row.redo_due_at = now
    row.redo_since = row.redo_since or now
    row.redo_from_sample, row.redo_to_sample = 0, None
    give_back(row)


def _hand_over(
    record: Record,
    carried: RecordState,
    seen: Sequence[Seen],
    *,
    cursor: int,
    now: datetime,
) -> None:
    """End what the other version held open, or let it go on as this one sees it.

    An episode that both see is cut in two: the new state will tell its end by the onset
    that it saw. Its alarm goes on with the second part.
    """
    held = [row for row in pending_episodes([record.pk]) if row.reported_sample]
    known = carried.open_episodes()
    still = [one for one in last_word(seen) if (one.label, one.onset_sample) in known]
    rows = keep_episodes(
        record, still, pending=[], cursor=cursor, annotator=annotator(), now=now
    )
    parts = {row.label: row for row in rows}
    changed: list[Episode] = list(rows)
    for row in held:
        part = parts.get(row.label)
        if part is not None and part.pk == row.pk:
            continue
        end = cursor if part is None else part.onset_sample or cursor
        row.end_sample = max(end, row.onset_sample or 0)
        row.end_at = record.time_of(row.end_sample)
        row.provisional = False
        # A later look at what lies before has nothing to say of it.
        row.reported_sample = cursor
        row.save()
        if part is None:
            changed.append(row)
        else:
            # Also one that a silence ended for a while: it goes on with the episode.
            Alarm.objects.filter(episode=row).update(episode=part)
    alarm_episodes(record, changed, cursor=cursor, now=now)
