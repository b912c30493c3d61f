"""A patient's own page."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from devices.models import Assignment
from inference.models import Alarm, Episode
from patients.models import Patient, User
from tests.pages.recorded import recorded


@pytest.fixture
def paula(client: Client, patient_user: User) -> Client:
    client.force_login(patient_user)
    return client


def test_it_says_that_it_records(paula: Client, assignment: Assignment) -> None:
    recorded(assignment, end_at=timezone.now())
    page = paula.get("/me/").content.decode()
    assert "Recording now" in page
    assert "Hello Paula" in page


def test_it_asks_to_check_the_electrodes(paula: Client, assignment: Assignment) -> None:
    recorded(assignment, end_at=timezone.now(), flags=["lead_off"])
    assert "Check your electrodes" in paula.get("/me/status/").content.decode()


def test_it_says_since_when_on_the_patients_own_clock(
    paula: Client, assignment: Assignment
) -> None:
    zone = "Asia/Kolkata"
    Patient.objects.update(time_zone=zone)
    end_at = timezone.now() - timedelta(days=3)
    recorded(assignment, end_at=end_at)
    patient = Patient.objects.get()
    words = f"{end_at.astimezone(patient.zone):%H:%M}"
    page = paula.get("/me/status/").content.decode()
    assert "Not connected since" in page
    assert words in page


def test_it_waits_for_a_device_that_never_sent(
    paula: Client, assignment: Assignment
) -> None:
    assert "Waiting for your device" in paula.get("/me/").content.decode()


def test_it_is_calm_when_there_is_nothing(paula: Client) -> None:
    page = paula.get("/me/").content.decode()
    assert "No device" in page
    assert "Nothing was recorded in the last 24 hours." in page
    assert "emergency number" in page


def test_it_draws_the_day_and_strips(paula: Client, assignment: Assignment) -> None:
    now = timezone.now()
    first = now - timedelta(hours=5)
    recorded(assignment, end_at=first, heart_rate_bpm=120, stream="0" * 16)
    recorded(assignment, end_at=now - timedelta(seconds=5), heart_rate_bpm=60)
    page = paula.get("/me/").content.decode()
    assert "between 60 and 120 beats per minute" in page
    assert page.count('class="gap hatched"') >= 2
    assert "Fastest, 120 beats per minute" in page
    assert "Slowest, 60 beats per minute" in page
    assert page.count('class="trace"') == 3
    assert "25 mm/s · 10 mm/mV" in page


def test_it_hides_what_the_machine_says(paula: Client, assignment: Assignment) -> None:
    now = timezone.now()
    record = recorded(assignment, end_at=now)
    episode = Episode.objects.create(
        record=record,
        patient=record.patient,
        annotator="tc-test",
        label=Episode.Label.VT,
        onset_sample=0,
        onset_at=now,
        detail="7 ventricular beats at 168/min",
    )
    Alarm.objects.create(
        patient=record.patient,
        record=record,
        episode=episode,
        rule="VT",
        priority=Alarm.Priority.HIGH,
        onset_at=now,
        detail=episode.detail,
        annotator="tc-test",
        raised_at=now,
    )
    page = paula.get("/me/").content.decode().lower()
    assert "ventricular" not in page
    assert "tachycardia" not in page


def test_it_asks_the_database_little(
    paula: Client,
    assignment: Assignment,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    now = timezone.now()
    for hour in range(6):
        end_at = now - timedelta(hours=hour)
        recorded(assignment, end_at=end_at, stream=f"{hour:016x}", seconds=20)
    with django_assert_max_num_queries(45):
        paula.get("/me/")


def test_it_tells_an_account_without_a_patient_what_to_do(
    client: Client, db: None
) -> None:
    user = User.objects.create_user("new@example.org", role=User.Role.PATIENT)
    client.force_login(user)
    page = client.get("/me/").content.decode()
    assert "not connected with a patient yet" in page
    assert client.get("/me/status/").status_code == 404


@pytest.mark.parametrize("who", ["alice", "charlie", "staff_user", "kiosk"])
def test_it_is_nobody_elses_page(
    client: Client, who: str, patient: Patient, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(who))
    assert client.get("/me/").status_code == 404
    assert client.get("/me/status/").status_code == 404


def test_it_never_shows_another_patient(
    paula: Client, assignment: Assignment, other_patient: Patient
) -> None:
    Assignment.objects.update(patient=other_patient)
    recorded(Assignment.objects.get(), end_at=timezone.now())
    page = paula.get("/me/").content.decode()
    assert "Nothing was recorded" in page
    assert "Oskar" not in page


@pytest.mark.parametrize(
    ("rule", "words"),
    [("LEAD_OFF", "Check your electrodes"), ("NO_DATA", "Not connected")],
)
def test_it_says_no_better_of_the_recording_than_the_wall(
    paula: Client, assignment: Assignment, rule: str, words: str
) -> None:
    now = timezone.now()
    recorded(assignment, end_at=now)
    assert "Recording now" in paula.get("/me/status/").content.decode()
    Alarm.objects.create(
        patient=assignment.patient,
        rule=rule,
        priority=Alarm.Priority.LOW,
        onset_at=now - timedelta(minutes=4),
        raised_at=now,
        annotator="tc-test",
    )
    page = paula.get("/me/status/").content.decode()
    assert words in page
    assert "Recording now" not in page
