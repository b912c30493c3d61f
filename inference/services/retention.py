"""Keep the signal and beats of a patient only for as long as was decided."""

import logging
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F

from devices.models import Record
from devices.services.retention import remove_history
from inference.models import BeatBlock, Checkpoint
from inference.services.summaries import hours_of
from patients.models import AccessLog, Patient
from patients.models.patient import MOST_DAYS

log = logging.getLogger(__name__)

# What cannot be worked in for so long (a file is missing) never may be.
LONGEST_WAIT = timedelta(days=1)


def remove_old_history(*, now: datetime) -> int:
    """Remove what is older than ``keep_days`` of each patient; count the records.

    Whole segments go, with their beats. Episodes, alarms and hourly figures stay, and
    the patient's access log says what was removed. May run twice.
    """
    removed = 0
    for patient in Patient.objects.filter(keep_days__isnull=False):
        try:
            removed += _remove_of(patient, now=now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # One patient keeps nobody else's signal.
            log.exception("Old signal of patient %s cannot be removed", patient.pk)
    return removed


def _remove_of(patient: Patient, *, now: datetime) -> int:
    before = now - timedelta(days=min(patient.keep_days or 0, MOST_DAYS))
    records = patient.records.filter(started_at__lt=before)
    # Of what is gone as a whole nothing more can go.
    records = records.exclude(compaction__removed_to_sample__gte=F("end_sample"))
    removed = 0
    for record in records.select_related("compaction", "analysis"):
        if not _waits(record, now=now):
            _count_hours(record, patient, before, now=now)
            removed += _remove(record, patient, before, now=now)
    return removed


def _waits(record: Record, *, now: datetime) -> bool:
    """Tell whether late samples are to be worked in before figures can be counted."""
    state = getattr(record, "analysis", None)
    since = state.redo_since if state else None
    is_marked = record.late_from_sample is not None and state is not None
    return is_marked or (since is not None and now - since < LONGEST_WAIT)


def _count_hours(
    record: Record, patient: Patient, before: datetime, *, now: datetime
) -> None:
    """Count what stays of the hours, as long as there is what they are counted from."""
    known = getattr(record, "compaction", None)
    removed_to = known.removed_to_sample if known else 0
    since = record.time_of(removed_to) if removed_to else record.started_at
    if since < before:
        hours_of(patient, start_at=since, end_at=before, now=now)


@transaction.atomic
def _remove(
    record: Record, patient: Patient, before: datetime, *, now: datetime
) -> bool:
    known = getattr(record, "compaction", None)
    floor = remove_history(record=record, before=before, now=now)
    if floor <= (known.removed_to_sample if known else 0):
        return False
    BeatBlock.every.filter(record=record, end_sample__lte=floor).delete()
    checkpoints = Checkpoint.objects.filter(record=record, sample__lte=floor)
    last = checkpoints.order_by("-sample").first()
    if last is not None:
        # What comes late behind it is still analysed from there.
        checkpoints.exclude(pk=last.pk).delete()
    action = f"signal before {before.astimezone(patient.zone):%Y-%m-%d} removed"
    # Something goes every hour; one row a day says it.
    if not patient.access_log.filter(action=action).exists():
        AccessLog.objects.create(patient=patient, user=None, action=action, at=now)
    log.info("Record %s: signal before sample %s was removed", record.pk, floor)
    return True
