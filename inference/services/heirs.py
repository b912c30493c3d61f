"""What stands in the place of an episode that was withdrawn inherits its alarms.

A condition of the same rule raises nothing while an alarm is active or has just ended.
If that alarm's episode is then taken back, what it kept silent would have none.
"""

from collections.abc import Sequence

from django.db.models import Q, QuerySet

from devices.models import Record
from inference.alarm_rules import REFRACTORY
from inference.models import Alarm, Episode


def heirs_of(rows: Sequence[Episode], record: Record, *, cursor: int) -> list[Episode]:
    """Hand the alarms of withdrawn rows on, and return what may have news of its own.

    These are the episodes that the alarms kept silent, without those among ``rows``;
    the first of them gets the alarm, with what people did about it.
    """
    withdrawn = [row for row in rows if row.withdrawn_at is not None]
    if not withdrawn:
        return []
    given = {row.pk for row in rows}
    found: dict[int, Episode] = {}
    for alarm in Alarm.objects.filter(episode__in=withdrawn).order_by("pk"):
        silent = list(_silent(record, alarm, cursor=cursor))
        if silent:
            alarm.episode = silent[0]
            alarm.save(update_fields=["episode"])
        found |= {row.pk: row for row in silent if row.pk not in given}
    return list(found.values())


def _silent(record: Record, alarm: Alarm, *, cursor: int) -> QuerySet[Episode]:
    """Return the episodes that an alarm keeps silent, in their order."""
    onset = alarm.onset_sample or 0
    rest = int(REFRACTORY.total_seconds() * record.fs)
    until = cursor if alarm.end_sample is None else alarm.end_sample + rest
    lasts = Q(end_sample=None) | Q(end_sample__gte=onset)
    return Episode.objects.filter(
        lasts,
        record=record,
        label=alarm.rule,
        withdrawn_at=None,
        alarms=None,
        onset_sample__lte=until,
    ).order_by("onset_sample")
