"""Let episodes, alarms and hours follow a record that is placed anew in time.

Samples are the truth; the times of what was found in them were written down once. The
stream of a device without a clock moves while its backlog comes, and when its clock is
set; a late packet may correct where others lie.
"""

import logging
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q, QuerySet

from devices.models import Record
from devices.segment_places import removed_of
from inference.models import Alarm, AnalysisState, Episode, Redating
from inference.services.announcing import announce_alarms
from inference.services.summaries import forget_redated_hours
from patients.models import Patient

log = logging.getLogger(__name__)

_BATCH = 500


def redate_pending(*, now: datetime) -> int:
    """Date anew what is marked; return how many records were.

    May run twice. A record that a worker has in hand waits until it is given back.
    """
    marked = Redating.objects.order_by("record").values_list("record", flat=True)
    done = 0
    for record_id in list(marked.distinct()):
        try:
            done += _redate(record_id, now=now)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            # It must not stand before the others.
            log.exception("Record %s cannot be dated anew", record_id)
    return done


@transaction.atomic
def _redate(record_id: int, *, now: datetime) -> bool:
    """Date what was found in a record by its map of now; False: it has to wait."""
    states = AnalysisState.objects.filter(record=record_id)
    free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    # Who claimed it before the map changed would keep what it dates by the old one.
    held = states.filter(free).select_for_update(skip_locked=True)
    if not held.values_list("pk") and states.exists():
        return False
    states.update(claim=None, claimed_until=None)
    # After the state, as whoever analyses it. Until the end no upload changes the map.
    records = Record.objects.select_for_update(no_key=True, of=("self",))
    found = records.select_related("patient").prefetch_related("anchors")
    record = found.filter(pk=record_id).first()
    if record is None:
        return False
    marks = dict(
        Redating.objects.filter(record=record).values_list("pk", "from_sample")
    )
    if not marks:
        return False
    from_sample = min(marks.values())
    _date(record, Episode.every.filter(_behind(from_sample), record=record))
    patient = record.patient
    if patient is not None:
        # One patient's alarms change one after the other.
        Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
    _date(record, Alarm.objects.filter(_behind(from_sample), record=record))
    floor = removed_of(record).to_sample
    forget_redated_hours(record, from_sample=from_sample, floor=floor)
    Redating.objects.filter(pk__in=marks).delete()
    transaction.on_commit(lambda: announce_alarms(patient))
    return True


def _behind(sample: int) -> Q:
    return Q(onset_sample__gte=sample) | Q(end_sample__gte=sample)


def _date(record: Record, found: "QuerySet[Episode] | QuerySet[Alarm]") -> None:
    """Write the times that the samples of rows have now, where they are others."""
    changed: list[Any] = []
    for row in found.order_by("pk"):
        onset_at, end_at = _times(record, row)
        if (onset_at, end_at) != (row.onset_at, row.end_at):
            row.onset_at, row.end_at = onset_at, end_at
            changed.append(row)
    rows: Any = found.model._base_manager
    rows.bulk_update(changed, ["onset_at", "end_at"], batch_size=_BATCH)


def _times(record: Record, row: Episode | Alarm) -> tuple[datetime, datetime | None]:
    onset, end = row.onset_sample, row.end_sample
    onset_at = row.onset_at if onset is None else record.time_of(onset)
    if end is not None:
        return onset_at, record.time_of(end)
    # An alarm that was taken back ended at a time, not at a sample.
    end_at = row.end_at and row.end_at + (onset_at - row.onset_at)
    return onset_at, end_at
