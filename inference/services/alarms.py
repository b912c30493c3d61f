"""The life of an alarm: raise, update, clear, acknowledge."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from devices.models import Record
from inference.alarm_rules import RULES, Priority, is_late, is_resting
from inference.metrics import ALARMS
from inference.models import Alarm, AlarmChange, Episode
from inference.services.announcing import announce_alarms
from patients.models import Patient, User

# How the history of an alarm notes that its rule was met once more.
AGAIN = "again: "
# What follows from the condition. Of the rest, people and the mail queue write at
# the same moment, and what they wrote must not be overwritten.
OF_CONDITION = ("state", "late", "end_at", "end_sample", "priority", "detail", "peak")


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What is seen now of something that may be an alarm.

    ``seen_at`` is the time of the newest signal in which it was looked for (up to
    ``seen_sample`` of its record), and ``arrived_at`` when that signal was here, if
    analysis came to it only later; ``suppressed`` says why it may raise nothing
    (empty: it may).
    """

    rule: str
    patient: Patient
    record: Record | None
    onset_at: datetime
    onset_sample: int | None
    seen_at: datetime
    seen_sample: int | None = None
    arrived_at: datetime | None = None
    end_at: datetime | None = None
    end_sample: int | None = None
    detail: str = ""
    peak: float | None = None
    quality: int | None = None
    annotator: str = ""
    episode: Episode | None = None
    priority: Priority | None = None
    suppressed: str = ""

    def is_late(self, *, now: datetime) -> bool:
        """Tell whether it was history when its signal came; our own delay is none."""
        return is_late(self.end_at or self.seen_at, now=self.arrived_at or now)


class AlreadyAcknowledged(ValueError):
    """Somebody else acknowledged the alarm first."""


@transaction.atomic
def follow_condition(condition: Condition, *, now: datetime) -> Alarm | None:
    """Raise, update or clear the alarm of a condition, and return it if changed.

    A condition that continues stays one alarm. What was over for more than a minute
    when its signal came is raised as late: for review, with no mail. The caller
    announces.
    """
    # One patient's alarms change one after the other; readers are not stopped.
    Patient.objects.select_for_update(no_key=True).get(pk=condition.patient.pk)
    alarm = _alarm_of(condition)
    if alarm is None:
        return _raise(condition, now=now)
    return _update(alarm, condition, now=now)


def _alarm_of(condition: Condition) -> Alarm | None:
    same = Alarm.objects.filter(patient=condition.patient, rule=condition.rule)
    if condition.episode is not None:
        of_episode = same.filter(episode=condition.episode).order_by("pk").first()
        if of_episode is not None:
            return of_episode
    if condition.onset_sample is None:
        return same.filter(record=condition.record, onset_at=condition.onset_at).first()
    return same.filter(
        record=condition.record, onset_sample=condition.onset_sample
    ).first()


def _raise(condition: Condition, *, now: datetime) -> Alarm | None:
    if condition.suppressed:
        return None
    late = condition.is_late(now=now)
    same = Alarm.objects.filter(
        patient=condition.patient, rule=condition.rule, late=False
    )
    if not late:
        active = same.filter(state=Alarm.State.ACTIVE).first()
        if active is not None:
            _note_again(active, condition, now=now)
            return None
        earlier = same.filter(onset_at__lte=condition.onset_at)
        last = earlier.exclude(end_at=None).order_by("end_at", "pk").last()
        if last is not None and is_resting(_ended_before(last, condition)):
            _note_again(last, condition, now=now)
            return None
    rule = RULES[condition.rule]
    priority = condition.priority or rule.priority
    ended = condition.end_at is not None
    alarm = Alarm.objects.create(
        patient=condition.patient,
        record=condition.record,
        episode=condition.episode,
        rule=condition.rule,
        priority=int(priority),
        state=Alarm.State.CLEARED if ended else Alarm.State.ACTIVE,
        late=late,
        onset_at=condition.onset_at,
        end_at=condition.end_at,
        onset_sample=condition.onset_sample,
        end_sample=condition.end_sample,
        detail=condition.detail,
        peak=condition.peak,
        quality=condition.quality,
        annotator=condition.annotator,
        raised_at=now,
        # A late alarm is for review: nobody is mailed about it.
        notified_at=now if late else None,
    )
    record_change(alarm, AlarmChange.Kind.RAISED, condition.detail, now=now)
    counter = ALARMS.labels(alarm.rule, priority.name.lower(), str(late).lower())
    transaction.on_commit(counter.inc)
    if ended:
        record_change(alarm, AlarmChange.Kind.CLEARED, now=now)
    return alarm


