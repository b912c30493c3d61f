"""Electrode off and noise, from the quality of each second."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from devices.models import Assignment
from inference.models import Alarm
from inference.services.analysis import analyse_pending
from inference.technical_rules import TechnicalChange, Watch, watch_quality
from tests.inference.uploading import packets_of, signal_of, upload


def _watch(words: list[str]) -> list[TechnicalChange]:
    return watch_quality(Watch(), words, first_second=0)[1]


def test_it_waits_two_seconds_before_it_calls_an_electrode_off() -> None:
    assert _watch(["good", "flat", "good", "flat"]) == []
    assert _watch(["good", "flat", "flat"]) == [TechnicalChange("LEAD_OFF", 1, None)]


def test_it_ends_after_three_good_seconds() -> None:
    words = ["flat"] * 5 + ["good", "good", "mains", "good", "good", "good"]
    began, ended = _watch(words)
    assert (began.onset_s, ended.end_s) == (0, 11)


def test_it_ends_when_the_signal_goes_missing() -> None:
    changes = _watch(["muscle"] * 3 + ["motion"] * 3 + ["missing"] * 10)
    assert [change.end_s for change in changes] == [None, 16]


def test_it_does_not_depend_on_how_seconds_come() -> None:
    words = ["good", "flat", "flat", "flat", *["clipped", "motion"] * 3, *["good"] * 4]
    watch, found = Watch(), []
    for second, word in enumerate(words):
        watch = Watch.from_json(watch.to_json())
        watch, changes = watch_quality(watch, [word], first_second=second)
        found += changes
    assert found == _watch(words)


@pytest.mark.django_db
def test_it_raises_electrode_off_low_and_after_two_minutes_medium(
    assignment: Assignment, ecg_data: Path
) -> None:
    now = timezone.now()
    beats = signal_of(ecg_data, "100", start_s=0, seconds=20)
    flat = np.full(250 * 150, 12, np.int16)
    adu = np.concatenate((beats, flat, beats))
    packets = packets_of(adu, packet_s=1, start_at=now - timedelta(seconds=190))
    steps = ((30, "active", 1), (150, "active", 2), (190, "cleared", 2))
    sent = 0
    for seconds, state, priority in steps:
        upload(assignment.device, packets[sent:seconds], received_at=now)
        sent = seconds
        analyse_pending(now=now - timedelta(seconds=190 - seconds))
        alarm = Alarm.objects.get()
        assert (alarm.rule, alarm.state) == ("LEAD_OFF", state)
        assert alarm.priority == priority
        # No heart alarm from a signal that cannot be read.
        assert not Alarm.objects.exclude(rule="LEAD_OFF").exists()


@pytest.mark.django_db
def test_it_ends_electrode_off_when_the_record_ends_with_it(
    assignment: Assignment, ecg_data: Path
) -> None:
    now = timezone.now()
    beats = signal_of(ecg_data, "100", start_s=0, seconds=10)
    adu = np.concatenate((beats, np.full(250 * 10, 12, np.int16)))
    start_at = now - timedelta(seconds=20)
    packets = packets_of(adu, packet_s=1, start_at=start_at)
    upload(assignment.device, packets, received_at=now)
    analyse_pending(now=now)
    alarm = Alarm.objects.get()
    assert (alarm.rule, alarm.state) == ("LEAD_OFF", "active")

    # The device is switched off: nobody will ever say that the electrode holds.
    analyse_pending(now=now + timedelta(seconds=11))
    alarm.refresh_from_db()
    assert (alarm.state, alarm.end_sample) == ("cleared", 20 * 250)

    # It is put on again, badly: the alarm comes back under a new record.
    start_at = now + timedelta(seconds=40)
    again = packets_of(adu, packet_s=1, start_at=start_at, stream="a" * 16)
    upload(assignment.device, again, received_at=start_at + timedelta(seconds=20))
    analyse_pending(now=start_at + timedelta(seconds=20))
    assert list(Alarm.objects.order_by("pk").values_list("state", flat=True)) == [
        "cleared",
        "active",
    ]


@pytest.mark.django_db
def test_it_is_one_alarm_while_packets_are_further_apart_than_a_rest(
    assignment: Assignment, ecg_data: Path
) -> None:
    start_at = timezone.now()
    beats = signal_of(ecg_data, "100", start_s=0, seconds=30)
    adu = np.concatenate((beats, np.full(250 * 180, 12, np.int16)))
    seen = []
    for number, packet in enumerate(packets_of(adu, packet_s=30, start_at=start_at)):
        here = start_at + timedelta(seconds=30 * (number + 1))
        upload(assignment.device, [packet], received_at=here)
        for wait_s in (1, 12):
            analyse_pending(now=here + timedelta(seconds=wait_s))
            found = Alarm.objects.values_list("state", "priority")
            seen.append([tuple(one) for one in found])
    low, medium = ("active", 1), ("active", 2)
    resting = [[("cleared", priority)] for priority in (1, 1, 1, 2, 2, 2)]
    assert [seen[0], seen[1]] == [[], []]
    assert seen[3::2] == resting
    assert seen[2::2] == [[low], [low], [low], [medium], [medium], [medium]]
