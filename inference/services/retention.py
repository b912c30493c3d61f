"""Keep the signal and beats of a patient only for as long as was decided."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, QuerySet

from devices.models import Record
from devices.services.retention import remove_history
from inference.models import BeatBlock, Checkpoint
from inference.services.elapsing import Elapsing
from inference.services.late import LOST_AFTER
from inference.services.summaries import hours_of
from patients.models import AccessLog, Patient
from patients.models.patient import MOST_DAYS

log = logging.getLogger(__name__)

DAY = timedelta(days=1)


def remove_old_history(*, now: datetime, most_s: float = float("inf")) -> int:
    """Remove what is older than ``keep_days`` of each patient; count the records.

    Whole segments go, with their beats. Episodes, alarms and hourly figures stay, and
    the patient's access log says what was removed. May run twice. Begins nothing more
    after ``most_s``; who comes too late then is another one each time.
    """
    removed = 0
    clock = Elapsing(now)
    for patient in Patient.objects.filter(keep_days__isnull=False).order_by("?"):
        try:
            for record in _records_of(patient, now=now):
                if clock.seconds() >= most_s:
                    return removed
                removed += _remove_of(record, patient, clock, most_s, now=now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # One patient keeps nobody else's signal.
            log.exception("Old signal of patient %s cannot be removed", patient.pk)
    return removed


def _before(patient: Patient, *, now: datetime) -> datetime:
    return now - timedelta(days=min(patient.keep_days or 0, MOST_DAYS))


def _records_of(patient: Patient, *, now: datetime) -> QuerySet[Record]:
    """Return the records that may hold something that is to go."""
    records = patient.records.filter(started_at__lt=_before(patient, now=now))
    # Of what is gone as a whole nothing more can go.
    records = records.exclude(compaction__removed_to_sample__gte=F("end_sample"))
    return records.select_related("compaction", "analysis")


def _remove_of(
    record: Record, patient: Patient, clock: Elapsing, most_s: float, *, now: datetime
) -> bool:
    before = _before(patient, now=now)
    if _waits(record, now=now):
        return False
    for start_at, end_at in _uncounted_days(record, before):
        if clock.seconds() >= most_s:
            # What is counted by now need not be counted again.
            return False
        hours_of(patient, start_at=start_at, end_at=end_at, now=now)
    return _remove(record, patient, before, now=now)


def _waits(record: Record, *, now: datetime) -> bool:
    """Tell whether late samples are to be worked in before figures can be counted."""
    state = getattr(record, "analysis", None)
    since = state.redo_since if state else None
    is_marked = record.late_from_sample is not None and state is not None
    return is_marked or (since is not None and now - since < LOST_AFTER)


def _uncounted_days(
    record: Record, before: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Return the days whose hours are to be counted while there is what from."""
    known = getattr(record, "compaction", None)
    removed_to = known.removed_to_sample if known else 0
    since = record.time_of(removed_to) if removed_to else record.started_at
    while since < before:
        yield since, min(since + DAY, before)
        since += DAY


@transaction.atomic
def _remove(
    record: Record, patient: Patient, before: datetime, *, now: datetime
) -> bool:
    known = getattr(record, "compaction", None)
    # No packet comes while it is locked, and no mark of late samples is taken.
    records = Record.objects.select_for_update(no_key=True, of=("self",))
    if _waits(records.select_related("analysis").get(pk=record.pk), now=now):
        return False
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
