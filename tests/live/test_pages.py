"""The wall, the patient page and the alarms behind them."""

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from devices.services import create_file_record
from inference.models import Alarm, Episode, PatientLimits
from patients.models import AccessLog, Patient, User

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def alarm(patient: Patient) -> Alarm:
    return raised(patient, "VT", 3, "7 ventricular beats at 168/min")


def raised(patient: Patient, rule: str, priority: int, detail: str) -> Alarm:
    return Alarm.objects.create(
        patient=patient,
        rule=rule,
        priority=priority,
        onset_at=NOW,
        detail=detail,
        annotator="tc-1",
        raised_at=NOW,
    )


def as_user(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


def test_it_shows_a_doctor_the_wall_of_visible_patients(alice, patient, other_patient):
    page = as_user(alice).get(reverse("wall"))
    tiles = page.context["wall_data"]["roster"]["patients"]
    assert [tile["name"] for tile in tiles] == ["Paula Example"]
    assert tiles[0]["treats"]
    assert tiles[0]["limits"] == [50, 120]


def test_it_shows_a_wall_screen_initials_and_code_only(kiosk, patient, other_patient):
    page = as_user(kiosk).get(reverse("wall"))
    tiles = page.context["wall_data"]["roster"]["patients"]
    assert [(tile["name"], tile["code"]) for tile in tiles] == [
        ("PE", "P-001"),
        ("OS", "P-002"),
    ]
    assert b"Paula" not in page.content
    assert {tile["url"] for tile in tiles} == {None}
    assert as_user(kiosk).get(reverse("patient", args=[patient.pk])).status_code == 403


def test_it_says_what_to_do_when_there_is_no_patient(alice):
    page = as_user(alice).get(reverse("wall")).content.decode()
    assert re.search(r'data-bar="none-yet">\s*<h2>No patients yet', page)


def test_an_open_wall_learns_of_new_patients_and_limits(alice, patient, other_patient):
    client = as_user(alice)
    first = client.get(reverse("wall")).context["wall_data"]["roster"]
    assert client.get(reverse("wall-patients")).json() == first
    other_patient.care_team.create(user=alice, relation="reads")
    PatientLimits.objects.create(patient=patient, hr_low_bpm=40, hr_high_bpm=130)
    answer = client.get(reverse("wall-patients")).json()
    assert [(one["code"], one["limits"]) for one in answer["patients"]] == [
        ("P-001", [40, 130]),
        ("P-002", [50, 120]),
    ]
    assert answer["user"] == alice.pk


def test_it_tells_an_open_wall_when_its_session_ends_and_lets_it_last(alice, patient):
    client = as_user(alice)
    soon = timezone.now() + timedelta(minutes=5)
    Session.objects.update(expire_date=soon)
    answer = client.get(reverse("wall-patients")).json()
    assert answer["session_ends_ms"] == round(1000 * soon.timestamp())
    assert client.post(reverse("stay-signed-in")).status_code == 204
    [session] = Session.objects.all()
    assert session.expire_date > timezone.now() + timedelta(hours=11)


def test_it_has_no_wall_for_patients_and_staff(patient_user, staff_user):
    for user in (patient_user, staff_user):
        assert as_user(user).get(reverse("wall")).status_code == 404
        assert as_user(user).get(reverse("wall-patients")).status_code == 404
        assert as_user(user).get(reverse("open-alarms")).status_code == 404
        assert as_user(user).post(reverse("stay-signed-in")).status_code == 404


def test_it_asks_the_wall_few_questions(
    alice, patient, ward, django_assert_max_num_queries
):
    client = as_user(alice)
    for i in range(12):
        more = Patient.objects.create(
            code=f"Q-{i}", first_name="A", last_name="B", ward=ward
        )
        more.care_team.create(user=alice)
        raised(more, "TACHY", 2, "HR 134 > 120")
    for name in ("wall", "wall-patients"):
        with django_assert_max_num_queries(6):
            assert client.get(reverse(name)).status_code == 200
    with django_assert_max_num_queries(6):
        answer = client.get(reverse("open-alarms")).json()
    assert len(answer["alarms"]) == 12
    assert len(answer["devices"]) == 13


def test_it_polls_open_alarms_of_visible_patients_only(
    alice, alarm, other_patient, assignment
):
    raised(other_patient, "ASYSTOLE", 3, "no beat for 4 s")
    closed = raised(alarm.patient, "TACHY", 2, "HR 134 > 120")
    closed.state = Alarm.State.CLEARED
    closed.save()
    answer = as_user(alice).get(reverse("open-alarms")).json()
    assert [
        (a["patient"], a["words"], a["detail"], a["acknowledged"])
        for a in answer["alarms"]
    ] == [
        (
            alarm.patient_id,
            "Ventricular tachycardia",
            "7 ventricular beats at 168/min",
            False,
        )
    ]
    assert [device["patient"] for device in answer["devices"]] == [alarm.patient_id]


def test_a_file_is_nothing_that_was_received(alice, patient):
    record = create_file_record(
        uploaded_by=None,
        patient=patient,
        name="old",
        fs=250,
        leads=["I"],
        gain=200.0,
        baseline=0,
        started_at=NOW,
        samples=np.zeros((250, 1), np.int16),
    )
    assert record.last_received_at
    [device] = as_user(alice).get(reverse("open-alarms")).json()["devices"]
    assert device["received_ms"] is None


def test_it_gives_a_stranger_nothing(charlie, patient, alarm):
    client = as_user(charlie)
    for name in ("patient", "patient-alarms"):
        assert client.get(reverse(name, args=[patient.pk])).status_code == 404
    url = reverse("acknowledge", args=[alarm.pk])
    assert client.post(url).status_code == 404
    alarm.refresh_from_db()
    assert alarm.acknowledged_at is None
    anonymous = as_user(None)
    for path in (
        reverse("wall"),
        reverse("open-alarms"),
        reverse("patient", args=[patient.pk]),
        reverse("patient-alarms", args=[patient.pk]),
        url,
    ):
        answer = anonymous.post(path) if path == url else anonymous.get(path)
        assert answer.status_code == 302
        assert answer.url.startswith(reverse("login"))


def test_it_lets_only_who_treats_acknowledge(alice, bob, kiosk, alarm):
    url = reverse("acknowledge", args=[alarm.pk])
    for user in (bob, kiosk):
        assert as_user(user).post(url).status_code == 403
    assert as_user(alice).get(url).status_code == 405
    answer = as_user(alice).post(
        url, {"reason": "known"}, headers={"accept": "application/json"}
    )
    assert answer.json() == {"acknowledged": alarm.pk}
    alarm.refresh_from_db()
    assert (alarm.acknowledged_by, alarm.acknowledge_reason) == (alice, "known")
    again = as_user(alice).post(url, headers={"accept": "application/json"})
    assert again.status_code == 409


def test_it_refuses_to_acknowledge_without_a_csrf_token(alice, alarm):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    url = reverse("acknowledge", args=[alarm.pk])
    assert client.post(url).status_code == 403
    alarm.refresh_from_db()
    assert alarm.acknowledged_at is None


def test_it_answers_htmx_with_the_alarms_after_acknowledging(alice, alarm):
    answer = as_user(alice).post(
        reverse("acknowledge", args=[alarm.pk]), headers={"hx-request": "true"}
    )
    assert answer.status_code == 200
    assert b"Acknowledged by Alice Test" in answer.content
    assert b"<html" not in answer.content


def test_an_open_patient_page_gets_only_what_it_does_not_show(alice, alarm):
    client = as_user(alice)
    url = reverse("patient-alarms", args=[alarm.patient_id])
    page = client.get(reverse("patient", args=[alarm.patient_id])).content.decode()
    [seen] = re.findall(r'name="seen" value="(\w+)"', page)
    assert client.get(url, {"seen": seen}).status_code == 204
    raised(alarm.patient, "TACHY", 2, "HR 134 > 120")
    news = client.get(url, {"seen": seen})
    assert b"HR 134" in news.content
    [seen] = re.findall(r'name="seen" value="(\w+)"', news.content.decode())
    assert client.get(url, {"seen": seen}).status_code == 204
    alarm.acknowledged_at, alarm.acknowledged_by = timezone.now(), alice
    alarm.save()
    assert client.get(url, {"seen": seen}).status_code == 200


def test_it_shows_who_the_patient_is_and_times_on_the_patients_clock(
    alice, bob, patient, alarm, assignment
):
    patient.time_zone = "Asia/Tokyo"
    patient.indication = "Syncope"
    patient.birth_date = datetime(1950, 1, 2, tzinfo=UTC).date()
    patient.save()
    Episode.objects.create(
        patient=patient,
        annotator="tc-1",
        label="VT",
        onset_at=NOW,
        detail="7 ventricular beats at 168/min",
    )
    page = as_user(alice).get(reverse("patient", args=[patient.pk])).content.decode()
    for words in (
        "Paula Example",
        "Syncope",
        "50–120/min",
        "Chest strap",
        "Alice Test (treats)",
        "Bob Test (reads)",
        "Asia/Tokyo",
        "23 Nov 2026 18:00:00",
        "ventricular tachycardia",
        "Acknowledge</button>",
    ):
        assert words in page, words
    reading = as_user(bob).get(reverse("patient", args=[patient.pk])).content.decode()
    assert "Acknowledge</button>" not in reading
    assert AccessLog.objects.filter(patient=patient, user=alice).count() == 1


def test_it_shows_staff_who_the_patient_is_but_no_signal(staff_user, patient, alarm):
    raised(patient, "NO_DATA", 1, "nothing for 31 s")
    page = as_user(staff_user).get(reverse("patient", args=[patient.pk]))
    assert b"Paula Example" in page.content
    assert b"<canvas" not in page.content
    assert b"patient.js" not in page.content
    assert b"ventricular" not in page.content
    assert b"nothing for 31 s" in page.content


def test_it_sends_patients_to_their_own_page(patient_user, patient, other_patient):
    client = as_user(patient_user)
    answer = client.get(reverse("patient", args=[patient.pk]))
    assert (answer.status_code, answer.url) == (302, reverse("portal"))
    answer = client.get(reverse("patient", args=[other_patient.pk]))
    assert answer.status_code == 404
