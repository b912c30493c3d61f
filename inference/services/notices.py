"""From alarms to mails in the queue, by the alert rules."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from inference.alarm_rules import TECHNICAL_RULES
from inference.models import Alarm, AlertRule, MailDelivery
from inference.services.recipients import addresses_for

BATCH = 200
# Steps later than the onset look no further back than this.
STEP_HORIZON = timedelta(days=7)


def queue_mails(*, now: datetime) -> int:
    """Queue the mails that alarms call for; return how many.

    New alarms at once, and the later steps of alarms that are still open and
    unacknowledged. Each alarm is taken by one conditional UPDATE and each mail is
    unique per alarm, address and step, so several sweeps queue it once.
    """
    rules = list(AlertRule.objects.filter(active=True))
    at_once = [rule for rule in rules if rule.after_min == 0]
    fresh = Alarm.objects.filter(notified_at=None).select_related("patient")
    queued = sum(
        _queue_alarm(alarm, at_once, now=now)
        for alarm in fresh.order_by("raised_at")[:BATCH]
    )
    for rule in rules:
        if rule.after_min:
            queued += _queue_step(rule, now=now)
    return queued


@transaction.atomic
def _queue_alarm(alarm: Alarm, rules: Sequence[AlertRule], *, now: datetime) -> int:
    # Of several workers exactly one sees the row change, and only that one mails.
    claimed = Alarm.objects.filter(pk=alarm.pk, notified_at=None)
    if not claimed.update(notified_at=now):
        return 0
    return sum(_queue(alarm, rule, now=now) for rule in rules if is_meant(rule, alarm))


@transaction.atomic
def _queue_step(rule: AlertRule, *, now: datetime) -> int:
    due_at = now - timedelta(minutes=rule.after_min)
    waiting = Alarm.objects.open().filter(
        acknowledged_at=None, onset_at__lte=due_at, onset_at__gt=now - STEP_HORIZON
    )
    if rule.rules:
        waiting = waiting.filter(rule__in=rule.rules)
    mailed = Q(mails__alert_rule=rule, mails__after_min=rule.after_min)
    alarms = waiting.exclude(mailed).select_related("patient")
    return sum(
        _queue(alarm, rule, now=now)
        for alarm in alarms.order_by("raised_at")[:BATCH]
        if is_meant(rule, alarm)
    )


def is_meant(rule: AlertRule, alarm: Alarm) -> bool:
    """Tell whether ``rule`` speaks of ``alarm``."""
    if rule.rules:
        named = alarm.rule in rule.rules
    else:
        named = alarm.rule not in TECHNICAL_RULES
    in_ward = rule.ward_id is None or rule.ward_id == alarm.patient.ward_id
    of_patient = rule.patient_id is None or rule.patient_id == alarm.patient_id
    return named and in_ward and of_patient and alarm.priority >= rule.min_priority


def _queue(alarm: Alarm, rule: AlertRule, *, now: datetime) -> int:
    queued = 0
    for address in addresses_for(rule, alarm.patient):
        if _was_mailed(alarm, address, now - timedelta(minutes=rule.dedupe_min)):
            continue
        _, is_new = MailDelivery.objects.get_or_create(
            alarm=alarm,
            address=address,
            after_min=rule.after_min,
            defaults={
                "alert_rule": rule,
                "message_id": message_id(alarm, address, rule.after_min),
                "next_try_at": now,
                "queued_at": now,
            },
        )
        queued += is_new
    return queued


def _was_mailed(alarm: Alarm, address: str, since: datetime) -> bool:
    """Tell whether the address heard of this patient and rule a moment ago."""
    return (
        MailDelivery.objects.filter(
            address=address,
            alarm__patient=alarm.patient,
            alarm__rule=alarm.rule,
            queued_at__gt=since,
        )
        .exclude(state=MailDelivery.State.FAILED)
        .exists()
    )


def message_id(alarm: Alarm, address: str, after_min: int) -> str:
    """Return the same Message-ID for every try, so that duplicates collapse."""
    digest = hashlib.sha256(address.encode()).hexdigest()[:16]
    host = urlsplit(settings.SITE_URL).hostname or "localhost"
    return f"<alarm-{alarm.pk}-{after_min}-{digest}@{host}>"
