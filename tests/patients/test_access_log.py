"""Who looked at whose data."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from patients.models import AccessLog, Patient, User
from patients.services import log_access

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
