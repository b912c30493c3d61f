"""A device that falls silent is noticed, a device that never sent is not."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from django.utils import timezone

from devices.models import Assignment, Device, Record
from devices.services import assign_device, end_assignment
from inference.models import Alarm, Episode
from inference.services import no_data
from inference.services.no_data import watch_silence
from patients.models import Patient
from tests.inference.uploading import packets_of, upload

NOW = timezone.now()
pytestmark = pytest.mark.django_db


def _send(device: Device, *, at: datetime, seq: int = 0) -> None:
    start_at = NOW - timedelta(seconds=1)
    samples = np.zeros(250, np.int16)
    packets = packets_of(
        samples, packet_s=1, start_at=start_at, first_seq=seq, first_sample=seq * 250
    )
    upload(device, packets, received_at=at)


def _after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_it_raises_low_after_half_a_minute_and_medium_after_two(
    assignment: Assignment,
) -> None:
    _send(assignment.device, at=NOW)
    watch_silence(now=_after(29))
    assert not Alarm.objects.exists()
    for seconds, priority in ((31, 1), (60, 1), (121, 2), (600, 2)):
        watch_silence(now=_after(seconds))
        alarm = Alarm.objects.get()
        assert (alarm.rule, alarm.priority) == ("NO_DATA", priority)
    assert alarm.onset_at == NOW
    assert Episode.objects.get().end_at is None


def test_it_clears_when_the_device_sends_again(assignment: Assignment) -> None:
    _send(assignment.device, at=NOW)
    watch_silence(now=_after(40))
    _send(assignment.device, at=_after(50), seq=1)
    watch_silence(now=_after(52))
    assert Alarm.objects.get().state == "cleared"
    assert Episode.objects.get().end_at == _after(50)


def test_it_clears_when_the_device_is_taken_off(assignment: Assignment) -> None:
    _send(assignment.device, at=NOW)
    watch_silence(now=_after(40))
    end_assignment(assignment=assignment, at=_after(45))
    watch_silence(now=_after(50))
    assert Alarm.objects.get().state == "cleared"


def test_it_does_not_wait_for_a_device_that_never_sent(
    other_patient: Patient, device: Device
) -> None:
    assign_device(
        device=device, patient=other_patient, start_at=NOW - timedelta(days=1)
    )
    watch_silence(now=NOW)
    assert not Episode.objects.exists()


def test_it_ends_with_its_alarm_or_not_at_all(
    assignment: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    _send(assignment.device, at=NOW)
    watch_silence(now=_after(40))
    _send(assignment.device, at=_after(50), seq=1)
    with monkeypatch.context() as patch:

        def die(*given: object, **named: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(no_data, "follow_condition", die)
        with pytest.raises(KeyboardInterrupt):
            watch_silence(now=_after(50))
    assert Episode.objects.get().end_at is None
    watch_silence(now=_after(50))
    assert Episode.objects.get().end_at == _after(50)
    assert Alarm.objects.get().state == "cleared"


def test_a_worker_whose_clock_is_behind_ends_no_silence(
    assignment: Assignment,
) -> None:
    _send(assignment.device, at=NOW)
    watch_silence(now=_after(31))
    watch_silence(now=_after(29))
    assert Episode.objects.get().end_at is None


def _stream(
    device: Device, stream: str, *, at: datetime, start_at: datetime, seqs: list[int]
) -> None:
    samples = np.zeros(250 * (max(seqs) + 1), np.int16)
    packets = packets_of(samples, packet_s=1, start_at=start_at, stream=stream)
    upload(device, [packets[seq] for seq in seqs], received_at=at)


def test_what_fills_the_gaps_of_an_older_stream_is_no_silence(
    assignment: Assignment,
) -> None:
    device, before = assignment.device, _after(-1200)
    _stream(device, "a" * 16, at=before, start_at=before, seqs=[0, 3])
    _stream(device, "b" * 16, at=NOW, start_at=_after(-2), seqs=[0, 1])
    _stream(device, "a" * 16, at=_after(1), start_at=before, seqs=[1])
    watch_silence(now=_after(5))
    assert not Alarm.objects.exists()
    # And it hides none.
    _stream(device, "a" * 16, at=_after(31), start_at=before, seqs=[2])
    watch_silence(now=_after(32))
    assert Alarm.objects.get().onset_at == NOW


def test_heartbeats_hide_no_silence(assignment: Assignment) -> None:
    _send(assignment.device, at=NOW)
    [beat] = packets_of(
        np.zeros(250, np.int16), packet_s=1, start_at=NOW, first_seq=1, first_sample=250
    )
    heartbeat = replace(beat, samples=beat.samples[:0])
    upload(assignment.device, [heartbeat], received_at=_after(40))
    assert Record.objects.get().last_received_at == _after(40)
    watch_silence(now=_after(41))
    assert Alarm.objects.get().onset_at == NOW
    # Nor where the end of a record came before that was noted.
    Record.objects.update(head_received_at=None)
    assert watch_silence(now=_after(42)) == 0
    assert Alarm.objects.get().onset_at == NOW


def test_a_clock_that_was_set_back_hides_no_silence(assignment: Assignment) -> None:
    hour = timedelta(hours=1)
    _send(assignment.device, at=NOW + hour)
    watch_silence(now=NOW)
    watch_silence(now=_after(29))
    assert not Alarm.objects.exists()
    watch_silence(now=_after(31))
    assert Alarm.objects.get().onset_at == NOW


def test_it_asks_no_more_the_more_was_received(
    assignment: Assignment, django_assert_num_queries
) -> None:
    for number in range(6):
        _stream(
            assignment.device, f"{number:016x}", at=NOW, start_at=_after(-2), seqs=[0]
        )
    with django_assert_num_queries(2):
        watch_silence(now=_after(5))
