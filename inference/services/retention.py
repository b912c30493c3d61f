"""Keep the signal and beats of a patient only for as long as was decided."""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from devices.models import Record
from devices.services.retention import remove_history
from inference.models import BeatBlock, Checkpoint
from patients.models import AccessLog, Patient

log = logging.getLogger(__name__)


def remove_old_history(*, now: datetime) -> int:
    """Remove what is older than ``keep_days`` of each patient; count the records.

    Whole segments go, with their beats. Episodes, alarms and hourly figures stay, and
    the patient's access log says what was removed. May run twice.
    """
    removed = 0
    for patient in Patient.objects.filter(keep_days__isnull=False):
        before = now - timedelta(days=patient.keep_days or 0)
        records = patient.records.filter(started_at__lt=before)
        for record in records.select_related("compaction"):
            removed += _remove(record, patient, before, now=now)
    return removed


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
    AccessLog.objects.create(
        patient=patient,
        user=None,
        action=f"signal before {before.astimezone(patient.zone):%Y-%m-%d} removed",
        at=now,
    )
    log.info("Record %s: signal before sample %s was removed", record.pk, floor)
    return True
