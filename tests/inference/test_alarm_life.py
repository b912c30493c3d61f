"""An alarm is one row from its onset to its acknowledgement."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from inference.models import Alarm, AlarmChange
from inference.services.alarms import (
    AlreadyAcknowledged,
    Condition,
    acknowledge_alarm,
    follow_condition,
)
from inference.services.announcing import MOST_TOLD, alarm_states
from patients.models import Patient, User
from tests.inference.conditions import condition

NOW = timezone.now()
pytestmark = pytest.mark.django_db


def _after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def _kinds(alarm: Alarm) -> list[str]:
    return list(alarm.changes.values_list("kind", flat=True))


def test_it_keeps_one_alarm_while_a_condition_continues(patient: Patient) -> None:
    for lasted_s in (3, 6, 9):
        seen = condition(patient, "TACHY", onset_at=NOW, lasted_s=lasted_s)
        follow_condition(seen, now=NOW + _after(lasted_s))

    alarm = Alarm.objects.get()
    assert (alarm.state, alarm.priority, alarm.late) == ("active", 2, False)
    assert _kinds(alarm) == ["raised"]


def test_it_clears_a_medium_alarm_by_itself(patient: Patient) -> None:
    follow_condition(condition(patient, "TACHY", onset_at=NOW), now=NOW + _after(5))
    ended = condition(patient, "TACHY", onset_at=NOW, lasted_s=20, ended=True)
    follow_condition(ended, now=NOW + _after(21))

    assert Alarm.objects.get().state == "cleared"
    assert not Alarm.objects.open().exists()


def test_it_latches_a_high_alarm_until_somebody_acknowledges(
    patient: Patient, alice: User
) -> None:
    ended = condition(patient, "VT", onset_at=NOW, ended=True)
    follow_condition(ended, now=NOW + _after(6))

    alarm = Alarm.objects.open().get()
    assert (alarm.state, alarm.acknowledged_at) == ("cleared", None)
    acknowledge_alarm(alarm=alarm, by=alice, reason="seen", now=NOW + _after(30))
    assert not Alarm.objects.open().exists()
    assert _kinds(alarm) == ["raised", "cleared", "acknowledged"]
    assert alarm.changes.last().by == alice


def test_it_lets_the_first_acknowledgement_count(
    patient: Patient, alice: User, bob: User
) -> None:
    alarm = follow_condition(condition(patient, onset_at=NOW), now=NOW + _after(5))
    assert alarm is not None
    acknowledge_alarm(alarm=alarm, by=alice, reason="seen", now=NOW + _after(9))
    with pytest.raises(AlreadyAcknowledged, match="Alice"):
        acknowledge_alarm(alarm=alarm, by=bob, reason="me too", now=NOW + _after(10))
    assert Alarm.objects.get().acknowledged_by == alice


def test_it_rests_for_thirty_seconds_before_the_same_rule_alarms_again(
    patient: Patient,
) -> None:
    follow_condition(
        condition(patient, "VRUN", onset_at=NOW, ended=True), now=NOW + _after(6)
    )
    soon = condition(patient, "VRUN", onset_at=NOW + _after(20), ended=True)
    follow_condition(soon, now=NOW + _after(26))
    alarm = Alarm.objects.get()
    assert alarm.changes.last().kind == AlarmChange.Kind.UPDATED

    later = condition(patient, "VRUN", onset_at=NOW + _after(40), ended=True)
    follow_condition(later, now=NOW + _after(46))
    assert Alarm.objects.count() == 2


def test_it_alarms_when_a_condition_outlasts_the_rest(patient: Patient) -> None:
    follow_condition(
        condition(patient, "VT", onset_at=NOW, ended=True), now=NOW + _after(6)
    )
    for lasted_s in (5, 30):
        again = condition(patient, onset_at=NOW + _after(8), lasted_s=lasted_s)
        follow_condition(again, now=NOW + _after(8 + lasted_s))
    assert Alarm.objects.filter(state="active").count() == 1
    assert Alarm.objects.count() == 2


def test_it_raises_late_news_for_review_only(patient: Patient) -> None:
    long_ago = condition(patient, onset_at=NOW - _after(600), ended=True)
    alarm = follow_condition(long_ago, now=NOW)
    assert alarm is not None
    assert alarm.late
    assert alarm.notified_at is not None
    assert not Alarm.objects.open().exists()


def test_it_makes_news_of_a_late_condition_that_still_holds(patient: Patient) -> None:
    onset_at = NOW - _after(600)
    behind = condition(patient, onset_at=onset_at, lasted_s=10)
    follow_condition(behind, now=NOW)
    assert Alarm.objects.get().late

    follow_condition(condition(patient, onset_at=onset_at, lasted_s=599), now=NOW)
    alarm = Alarm.objects.get()
    assert (alarm.late, alarm.notified_at) == (False, None)


def test_it_raises_nothing_from_an_unreadable_signal(patient: Patient) -> None:
    seen = condition(patient, onset_at=NOW, suppressed="signal unreadable")
    assert follow_condition(seen, now=NOW + _after(5)) is None
    assert not Alarm.objects.exists()


def test_it_notes_once_that_a_resting_rule_is_met_again(patient: Patient) -> None:
    ended = condition(patient, "TACHY", onset_at=NOW, ended=True)
    follow_condition(ended, now=NOW + _after(5))
    for lasted_s in (1, 2, 3):
        again = condition(
            patient,
            "TACHY",
            onset_at=NOW + _after(10),
            lasted_s=lasted_s,
            detail=f"HR 13{lasted_s} > 120",
        )
        follow_condition(again, now=NOW + _after(10 + lasted_s))
    assert _kinds(Alarm.objects.get()) == ["raised", "cleared", "updated"]


@pytest.mark.django_db(transaction=True)
def test_it_keeps_an_acknowledgement_made_while_the_alarm_is_updated(
    patient: Patient, alice: User
) -> None:
    alarm = follow_condition(
        condition(patient, "TACHY", onset_at=NOW), now=NOW + _after(5)
    )
    assert alarm is not None
    goes_on = condition(patient, "TACHY", onset_at=NOW, lasted_s=6, detail="HR 140")
    with ThreadPoolExecutor(1) as analysis:
        with transaction.atomic():
            acknowledge_alarm(alarm=alarm, by=alice, reason="seen", now=NOW)
            # It has read the alarm, and waits for its row until we commit.
            following = analysis.submit(_follow, goes_on)
            _wait_for_lock(following)
        following.result(timeout=10)
    alarm.refresh_from_db()
    assert (alarm.acknowledged_by, alarm.detail) == (alice, "HR 140")


def _follow(goes_on: Condition) -> None:
    try:
        follow_condition(goes_on, now=NOW + _after(6))
    finally:
        connection.close()


def _wait_for_lock(following: "Future[None]") -> None:
    waiting = (
        "SELECT count(*) FROM pg_locks"
        " WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"
    )
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not following.done():
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            if cursor.fetchone() != (0,):
                return
        time.sleep(0.02)
    raise AssertionError("The update does not wait for the acknowledgement.")


def test_more_alarms_than_a_page_needs_at_once_are_not_pushed(
    patient: Patient,
) -> None:
    for second in range(MOST_TOLD + 1):
        assert len(alarm_states([patient])[patient.pk]["alarms"]) == second
        Alarm.objects.create(
            patient=patient,
            rule="VT",
            priority=3,
            state=Alarm.State.CLEARED,
            onset_at=NOW + timedelta(seconds=second),
            end_at=NOW + timedelta(seconds=second, milliseconds=500),
            raised_at=NOW,
            annotator="tc-test",
        )
    assert alarm_states([patient])[patient.pk] == {"rhythm": ""}
