"""Analysis runs once per sample, whoever runs it and however often."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from devices.models import Assignment, Chunk, Device, Record
from devices.services import assign_device, create_file_record
from inference.models import AnalysisState, BeatBlock, Episode
from inference.services.analysis import analyse_pending
from inference.services.carried import memory
from inference.services.claims import CLAIM, Queue, claim_records
from inference.services.lots import read_lot
from inference.services.storing import store_lots
from inference.services.work import Done, compute, next_work
from patients.models import Patient
from tests.inference.uploading import (
    FS,
    GAIN,
    assert_settled,
    packets_of,
    settle,
    signal_of,
    upload,
)

NOW = timezone.now()
pytestmark = pytest.mark.django_db


def _start(assignment: Assignment, folder: Path, seconds: float = 20) -> np.ndarray:
    adu = signal_of(folder, "208", start_s=0, seconds=seconds)
    start_at = NOW - timedelta(seconds=seconds)
    packets = packets_of(adu, packet_s=1, start_at=start_at)
    upload(assignment.device, packets, received_at=NOW)
    return adu


def test_it_finds_nothing_to_do_twice(assignment: Assignment, ecg_data: Path) -> None:
    _start(assignment, ecg_data)
    assert analyse_pending(now=NOW) == 1
    before = list(BeatBlock.objects.values_list("pk", "count"))
    assert analyse_pending(now=NOW) == 0
    assert list(BeatBlock.objects.values_list("pk", "count")) == before


def test_it_keeps_nothing_under_a_lost_claim(
    assignment: Assignment, ecg_data: Path
) -> None:
    adu = _start(assignment, ecg_data)
    AnalysisState.objects.all().delete()
    analyse_pending(now=NOW, most_s=0)
    [slow] = claim_records(Queue.LIVE, now=NOW)
    work = next_work(slow, Queue.LIVE, now=NOW)
    assert work is not None
    [done] = compute([work])
    assert isinstance(done, Done)

    # Another worker finds the claim run out and does the work.
    later = NOW + CLAIM + timedelta(seconds=1)
    assert claim_records(Queue.LIVE, now=NOW + timedelta(seconds=1)) == []
    assert analyse_pending(now=later) >= 1
    assert store_lots([done], now=later) == []
    record = Record.objects.get()
    settle(record, now=later)
    assert_settled(record, adu)


def test_it_lets_a_failing_record_wait_and_serves_the_others(
    assignment: Assignment, other_patient: Patient, ecg_data: Path
) -> None:
    _start(assignment, ecg_data)
    # Fewer samples than the row says: such a row was damaged.
    Chunk.objects.filter(seq=3).update(data=b"odd")
    device = Device.objects.create(serial="TC-0002")
    other = assign_device(
        device=device, patient=other_patient, start_at=NOW - timedelta(days=1)
    )
    _start(other, ecg_data)

    analyse_pending(now=NOW)
    broken = AnalysisState.objects.get(record__device=assignment.device)
    assert broken.failed_count == 1
    assert broken.next_try_at > NOW
    assert broken.claim is None
    assert AnalysisState.objects.get(record__device=device).cursor_sample > 0


def test_it_replaces_the_flushed_tail_when_more_comes(
    assignment: Assignment, ecg_data: Path
) -> None:
    adu = signal_of(ecg_data, "208", start_s=0, seconds=40.4)
    packets = packets_of(adu, packet_s=1.6, start_at=NOW - timedelta(seconds=60))
    now = NOW
    upload(assignment.device, packets[:12], received_at=now)
    analyse_pending(now=now)
    analyse_pending(now=now + timedelta(seconds=11))
    assert BeatBlock.objects.filter(provisional=True).count() == 1

    now += timedelta(seconds=30)
    upload(assignment.device, packets[12:], received_at=now)
    analyse_pending(now=now)
    assert not BeatBlock.objects.filter(provisional=True).exists()
    record = Record.objects.get()
    settle(record, now=now)
    assert_settled(record, adu)


def test_it_analyses_a_tail_anew_when_a_packet_of_it_comes_late(
    assignment: Assignment, ecg_data: Path
) -> None:
    adu = signal_of(ecg_data, "208", start_s=0, seconds=20.8)
    packets = packets_of(adu, packet_s=0.2, start_at=NOW - timedelta(seconds=21))
    upload(assignment.device, packets[:101] + packets[103:], received_at=NOW)
    analyse_pending(now=NOW)
    analyse_pending(now=NOW + timedelta(seconds=11))
    state = AnalysisState.objects.get()
    assert (state.cursor_sample, state.flushed_sample) == (20 * FS, 20.8 * FS)
    # The record is over; nothing will come behind these.
    now = NOW + timedelta(seconds=30)
    upload(assignment.device, packets[101:103], received_at=now)
    analyse_pending(now=now)
    tail = BeatBlock.objects.get(provisional=True)
    assert tail.created_at >= now
    record = Record.objects.get()
    settle(record, now=now)
    assert_settled(record, adu)


def test_it_goes_on_behind_a_tail_that_a_packet_came_late_of(
    assignment: Assignment, ecg_data: Path
) -> None:
    adu = signal_of(ecg_data, "208", start_s=0, seconds=40)
    packets = packets_of(adu, packet_s=0.2, start_at=NOW - timedelta(seconds=21))
    upload(assignment.device, packets[:101] + packets[103:104], received_at=NOW)
    analyse_pending(now=NOW)
    analyse_pending(now=NOW + timedelta(seconds=11))
    assert AnalysisState.objects.get().flushed_sample == 20.8 * FS
    now = NOW + timedelta(seconds=30)
    upload(assignment.device, packets[101:103] + packets[104:], received_at=now)
    analyse_pending(now=now)
    state = AnalysisState.objects.get()
    assert (state.cursor_sample, state.failed_count) == (40 * FS, 0)
    assert not BeatBlock.objects.filter(provisional=True).exists()
    record = Record.objects.get()
    settle(record, now=now)
    assert_settled(record, adu)


def test_it_crosses_a_gap_after_a_short_wait(
    assignment: Assignment, ecg_data: Path
) -> None:
    adu = signal_of(ecg_data, "208", start_s=0, seconds=30)
    packets = packets_of(adu, packet_s=1, start_at=NOW - timedelta(seconds=30))
    upload(assignment.device, packets[:10] + packets[12:], received_at=NOW)
    analyse_pending(now=NOW + timedelta(seconds=1))
    state = AnalysisState.objects.get()
    assert state.cursor_sample == 10 * FS
    analyse_pending(now=NOW + timedelta(seconds=4))
    state.refresh_from_db()
    assert state.cursor_sample == 30 * FS


def test_it_asks_one_row_whether_a_gap_is_waited_for(
    assignment: Assignment, ecg_data: Path
) -> None:
    _start(assignment, ecg_data)
    record, first = Record.objects.get(), Chunk.objects.get(seq=0)
    Chunk.objects.bulk_create(
        Chunk(
            record=record,
            seq=seq,
            first_sample=seq * FS,
            n=FS,
            crc=0,
            data=first.data,
            received_at=NOW,
        )
        for seq in range(100, 2100)
    )
    record.end_sample = 2100 * FS
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {Chunk._meta.db_table}")
    now = NOW + timedelta(seconds=3)
    with CaptureQueriesContext(connection) as asked:
        read_lot(record, 20 * FS, lead=0, lot_s=300, now=now)
    chunks = [q["sql"] for q in asked if f'FROM "{Chunk._meta.db_table}"' in q["sql"]]
    [question] = [sql for sql in chunks if "received_at" in sql]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {question}")
        [[[plan]]] = cursor.fetchall()
    while "Plans" in (plan := plan.get("Plan", plan)):
        [plan] = plan["Plans"]
    assert plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) == 1


def test_it_analyses_a_file_to_its_last_sample_at_once(
    patient: Patient, ecg_data: Path
) -> None:
    adu = signal_of(ecg_data, "205", start_s=250, seconds=80.3)
    record = create_file_record(
        uploaded_by=None,
        patient=patient,
        name="205",
        fs=FS,
        leads=["MLII"],
        gain=GAIN,
        baseline=0,
        started_at=NOW,
        samples=adu[:, None],
    )
    analyse_pending(now=NOW)
    assert_settled(record, adu)
    assert not BeatBlock.objects.filter(provisional=True).exists()
    assert Episode.objects.filter(label="VT", provisional=False).exists()
    # Nobody waits for a file: its episodes are no alarms.
    assert not record.alarms.exists()


def test_it_takes_a_record_shorter_than_a_block(patient: Patient) -> None:
    record = create_file_record(
        uploaded_by=None,
        patient=patient,
        name="short",
        fs=FS,
        leads=["I"],
        gain=GAIN,
        baseline=0,
        started_at=NOW,
        samples=np.zeros((1, 1), np.int16),
    )
    analyse_pending(now=NOW)
    assert AnalysisState.objects.get(record=record).flushed_sample == 1


def test_it_starts_afresh_when_the_stored_state_is_of_another_version(
    assignment: Assignment, ecg_data: Path
) -> None:
    adu = _start(assignment, ecg_data)
    analyse_pending(now=NOW)
    AnalysisState.objects.update(state=b"tc-ecg-0")
    # The other version runs in a new process.
    memory.forget()
    more = packets_of(adu, packet_s=1, start_at=NOW, first_seq=20, first_sample=20 * FS)
    upload(assignment.device, more, received_at=NOW + timedelta(seconds=20))
    record = Record.objects.get()
    settle(record, now=NOW + timedelta(seconds=20))
    assert_settled(record, np.concatenate((adu, adu)))
