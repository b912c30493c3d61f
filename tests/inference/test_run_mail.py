"""A ventricular run is mailed when it is over or lasts, and not if it became VT."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from inference.models import Alarm, Episode, MailDelivery
from inference.services.alarms import follow_condition
from inference.services.notices import queue_mails
from patients.models import Patient
from tests.inference.conditions import condition

NOW = timezone.now()
pytestmark = pytest.mark.django_db


def _after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def _episode(patient: Patient, label: str) -> Episode:
    return Episode.objects.create(
        patient=patient, annotator="tc-test", label=label, onset_at=NOW
    )


def _see(episode: Episode, *, lasted_s: float, ended: bool = False) -> None:
    assert episode.patient is not None
    seen = condition(
        episode.patient,
        episode.label,
        onset_at=NOW,
        lasted_s=lasted_s,
        ended=ended,
        episode=episode,
    )
    follow_condition(seen, now=_after(lasted_s))


def _mailed() -> list[str]:
    rules = MailDelivery.objects.order_by("pk").values_list("alarm__rule", flat=True)
    return list(dict.fromkeys(rules))


def test_it_shows_a_run_at_once_and_mails_it_after_five_seconds(
    patient: Patient,
) -> None:
    _see(_episode(patient, "VRUN"), lasted_s=1)
    assert Alarm.objects.open().get().rule == "VRUN"
    assert queue_mails(now=_after(3)) == 0
    assert queue_mails(now=_after(7)) == 2


def test_it_mails_a_short_run_when_it_has_ended(patient: Patient) -> None:
    run = _episode(patient, "VRUN")
    _see(run, lasted_s=1)
    assert queue_mails(now=_after(1)) == 0
    _see(run, lasted_s=2, ended=True)
    assert queue_mails(now=_after(2)) == 2


@pytest.mark.parametrize("later_s", [2, 60])
def test_it_mails_only_vt_when_a_run_became_vt(
    patient: Patient, later_s: float
) -> None:
    run = _episode(patient, "VRUN")
    _see(run, lasted_s=1)
    assert queue_mails(now=_after(1)) == 0
    # What analysis writes when the fifth beat comes.
    Episode.objects.filter(pk=run.pk).update(withdrawn_at=_after(2))
    Alarm.objects.filter(episode=run).update(state=Alarm.State.CLEARED, end_at=NOW)
    _see(_episode(patient, "VT"), lasted_s=2)
    assert queue_mails(now=_after(later_s)) == 2
    assert _mailed() == ["VT"]
    assert not Alarm.objects.filter(notified_at=None).exists()


def test_it_mails_every_other_alarm_at_once(patient: Patient) -> None:
    _see(_episode(patient, "VRUN"), lasted_s=1)
    _see(_episode(patient, "VT"), lasted_s=1)
    assert queue_mails(now=_after(1)) == 2
    assert _mailed() == ["VT"]
