"""From alarms to mails in the queue, by the alert rules."""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q

from inference.alarm_rules import RUN_SETTLES, TECHNICAL_RULES
from inference.models import Alarm, AlertRule, MailDelivery
from inference.services.recipients import addresses_for

BATCH = 200
# Somebody may have joined the care team meanwhile.
PASSED_OVER = timedelta(minutes=1)
# Steps later than the onset look no further back than this.
STEP_HORIZON = timedelta(days=7)
# A Message-ID has room for so much of a host's name.
MOST_OF_HOST = 63

log = logging.getLogger(__name__)


def queue_mails(*, now: datetime) -> int:
    """Queue the mails that alarms call for; return how many.

    New alarms at once, and the later steps of alarms that are still open and
    unacknowledged. Each alarm is taken by one conditional UPDATE and each mail is
    unique per alarm, address and step, so several sweeps queue it once.
    """
    rules = list(AlertRule.objects.filter(active=True))
    at_once = [rule for rule in rules if rule.after_min == 0]
    fresh = Alarm.objects.filter(notified_at=None).exclude(_may_become_vt(now))
    oldest = fresh.select_related("patient", "episode").order_by("raised_at")[:BATCH]
    queued = 0
    for alarm in oldest:
        with _stopping_no_other(alarm):
            queued += _queue_alarm(alarm, at_once, now=now)
    for rule in rules:
        if rule.after_min:
            with _stopping_no_other(rule):
                queued += _queue_step(rule, now=now)
    return queued


@contextmanager
def _stopping_no_other(one: Alarm | AlertRule) -> Iterator[None]:
    """Let what cannot be queued wait alone; the watchdog says that it does."""
    try:
        yield
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("The mails of %s %s cannot be queued", type(one).__name__, one.pk)


def _may_become_vt(now: datetime) -> Q:
    """Return the condition for ventricular runs that are too young to be told."""
    # What a clock that was set back since says of the future holds nobody up.
    young = Q(raised_at__gt=now - RUN_SETTLES, raised_at__lte=now + RUN_SETTLES)
    return young & Q(rule="VRUN", state=Alarm.State.ACTIVE)


def _became_vt(alarm: Alarm) -> bool:
    """Tell whether a run was taken back, as it is when it becomes VT."""
    episode = alarm.episode if alarm.rule == "VRUN" else None
    return episode is not None and episode.withdrawn_at is not None


@transaction.atomic
def _queue_alarm(alarm: Alarm, rules: Sequence[AlertRule], *, now: datetime) -> int:
    # Of several workers exactly one sees the row change, and only that one mails.
    claimed = Alarm.objects.filter(pk=alarm.pk, notified_at=None)
    if not claimed.update(notified_at=now) or _became_vt(alarm):
        return 0
    one = Alarm.objects.filter(pk=alarm.pk)
    return sum(
        _queue(alarm, rule, now=now)
        for rule in rules
        if one.filter(is_meant(rule)).exists()
    )


@transaction.atomic
def _queue_step(rule: AlertRule, *, now: datetime) -> int:
    due_at = now - timedelta(minutes=rule.after_min)
    told = MailDelivery.objects.filter(
        alarm=OuterRef("pk"), alert_rule=rule, after_min=rule.after_min
    )
    waiting = Alarm.objects.open().filter(
        ~Exists(told),
        is_meant(rule),
        acknowledged_at=None,
        onset_at__lte=due_at,
        onset_at__gt=now - STEP_HORIZON,
    )
    # The newest first, and for a while without those that told nobody: what nobody can
    # be mailed about waits here for days, and must not stand before the others.
    waiting = waiting.exclude(pk__in=_told_nobody.of(rule, now=now))
    queued = 0
    for alarm in waiting.select_related("patient").order_by("-onset_at")[:BATCH]:
        mails = _queue(alarm, rule, now=now)
        queued += mails
        if not mails:
            _told_nobody.note(rule, alarm, now=now)
    return queued


class _ToldNobody:
    """Which alarms a step found nobody to mail about, a moment ago, in this process."""

    def __init__(self) -> None:
        self._until: dict[tuple[int, int], datetime] = {}

    def note(self, rule: AlertRule, alarm: Alarm, *, now: datetime) -> None:
        """Pass an alarm over for a while."""
        self._until[rule.pk, alarm.pk] = now + PASSED_OVER

    def of(self, rule: AlertRule, *, now: datetime) -> list[int]:
        """Return the ids of the alarms that a rule passes over."""
        until = self._until.items()
        self._until = {key: at for key, at in until if now < at <= now + PASSED_OVER}
        return [alarm for one, alarm in self._until if one == rule.pk]


_told_nobody = _ToldNobody()


def is_meant(rule: AlertRule) -> Q:
    """Return the condition for the alarms that ``rule`` speaks of."""
    named = Q(rule__in=rule.rules) if rule.rules else ~Q(rule__in=TECHNICAL_RULES)
    meant = named & Q(priority__gte=rule.min_priority)
    if rule.ward_id is not None:
        meant &= Q(patient__ward=rule.ward_id)
    if rule.patient_id is not None:
        meant &= Q(patient=rule.patient_id)
    return meant


def _queue(alarm: Alarm, rule: AlertRule, *, now: datetime) -> int:
    queued = 0
    for address in addresses_for(rule, alarm):
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
    """Tell whether the address heard of another such alarm a moment ago.

    Not of this one: each of its steps is mailed when it is due.
    """
    heard = MailDelivery.objects.filter(
        address=address,
        alarm__patient=alarm.patient,
        alarm__rule=alarm.rule,
        queued_at__gt=since,
    )
    return heard.exclude(Q(state=MailDelivery.State.FAILED) | Q(alarm=alarm)).exists()


def message_id(alarm: Alarm, address: str, after_min: int) -> str:
    """Return the same Message-ID for every try, so that duplicates collapse."""
    digest = hashlib.sha256(address.encode()).hexdigest()[:16]
    host = urlsplit(settings.SITE_URL).hostname or "localhost"
    if len(host) > MOST_OF_HOST:
        # Any name will do that nobody else uses.
        host = f"{hashlib.sha256(host.encode()).hexdigest()[:16]}.telecardio.invalid"
    return f"<alarm-{alarm.pk}-{after_min}-{digest}@{host}>"
