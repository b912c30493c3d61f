"""What was found in a record follows it to its patient and to its time."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from devices.codec import Packet
from devices.models import Assignment, Record
from devices.services import attribute_record, move_device
from inference.models import Episode
from inference.services.analysis import analyse_pending
from patients.models import Patient, User
from tests.inference.uploading import packets_of, signal_of, upload

NOW = timezone.now()
SECONDS = 80
pytestmark = pytest.mark.django_db


@pytest.fixture
def vt(ecg_data: Path) -> np.ndarray:
    """Return 80 s of mitdb 205 with two runs of VT, from 49 s and from 54 s on."""
    return signal_of(ecg_data, "205", start_s=250, seconds=SECONDS)


@pytest.fixture
def moved(assignment: Assignment, other_patient: Patient) -> Assignment:
    """Move the device to the other patient an hour ago."""
    at = NOW - timedelta(hours=1)
    return move_device(device=assignment.device, to_patient=other_patient, at=at)


def _without_clock(adu: np.ndarray) -> list[Packet]:
    packets = packets_of(adu, packet_s=1, start_at=NOW)
    return [replace(packet, at=None) for packet in packets]


def _hold(moved: Assignment, adu: np.ndarray) -> Record:
    """Upload and analyse what may be either patient's."""
    upload(moved.device, _without_clock(adu), received_at=NOW)
    analyse_pending(now=NOW)
    assert set(Episode.objects.values_list("patient", flat=True)) == {None}
    return Record.objects.get(patient=None)


def test_it_gives_the_episodes_of_a_held_record_with_it(
    moved: Assignment, vt: np.ndarray, staff_user: User
) -> None:
    record = _hold(moved, vt)
    # Nothing is heard after the commit: the process has ended.
    attribute_record(record=record, assignment=moved, by=staff_user)
    assert set(Episode.objects.values_list("patient", flat=True)) == {moved.patient_id}


def test_it_gives_them_when_a_clock_tells_whose_the_record_is(
    moved: Assignment, vt: np.ndarray
) -> None:
    _hold(moved, vt)
    start_at = NOW - timedelta(seconds=SECONDS)
    told = packets_of(
        vt, packet_s=1, start_at=start_at, first_seq=SECONDS, first_sample=len(vt)
    )
    upload(moved.device, told[:1], received_at=NOW + timedelta(seconds=1))
    assert Record.objects.get().patient == moved.patient
    assert set(Episode.objects.values_list("patient", flat=True)) == {moved.patient_id}
