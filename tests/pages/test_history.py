"""All alarms and episodes of a patient, page by page."""

from datetime import UTC, datetime, timedelta

from django.test import Client
from django.urls import reverse

from devices.models import Assignment
from inference.models import Alarm, Episode
from patients.models import Patient, User
from tests.pages.recorded import recorded

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def _alarms(patient: Patient, rule: str, count: int) -> None:
    Alarm.objects.bulk_create(
        Alarm(
            patient=patient,
            rule=rule,
            priority=Alarm.Priority.MEDIUM,
            state=Alarm.State.CLEARED,
            onset_at=NOW - timedelta(hours=number),
            end_at=NOW - timedelta(hours=number) + timedelta(minutes=1),
            detail=f"the one {number} hours ago",
            annotator="tc-test",
            raised_at=NOW,
        )
        for number in range(count)
    )


def _page(user: User, name: str, patient: Patient, **query: object) -> str:
    client = Client()
    client.force_login(user)
    answer = client.get(reverse(name, args=[patient.pk]), query)
    assert answer.status_code == 200
    return answer.text


def test_it_leads_from_the_newest_alarms_to_the_oldest(
    alice: User, patient: Patient
) -> None:
    _alarms(patient, "TACHY", 205)
    history = reverse("alarm-history", args=[patient.pk])
    shown = _page(alice, "patient", patient)
    assert f'href="{history}"' in shown
    assert "the one 204 hours" not in shown
    first = _page(alice, "alarm-history", patient)
    assert "1 to 100 of 205" in first
    assert 'rel="next" href="?page=2"' in first
    assert 'rel="prev"' not in first
    last = _page(alice, "alarm-history", patient, page=3)
    assert "201 to 205 of 205" in last
    assert "the one 204 hours ago" in last
    assert 'rel="next"' not in last
    # What no page has that number is the last; what is no number, the first.
    assert "201 to 205" in _page(alice, "alarm-history", patient, page=99)
    assert "1 to 100" in _page(alice, "alarm-history", patient, page="x")


def test_it_says_that_there_is_none(alice: User, patient: Patient) -> None:
    for name in ("alarm-history", "episode-history"):
        assert "None yet." in _page(alice, name, patient)
        assert reverse(name, args=[patient.pk]) not in _page(alice, "patient", patient)


def test_it_shows_staff_only_what_is_technical(
    staff_user: User, patient: Patient
) -> None:
    _alarms(patient, "LEAD_OFF", 40)
    _alarms(patient, "AF", 40)
    shown = _page(staff_user, "alarm-history", patient)
    assert shown.count("the one") == 40
    assert "trial fibrillation" not in shown


def test_it_lists_the_patients_own_episodes(
    alice: User, assignment: Assignment, other_patient: Patient
) -> None:
    record = recorded(assignment, end_at=NOW)
    for number in range(25):
        Episode.objects.create(
            record=record,
            patient=other_patient if number == 24 else record.patient,
            annotator="tc-test",
            label=Episode.Label.VT,
            onset_sample=250 * number,
            onset_at=NOW - timedelta(hours=number),
            detail=f"the run {number} hours ago",
        )
    assert record.patient is not None
    history = reverse("episode-history", args=[record.patient_id])
    assert f'href="{history}"' in _page(alice, "patient", record.patient)
    shown = _page(alice, "episode-history", record.patient)
    assert shown.count("the run") == 24
    assert "How often these are right" in shown
