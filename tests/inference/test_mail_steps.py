"""Later steps of an alert rule come when they are due, whatever else waits."""

from datetime import timedelta

import pytest
from django.utils import timezone

from inference.alarm_rules import Priority
from inference.models import Alarm, AlertRule, MailDelivery
from inference.services import notices
from inference.services.alarms import follow_condition
from inference.services.notices import queue_mails
from patients.models import Patient, User, Ward
from tests.inference.conditions import condition

NOW = timezone.now()
pytestmark = pytest.mark.django_db


def _after(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


def _unanswered(patient: Patient, rule: str, *, before_min: float) -> Alarm:
    onset_at = NOW - _after(before_min)
    alarm = follow_condition(
        condition(patient, rule, onset_at=onset_at, ended=True), now=onset_at
    )
    assert alarm is not None
    Alarm.objects.update(notified_at=onset_at)
    return alarm


def test_it_mails_the_step_of_an_alarm_although_its_first_mail_is_recent(
    patient: Patient,
) -> None:
    treating = AlertRule.Recipients.TREATING
    AlertRule.objects.create(name="again", after_min=5, recipients=treating)
    follow_condition(condition(patient, "VT", onset_at=NOW, ended=True), now=NOW)
    assert queue_mails(now=NOW) == 2
    assert [queue_mails(now=NOW + _after(m)) for m in (4, 5, 6)] == [0, 1, 0]
    assert MailDelivery.objects.get(after_min=5).address == "alice@example.org"


def test_it_mails_a_step_while_many_older_alarms_can_tell_nobody(
    patient: Patient,
    other_patient: Patient,
    charlie: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notices, "BATCH", 2)
    elsewhere = Ward.objects.create(name="Elsewhere")
    Patient.objects.filter(pk=patient.pk).update(ward=elsewhere)
    AlertRule.objects.create(name="again", after_min=5, ward=other_patient.ward)
    for before_min in (50, 40, 30):
        # Of another ward, and of a patient whom nobody treats.
        _unanswered(patient, "VT", before_min=before_min)
    lonely = Patient.objects.create(
        code="P-9", first_name="Lo", last_name="Ne", ward=other_patient.ward
    )
    for before_min in (50, 40, 30):
        _unanswered(lonely, "ASYSTOLE", before_min=before_min)
    due = _unanswered(other_patient, "VT", before_min=6)

    assert queue_mails(now=NOW) == 1
    assert MailDelivery.objects.get().alarm == due


def test_it_mails_a_step_while_many_newer_alarms_can_tell_nobody(
    patient: Patient, other_patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "BATCH", 2)
    AlertRule.objects.create(name="again", after_min=5)
    lonely = Patient.objects.create(
        code="P-9", first_name="Lo", last_name="Ne", ward=patient.ward
    )
    due = _unanswered(patient, "VT", before_min=60)
    for before_min in (50, 40, 30):
        _unanswered(lonely, "ASYSTOLE", before_min=before_min)
    queued = [queue_mails(now=NOW + _after(step / 12)) for step in range(3)]
    assert sum(queued) == 2
    assert {one.alarm for one in MailDelivery.objects.all()} == {due}


def test_it_mails_an_alarm_that_grew_worse(patient: Patient) -> None:
    AlertRule.objects.create(name="Electrodes", rules=["LEAD_OFF"])
    for lasted_s, priority, mails in (
        (5, Priority.LOW, 0),
        (60, Priority.LOW, 0),
        (120, Priority.MEDIUM, 2),
        (180, Priority.MEDIUM, 0),
    ):
        off = condition(
            patient, "LEAD_OFF", onset_at=NOW, lasted_s=lasted_s, priority=priority
        )
        follow_condition(off, now=NOW + timedelta(seconds=lasted_s))
        assert queue_mails(now=NOW + timedelta(seconds=lasted_s)) == mails