def _ended_before(last: Alarm, condition: Condition) -> timedelta:
    """Return how long before the end of a condition an alarm of its rule ended.

    Within a record samples say so: a clock that was set back meanwhile would make a
    minute a few seconds, and hide what came after it.
    """
    record, samples = condition.record, (condition.seen_sample, last.end_sample)
    if record is not None and last.record_id == record.pk and None not in samples:
        seen = condition.end_sample or condition.seen_sample or 0
        return timedelta(seconds=abs(seen - (last.end_sample or 0)) / record.fs)
    seen_at = condition.end_at or condition.seen_at
    return seen_at - (last.end_at or seen_at)


def _note_again(alarm: Alarm, condition: Condition, *, now: datetime) -> None:
    """Note on an active or resting alarm that the same rule was met once more."""
    # Once: a rate that moves from beat to beat is no change worth a row.
    noted = alarm.changes.filter(detail__startswith=AGAIN, at__gte=condition.onset_at)
    if not noted.exists():
        detail = f"{AGAIN}{condition.detail}"
        record_change(alarm, AlarmChange.Kind.UPDATED, detail, now=now)


def _update(alarm: Alarm, condition: Condition, *, now: datetime) -> Alarm | None:
    kind = _apply_end(alarm, condition)
    fields = list(OF_CONDITION)
    if alarm.late and not condition.is_late(now=now):
        # Analysis has caught up with a condition that still holds: news after all.
        others = Alarm.objects.filter(
            patient=alarm.patient, rule=alarm.rule, late=False, state="active"
        )
        if not others.exclude(pk=alarm.pk).exists():
            alarm.late, alarm.notified_at = False, None
            fields.append("notified_at")
            kind = kind or AlarmChange.Kind.UPDATED
    priority = condition.priority or alarm.priority
    if priority != alarm.priority:
        if priority > alarm.priority and not alarm.late:
            # Alert rules that ask for more than it was hear of it now.
            alarm.notified_at = None
            fields.append("notified_at")
        alarm.priority = int(priority)
        kind = kind or AlarmChange.Kind.UPDATED
    said = (alarm.detail, alarm.peak)
    alarm.detail, alarm.peak = condition.detail, condition.peak
    if kind is None and said == (condition.detail, condition.peak):
        return None
    alarm.save(update_fields=fields)
    if kind is not None:
        record_change(alarm, kind, alarm.detail, now=now)
    return alarm


def _apply_end(alarm: Alarm, condition: Condition) -> AlarmChange.Kind | None:
    if condition.end_at == alarm.end_at:
        return None
    was_active = alarm.state == Alarm.State.ACTIVE
    alarm.end_at, alarm.end_sample = condition.end_at, condition.end_sample
    if condition.end_at is not None:
        alarm.state = Alarm.State.CLEARED
        return AlarmChange.Kind.CLEARED if was_active else AlarmChange.Kind.UPDATED
    # The silence in which it seemed to end is over, and it goes on.
    newer = Alarm.objects.filter(
        patient=alarm.patient, rule=alarm.rule, late=False, state="active"
    )
    if not newer.exclude(pk=alarm.pk).exists():
        alarm.state = Alarm.State.ACTIVE
    return AlarmChange.Kind.UPDATED


@transaction.atomic
def clear_alarm(*, alarm: Alarm, end_at: datetime, detail: str, now: datetime) -> None:
    """End an alarm whose condition is over; a high one stays until acknowledged."""
    changed = Alarm.objects.filter(pk=alarm.pk, state=Alarm.State.ACTIVE).update(
        state=Alarm.State.CLEARED, end_at=max(end_at, alarm.onset_at)
    )
    if changed:
        record_change(alarm, AlarmChange.Kind.CLEARED, detail, now=now)


@transaction.atomic
def acknowledge_alarm(*, alarm: Alarm, by: User, reason: str, now: datetime) -> Alarm:
    """Record that a person has seen an alarm; the first one counts.

    The caller has checked that ``by`` may acknowledge. Raises
    ``AlreadyAcknowledged`` when somebody was faster.
    """
    changed = Alarm.objects.filter(pk=alarm.pk, acknowledged_at=None).update(
        acknowledged_at=now, acknowledged_by=by, acknowledge_reason=reason[:200]
    )
    alarm.refresh_from_db()
    if not changed:
        message = f"{alarm.acknowledged_by} acknowledged this alarm already."
        raise AlreadyAcknowledged(message)
    record_change(alarm, AlarmChange.Kind.ACKNOWLEDGED, reason, by=by, now=now)
    transaction.on_commit(lambda: announce_alarms(alarm.patient))
    return alarm


def record_change(
    alarm: Alarm,
    kind: AlarmChange.Kind,
    detail: str = "",
    *,
    by: User | None = None,
    now: datetime,
) -> None:
    """Write one row of the alarm's history."""
    AlarmChange.objects.create(
        alarm=alarm, kind=kind, at=now, by=by, detail=detail[:200]
    )
