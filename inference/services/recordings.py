"""Correct an uploaded recording, and what was found in it."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from devices.models import Record
from devices.services import give_file_record, remove_file_record
from inference.models import AnalysisState, Episode, HourSummary
from inference.services.episodes import attribute_episodes
from inference.services.limits import limits_of
from inference.services.versions import show_live
from patients.models import Patient, User


@transaction.atomic
def give_recording(
    *,
    record: Record,
    patient: Patient | None,
    started_at: datetime,
    by: User,
    now: datetime,
) -> None:
    """Give a recording and its episodes to another patient, or nobody, or another time.

    Where the limits of the two differ it is analysed anew. Raises
    ``Record.DoesNotExist`` if somebody else has given or removed it meanwhile.
    """
    limits = limits_of(record)
    _take_from_workers(record)
    give_file_record(
        record=record, patient=patient, started_at=started_at, by=by, now=now
    )
    attribute_episodes(record.pk)
    step = started_at - record.started_at
    if step:
        Episode.every.filter(record=record).update(
            onset_at=F("onset_at") + step, end_at=F("end_at") + step
        )
        # They are counted anew by whoever asks for them.
        HourSummary.objects.filter(record=record).delete()
    if limits_of(Record.objects.get(pk=record.pk)) != limits:
        _analyse_anew(record, now=now)


@transaction.atomic
def remove_recording(*, record: Record, by: User, now: datetime) -> None:
    """Remove a recording and all that was found in it.

    Raises ``Record.DoesNotExist`` as :func:`give_recording` does.
    """
    _take_from_workers(record)
    remove_file_record(record=record, by=by, now=now)


def _take_from_workers(record: Record) -> None:
    """Let whoever analyses the record now keep nothing of what it has in hand.

    That would be kept for the patient of before. The record is taken up anew.
    """
    held = AnalysisState.objects.filter(record=record)
    held.update(claim=None, claimed_until=None)


def _analyse_anew(record: Record, *, now: datetime) -> None:
    """Have what was found under other limits computed from the first sample.

    That is what is shown then: what another version said of it was under those, too.
    """
    show_live(record=record)
    AnalysisState.objects.filter(record=record).update(
        redo_from_sample=0,
        redo_to_sample=None,
        redo_due_at=now,
        redo_since=now,
        settled=False,
    )
