"""Who looked at whose data."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from patients.models import AccessLog, Patient, User
from patients.services import log_access, log_accesses

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_it_writes_one_row_for_one_look(alice: User, patient: Patient) -> None:
    for minutes in (0, 3, 9):
        now = NOW + timedelta(minutes=minutes)
        log_access(user=alice, patient=patient, action="patient page", now=now)
    assert [row.at for row in AccessLog.objects.all()] == [NOW]
    later = NOW + timedelta(minutes=11)
    log_access(user=alice, patient=patient, action="patient page", now=later)
    assert AccessLog.objects.count() == 2


def test_it_keeps_people_and_actions_apart(
    alice: User, bob: User, patient: Patient
) -> None:
    log_access(user=alice, patient=patient, action="patient page", now=NOW)
    log_access(user=alice, patient=patient, action="strip", now=NOW)
    log_access(user=bob, patient=patient, action="patient page", now=NOW)
    assert AccessLog.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_it_writes_one_row_for_requests_side_by_side(
    alice: User, patient: Patient
) -> None:
    def look() -> None:
        log_access(user=alice, patient=patient, action="patient page", now=NOW)
        connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert AccessLog.objects.count() == 1


def test_it_writes_the_rows_of_several_patients_at_once(
    alice: User, patient: Patient, other_patient: Patient, django_assert_num_queries
) -> None:
    both = [other_patient.pk, patient.pk]
    log_access(user=alice, patient=patient, action="live trace", now=NOW)
    log_accesses(user=alice, patient_ids=both, action="live trace", now=NOW)
    rows = AccessLog.objects.order_by("patient_id").values_list("patient_id", "action")
    assert list(rows) == [(patient.pk, "live trace"), (other_patient.pk, "live trace")]
    with django_assert_num_queries(1):
        log_accesses(user=alice, patient_ids=both, action="live trace", now=NOW)


@pytest.mark.parametrize(
    "page",
    [
        "patient",
        "patient-hours",
        "patient-alarms",
        "alarm-history",
        "episode-history",
    ],
)
def test_every_part_of_the_patient_page_counts_as_a_look(
    alice: User, charlie: User, patient: Patient, page: str
) -> None:
    for user, status in ((charlie, 404), (alice, 200), (alice, 200)):
        client = Client()
        client.force_login(user)
        url = reverse(page, args=[patient.pk])
        assert client.get(url).status_code == status
    assert [(row.user, row.action) for row in AccessLog.objects.all()] == [
        (alice, "patient page")
    ]


def test_it_writes_down_which_of_the_staff_opens_a_patients_form(
    staff_user: User, patient: Patient
) -> None:
    client = Client()
    client.force_login(staff_user)
    form = reverse("admin:patients_patient_change", args=[patient.pk])
    assert client.get(form).status_code == 200
    assert [(row.user, row.action) for row in AccessLog.objects.all()] == [
        (staff_user, "administration")
    ]
