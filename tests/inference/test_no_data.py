"""A device that falls silent is noticed, a device that never sent is not."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from django.utils import timezone

from devices.models import Assignment, Device
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
