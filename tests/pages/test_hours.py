"""The last day hour by hour: on the patient page, and on the patient's own."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from devices.models import Assignment
from inference.label_figures import released_figures
from inference.models import AnalysisState
from patients.models import Patient, User
from telecardio.pages.hours import hours_context
from telecardio.templatetags import record_times
from telecardio.templatetags.record_times import until
from tests.pages.recorded import recorded


def analysed(assignment: Assignment, **options: object) -> None:
    record = recorded(assignment, **options)
    AnalysisState.objects.create(
        record=record,
        annotator="tc-test",
        cursor_sample=record.end_sample,
        state=b"",
        advanced_at=timezone.now(),
    )


def page_of(client: Client, patient: Patient, user: User) -> str:
    client.force_login(user)
    return client.get(f"/patients/{patient.pk}/hours/").content.decode()


def test_it_shows_hours_and_the_day(
    client: Client, alice: User, assignment: Assignment, patient: Patient
) -> None:
    now = timezone.now()
    analysed(assignment, end_at=now - timedelta(hours=4), heart_rate_bpm=120)
    analysed(assignment, end_at=now, stream="00000000000000bb", heart_rate_bpm=60)
    page = page_of(client, patient, alice)
    assert "Together" in page
    assert page.count("not recorded") >= 2
    # Every beat of these records is ventricular.
    assert "100.0 %" in page
    assert "<b>60</b>" in page
    assert "120" in page
    assert released_figures().legend() in page


def test_it_says_that_there_is_nothing(
    client: Client, alice: User, patient: Patient
) -> None:
    assert "Nothing was analysed in the last 24 hours" in page_of(
        client, patient, alice
    )


def test_it_loads_the_hours_behind_the_page(
    client: Client, alice: User, staff_user: User, patient: Patient
) -> None:
    address = f'hx-get="/patients/{patient.pk}/hours/" hx-trigger="load'
    for user, shown in ((alice, True), (staff_user, False)):
        client.force_login(user)
        page = client.get(f"/patients/{patient.pk}/").content.decode()
        assert (address in page) is shown
        assert ("Reading the last 24 hours" in page) is shown


@pytest.mark.parametrize("who", ["charlie", "staff_user", "kiosk", "patient_user"])
def test_it_shows_hours_to_nobody_else(
    client: Client, who: str, patient: Patient, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(who))
    assert client.get(f"/patients/{patient.pk}/hours/").status_code in (403, 404)


def test_it_hides_from_the_patient_what_the_machine_says(
    client: Client, patient_user: User, assignment: Assignment
) -> None:
    analysed(assignment, end_at=timezone.now(), heart_rate_bpm=60)
    client.force_login(patient_user)
    page = client.get("/me/hours/").content.decode()
    assert "<b>60</b>" in page
    assert "1 min" in page
    for word in ("ventricular", "AF", "%", "RMSSD", ">V<"):
        assert word not in page


def test_it_asks_the_database_little(
    client: Client,
    alice: User,
    assignment: Assignment,
    patient: Patient,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    now = timezone.now()
    for hour in range(6):
        end_at = now - timedelta(hours=hour)
        analysed(assignment, end_at=end_at, stream=f"{hour:016x}", seconds=20)
    with django_assert_max_num_queries(50):
        page_of(client, patient, alice)


def test_it_tells_the_two_hours_apart_when_clocks_are_set_back(
    patient: Patient,
) -> None:
    patient.time_zone = "Europe/Berlin"
    for now, is_set in (
        (datetime(2026, 10, 25, 12, tzinfo=UTC), True),
        (datetime(2026, 10, 23, 12, tzinfo=UTC), False),
    ):
        assert hours_context(patient, now=now)["with_zone"] is is_set
    first = datetime(2026, 10, 25, 0, tzinfo=UTC)
    with timezone.override("Europe/Berlin"):
        assert [
            record_times.hour(first + timedelta(hours=more), True) for more in (0, 1)
        ] == [
            "Sun 02:00 CEST",
            "Sun 02:00 CET",
        ]


@pytest.mark.parametrize(
    ("start", "end", "written"),
    [
        ("2026-10-23T10:00:00", "2026-10-23T10:00:09", "12:00:09"),
        ("2026-10-23T10:00:00", "2026-10-24T10:00:09", "24 Oct 2026 12:00:09"),
        ("2026-10-25T00:50:00", "2026-10-25T01:10:00", "02:10:00 CET"),
    ],
)
def test_the_end_of_an_episode_tells_what_its_beginning_does_not(
    start: str, end: str, written: str
) -> None:
    times = [datetime.fromisoformat(at).replace(tzinfo=UTC) for at in (end, start)]
    with timezone.override("Europe/Berlin"):
        assert until(*times) == written
