"""Which rhythms raise an alarm, and how urgent it is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from devices.models import Assignment, Record
from inference.alarm_rules import RULES, Priority
from inference.ecg.episode_log import LABELS
from inference.ecg.types import Episode
from inference.models import Alarm, AlarmRule, BeatBlock
from inference.models import Episode as Row
from inference.services.alarms import follow_condition
from inference.services.conditions import alarm_episodes
from inference.services.episodes import keep_episodes, withdraw
from patients.models import Patient
from tests.inference.conditions import condition

FS = 250


@pytest.fixture
def record(assignment: Assignment) -> Record:
    """Return a record of good signal that a device began a while ago."""
    record = Record.objects.create(
        device=assignment.device,
        assignment=assignment,
        patient=assignment.patient,
        fs=FS,
        leads=["II"],
        gain=200,
        baseline=0,
        started_at=timezone.now() - timedelta(seconds=100),
    )
    BeatBlock.objects.create(
        record=record,
        annotator="tc",
        start_sample=0,
        end_sample=100 * FS,
        samples=b"",
        classes=b"",
        probabilities=b"",
        rr_ms=b"",
        quality=bytes([90] * 100),
        created_at=timezone.now(),
    )
    return record


def seen(label: str, end: int | None = None) -> Episode:
    return Episode(label, 10 * FS, end, 95.0, "in words", 60)


def test_it_has_a_word_for_every_rhythm_and_rule() -> None:
    assert set(LABELS) - {""} <= set(Row.Label.values)
    assert set(RULES) == set(AlarmRule.values)


@pytest.mark.parametrize(
    ("label", "priority"),
    [("VF", Priority.HIGH), ("VT", Priority.HIGH), ("AF", Priority.MEDIUM)],
)
@pytest.mark.django_db
def test_it_raises_a_rhythm_once_while_it_lasts(
    record: Record, label: str, priority: Priority
) -> None:
    now = record.time_of(60 * FS)
    for seconds in (60, 61, 90):
        rows = keep_episodes(
            record, [seen(label)], cursor=seconds * FS, annotator="tc", now=now
        )
        alarm_episodes(record, rows, cursor=seconds * FS, first_look=True, now=now)
    alarm = Alarm.objects.get()
    assert (alarm.rule, alarm.priority) == (label, priority)
    assert RULES[label].latches == (priority == Priority.HIGH)


@pytest.mark.django_db
def test_what_an_alarm_kept_silent_inherits_it_if_its_own_episode_is_taken_back(
    record: Record,
) -> None:
    # A missing packet made the first begin later than it did.
    cut = Episode("VT", 14 * FS, None, 150.0, "cut short", 5)
    whole = Episode("VT", 10 * FS, 22 * FS, 160.0, "whole", 12)
    next_one = Episode("VT", 70 * FS, 80 * FS, 160.0, "another", 12)
    now = record.time_of(20 * FS)

    def look(*seen: Episode, cursor_s: int) -> list[Row]:
        rows = keep_episodes(
            record, seen, cursor=cursor_s * FS, annotator="tc", now=now
        )
        alarm_episodes(record, rows, cursor=cursor_s * FS, now=now)
        return rows

    [first] = look(cut, cursor_s=20)
    look(whole, next_one, cursor_s=90)
    [alarm] = Alarm.objects.all()
    assert alarm.episode == first
    withdraw(first, now=now)
    alarm_episodes(record, [first], cursor=90 * FS, now=now)
    told = Alarm.objects.order_by("pk").values_list("episode__detail", "end_sample")
    assert list(told) == [("whole", 22 * FS), ("another", 80 * FS)]


@pytest.mark.parametrize("label", ["COUPLET", "BIGEMINY", "SVT", "PACED", "NOISE"])
@pytest.mark.django_db
def test_it_only_counts_what_asks_for_nobody(record: Record, label: str) -> None:
    now = record.time_of(60 * FS)
    rows = keep_episodes(
        record, [seen(label, 20 * FS)], cursor=60 * FS, annotator="tc", now=now
    )
    assert [row.label for row in rows] == [label]
    assert alarm_episodes(record, rows, cursor=60 * FS, now=now) == []
    assert not Alarm.objects.exists()


@pytest.mark.django_db
def test_it_clears_fibrillation_that_ended_and_keeps_vf(patient: Patient) -> None:
    onset = timezone.now() - timedelta(seconds=40)
    for rule in ("AF", "VF"):
        for ended in (False, True):
            follow_condition(
                condition(patient, rule, onset_at=onset, lasted_s=35, ended=ended),
                now=timezone.now(),
            )
    assert [alarm.rule for alarm in Alarm.objects.open()] == ["VF"]


@pytest.mark.django_db
def test_a_clock_that_was_set_back_does_not_hide_the_next_alarm(record: Record) -> None:
    began_at = record.started_at
    for onset_s, seen_s, set_back_s in ((10, 15, 0), (60, 66, 35)):
        onset_at = began_at + timedelta(seconds=onset_s - set_back_s)
        seen_at = began_at + timedelta(seconds=seen_s - set_back_s)
        one = condition(
            record.patient,
            record=record,
            onset_at=onset_at,
            onset_sample=onset_s * FS,
            seen_at=seen_at,
            seen_sample=seen_s * FS,
            end_at=seen_at,
            end_sample=seen_s * FS,
        )
        follow_condition(one, now=seen_at)
    # 51 s of signal lie between them, 16 s by the clock.
    assert Alarm.objects.filter(rule="VT").count() == 2
