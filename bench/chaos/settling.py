"""Whether everything has been worked off, and what has not."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import F, Q

from devices.models import Record
from inference.models import Alarm, AnalysisState, MailDelivery


def unsettled(serials: Collection[str]) -> dict[str, int]:
    """Count what still waits, by what it waits for; empty: nothing does."""
    records = Record.objects.filter(device__serial__in=serials)
    states = AnalysisState.objects.filter(record__in=records)
    at_head = Q(flushed_sample=F("record__end_sample"))
    counts = {
        "devices without a record": len(set(serials)) - records.count(),
        "records without analysis": records.filter(analysis=None).count(),
        "records not at their end": states.exclude(at_head).count(),
        "records with late samples": records.exclude(late_from_sample=None).count(),
        "spans to be done again": states.exclude(redo_from_sample=None).count(),
        "records claimed": states.exclude(claim=None).count(),
        "alarms not told": Alarm.objects.filter(notified_at=None).count(),
        "mails queued": MailDelivery.objects.filter(state="queued").count(),
        "mails failed": MailDelivery.objects.filter(state="failed").count(),
    }
    return {what: count for what, count in counts.items() if count}
