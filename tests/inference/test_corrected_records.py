"""What was found in a record follows it to its patient and to its time."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from django.utils import timezone

from devices.codec import Packet
from devices.models import Assignment, Record
from devices.services import attribute_record, move_device
from inference.models import Alarm, AnalysisState, Episode, HourSummary, Redating
from inference.services import redating
from inference.services.analysis import analyse_pending
from inference.services.redating import redate_pending
from inference.services.summaries import forget_redated_hours
from patients.models import Patient, User
from tests.inference.uploading import FS, packets_of, signal_of, upload

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


def _told_late(adu: np.ndarray) -> Packet:
    """Return the packet behind them all, by a clock that was set meanwhile."""
    [packet] = packets_of(
        adu[:FS],
        packet_s=1,
        start_at=NOW - timedelta(hours=8, seconds=SECONDS),
        first_seq=SECONDS,
        first_sample=len(adu),
    )
    return packet


def _misdated(record: Record) -> list[Episode | Alarm]:
    """Return what does not stand where the samples that it names lie."""
    rows: list[Episode | Alarm] = [*Episode.every.all(), *Alarm.objects.all()]
    return [
        row
        for row in rows
        if row.onset_at != record.time_of(row.onset_sample or 0)
        or row.end_at != (row.end_sample and record.time_of(row.end_sample))
    ]


def test_what_was_found_follows_a_stream_that_is_placed_anew(
    assignment: Assignment, vt: np.ndarray
) -> None:
    device, packets = assignment.device, _without_clock(vt)
    upload(device, packets[:60], received_at=NOW)
    analyse_pending(now=NOW)
    [first, _] = Episode.objects.filter(label="VT").order_by("onset_sample")
    record, before = Record.objects.get(), first.onset_at
    assert Alarm.objects.filter(episode=first).exists()
    hour = HourSummary.objects.create(
        record=record, start_at=NOW, end_at=NOW, upto_sample=60 * FS, tally={}
    )
    # A backlog, oldest first: what came before is older than it seemed.
    upload(device, packets[60:], received_at=NOW + timedelta(seconds=1))
    analyse_pending(now=NOW + timedelta(seconds=1))
    first.refresh_from_db()
    assert before - first.onset_at == timedelta(seconds=19)
    assert _misdated(record) == []
    assert not HourSummary.objects.filter(pk=hour.pk).exists()
    alarm = Alarm.objects.get(episode=first)
    # Then the device gets its time.
    upload(device, [_told_late(vt)], received_at=NOW + timedelta(seconds=2))
    analyse_pending(now=NOW + timedelta(seconds=2))
    first.refresh_from_db()
    assert timedelta(hours=8) <= before - first.onset_at < timedelta(hours=8, minutes=2)
    assert _misdated(record) == []
    same = Alarm.objects.get(episode=first)
    assert (same.pk, same.raised_at) == (alarm.pk, alarm.raised_at)
    assert not Redating.objects.exists()


def test_it_waits_for_a_worker_that_has_the_record_in_hand(
    assignment: Assignment, vt: np.ndarray
) -> None:
    upload(assignment.device, _without_clock(vt), received_at=NOW)
    analyse_pending(now=NOW)
    record, until = Record.objects.get(), NOW + timedelta(seconds=20)
    AnalysisState.objects.update(claim=uuid4(), claimed_until=until)
    upload(assignment.device, [_told_late(vt)], received_at=NOW + timedelta(seconds=2))
    analyse_pending(now=NOW + timedelta(seconds=2))
    # The worker may yet keep something that it dated by the map of before.
    assert _misdated(record)
    analyse_pending(now=until + timedelta(seconds=1))
    assert _misdated(record) == []
    assert AnalysisState.objects.get().claim is None


def test_one_that_cannot_be_dated_anew_keeps_no_other(
    assignment: Assignment, vt: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(assignment.device, _without_clock(vt), received_at=NOW)
    analyse_pending(now=NOW)
    upload(assignment.device, [_told_late(vt)], received_at=NOW + timedelta(seconds=2))
    record = Record.objects.get()
    form = {"fs": FS, "leads": ["I"], "gain": 1, "baseline": 0}
    other = Record.objects.create(source="file", started_at=NOW, **form)
    Redating.objects.create(record=other, from_sample=0)
    date = redating._date

    def failing(row, *given):
        if row.pk == record.pk:
            raise ValueError("this record")
        date(row, *given)

    monkeypatch.setattr(redating, "_date", failing)
    assert redate_pending(now=NOW + timedelta(minutes=1)) == 1
    assert Redating.objects.get().record == record


def test_hours_of_signal_that_is_gone_stay(
    assignment: Assignment, vt: np.ndarray
) -> None:
    upload(assignment.device, _without_clock(vt), received_at=NOW)
    record, hour = Record.objects.get(), timedelta(hours=1)
    for number in range(4):
        HourSummary.objects.create(
            record=record,
            start_at=NOW + number * hour,
            end_at=NOW + (number + 1) * hour,
            upto_sample=(number + 1) * 3600 * FS,
            tally={},
        )
    # In the midst of the second hour.
    forget_redated_hours(record, from_sample=0, floor=5400 * FS)
    kept = HourSummary.objects.values_list("upto_sample", flat=True)
    assert list(kept) == [3600 * FS, 7200 * FS]
    forget_redated_hours(record, from_sample=3600 * FS)
    assert list(kept.all()) == [3600 * FS]
