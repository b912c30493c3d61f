"""Many records in one claim and one transaction; none of them stops another."""

import threading
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from devices.models import Assignment, Device, Record
from devices.services import assign_device
from inference.models import AnalysisState, BeatBlock, Episode
from inference.nets import annotator
from inference.services import analysis, storing, waking
from inference.services.analysis import analyse_pending
from inference.services.claims import _CLAIM, Queue, claim_records
from inference.services.waking import RECENTLY, wake_records
from patients.models import Patient
from tests.inference.uploading import (
    FS,
    assert_settled,
    packets_of,
    settle,
    signal_of,
    upload,
)

NOW = timezone.now()
pytestmark = pytest.mark.django_db


@pytest.fixture
def other(other_patient: Patient) -> Assignment:
    """Let the other patient wear another device since yesterday."""
    device = Device.objects.create(serial="TC-0002")
    since = timezone.now() - timedelta(days=1)
    return assign_device(device=device, patient=other_patient, start_at=since)


def _send(
    assignment: Assignment, folder: Path, *, seconds: float = 20, ago_s: float = 0
) -> np.ndarray:
    adu = signal_of(folder, "208", start_s=0, seconds=seconds)
    start_at = NOW - timedelta(seconds=seconds + ago_s)
    packets = packets_of(adu, packet_s=2, start_at=start_at)
    upload(assignment.device, packets, received_at=NOW)
    return adu


def _state(assignment: Assignment) -> AnalysisState:
    return AnalysisState.objects.get(record__device=assignment.device)


def test_it_keeps_the_others_if_one_record_cannot_be_kept(
    assignment: Assignment, other: Assignment, ecg_data: Path
) -> None:
    _send(assignment, ecg_data)
    adu = _send(other, ecg_data)
    # Something is there already that must not be there twice.
    BeatBlock.objects.create(
        record=Record.objects.get(device=assignment.device),
        annotator=annotator(),
        start_sample=0,
        end_sample=FS,
        created_at=NOW,
    )
    analyse_pending(now=NOW)
    broken = _state(assignment)
    assert (broken.cursor_sample, broken.failed_count, broken.claim) == (0, 1, None)
    assert _state(other).cursor_sample == 20 * FS
    settle(Record.objects.get(device=other.device), now=NOW)
    assert_settled(Record.objects.get(device=other.device), adu)


def test_it_keeps_nothing_of_the_one_record_whose_claim_is_lost(
    assignment: Assignment, other: Assignment, ecg_data: Path
) -> None:
    from inference.services.storing import store_lots
    from inference.services.work import compute, next_work

    _send(assignment, ecg_data)
    _send(other, ecg_data)
    wake_records(now=NOW)
    claimed = claim_records(Queue.LIVE, now=NOW)
    lots = list(compute([next_work(row, Queue.LIVE, now=NOW) for row in claimed]))
    AnalysisState.objects.filter(pk=claimed[0].pk).update(claim=None)
    [kept] = store_lots(lots, now=NOW)
    assert kept.row == claimed[1]
    assert set(BeatBlock.objects.values_list("record", flat=True)) == {kept.record.pk}


def test_it_serves_the_records_of_its_own_shard(
    assignment: Assignment, other: Assignment, ecg_data: Path
) -> None:
    _send(assignment, ecg_data)
    _send(other, ecg_data)
    numbers = {one.record_id % 2: one for one in (_made(assignment), _made(other))}
    assert set(numbers) == {0, 1}
    analyse_pending(now=NOW, queues=(Queue.LIVE,), shard=1, of=2)
    cursors = {k: AnalysisState.objects.get(pk=numbers[k].pk) for k in (0, 1)}
    assert cursors[0].cursor_sample == 0
    assert cursors[1].cursor_sample == 20 * FS


def _made(assignment: Assignment) -> AnalysisState:
    wake_records(now=NOW)
    return _state(assignment)


def test_a_backlog_is_left_to_its_own_queue(
    assignment: Assignment, other: Assignment, ecg_data: Path
) -> None:
    _send(assignment, ecg_data, seconds=1000, ago_s=600)
    _send(other, ecg_data)
    assert analyse_pending(now=NOW, queues=(Queue.LIVE,)) == 1
    assert _state(other).cursor_sample == 20 * FS
    assert _state(assignment).cursor_sample == 0
    analyse_pending(now=NOW, queues=(Queue.BACKFILL,))
    # It is caught up until it is near enough to be live.
    assert _state(assignment).cursor_sample >= 880 * FS


def test_a_finished_record_is_no_work_until_more_comes(
    assignment: Assignment, ecg_data: Path
) -> None:
    adu = _send(assignment, ecg_data)
    now = settle(Record.objects.get(), now=NOW)
    assert _state(assignment).settled
    more = packets_of(adu, packet_s=2, start_at=now, first_seq=10, first_sample=20 * FS)
    upload(assignment.device, more, received_at=now)
    analyse_pending(now=now)
    assert not _state(assignment).settled
    settle(Record.objects.get(), now=now)
    assert_settled(Record.objects.get(), np.concatenate((adu, adu)))


def test_a_finished_record_is_woken_however_late_a_worker_comes(
    assignment: Assignment, ecg_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adu = _send(assignment, ecg_data)
    now = settle(Record.objects.get(), now=NOW)
    more = packets_of(adu, packet_s=2, start_at=now, first_seq=10, first_sample=20 * FS)
    upload(assignment.device, more, received_at=now)
    now += RECENTLY + timedelta(seconds=1)
    analyse_pending(now=now)
    assert _state(assignment).cursor_sample == 20 * FS
    # A process that begins looks at all records.
    monkeypatch.setattr(waking._Looked, "at_s", None)
    analyse_pending(now=now)
    assert _state(assignment).cursor_sample == 40 * FS


def test_it_does_not_look_through_finished_records(
    assignment: Assignment, ecg_data: Path
) -> None:
    records = Record.objects.bulk_create(
        Record(
            source=Record.Source.FILE,
            fs=FS,
            leads=["I"],
            gain=1.0,
            baseline=0,
            started_at=NOW,
            end_sample=FS,
            last_received_at=NOW - timedelta(days=3, minutes=-n),
        )
        for n in range(2000)
    )
    AnalysisState.objects.bulk_create(
        AnalysisState(
            record=record,
            annotator="tc-0",
            cursor_sample=FS,
            flushed_sample=FS,
            settled=True,
            advanced_at=NOW,
        )
        for record in records
    )
    _send(assignment, ecg_data)
    values = {"now": NOW, "until": NOW, "rested": NOW, "claim": None, "skip": []}
    values |= {"shard": 0, "shards": 1, "most": 10}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE inference_analysisstate, devices_record")
        cursor.execute(f"EXPLAIN {_CLAIM[Queue.LIVE]}", values)
        claims = "\n".join(row[0] for row in cursor.fetchall())
        since = {"since": NOW - RECENTLY, "annotator": "", "now": NOW}
        cursor.execute(f"EXPLAIN {waking._WAKE}", since)
        wakes = "\n".join(row[0] for row in cursor.fetchall())
    assert "analysis_state_unsettled" in claims
    assert "Seq Scan on inference_analysisstate" not in claims
    assert "record_received" in wakes


def test_a_record_that_gets_its_patient_meanwhile_is_looked_at_again(
    assignment: Assignment, ecg_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _send(assignment, ecg_data, seconds=60)
    Record.objects.update(patient=None)
    compute = analysis.compute

    def attributed(works):
        Record.objects.update(patient=assignment.patient)
        yield from compute(works)

    monkeypatch.setattr(analysis, "compute", attributed)
    analyse_pending(now=NOW)
    assert _state(assignment).cursor_sample == 0
    assert not BeatBlock.objects.exists()
    monkeypatch.undo()
    # The claim that was not given back has run out.
    analyse_pending(now=NOW + timedelta(seconds=30))
    assert _state(assignment).cursor_sample == 60 * FS
    assert set(Episode.objects.values_list("patient", flat=True)) <= {
        assignment.patient_id
    }


def test_the_tail_of_a_record_that_gets_its_patient_meanwhile_is_looked_at_again(
    assignment: Assignment, ecg_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _send(assignment, ecg_data, seconds=20.5)
    Record.objects.update(patient=None)
    analyse_pending(now=NOW)
    store_flush, tails = analysis.store_flush, []

    def attributed(*given, **named):
        if not tails:
            Record.objects.update(patient=assignment.patient)
        tails.append(store_flush(*given, **named))
        return tails[-1]

    monkeypatch.setattr(analysis, "store_flush", attributed)
    analyse_pending(now=NOW + timedelta(seconds=15))
    assert _state(assignment).flushed_sample is None
    assert _state(assignment).claim is None
    analyse_pending(now=NOW + timedelta(seconds=16))
    assert tails[0] is None
    assert tails[-1] is not None
    assert _state(assignment).flushed_sample == 20.5 * FS


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seconds", [20, 20.5])
def test_no_record_gets_its_patient_while_its_results_are_kept(
    assignment: Assignment,
    ecg_data: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
) -> None:
    """They would be kept as nobody's, and raise no alarm."""
    _send(assignment, ecg_data, seconds=seconds)
    Record.objects.update(patient=None)
    if seconds % 1:
        analyse_pending(now=NOW)
    beat_block, waited = storing.beat_block, []

    def attributed() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '200ms'")
                Record.objects.update(patient=assignment.patient)
        except OperationalError as error:
            waited.append(str(error))
        finally:
            connection.close()

    def meanwhile(*given, **named):
        thread = threading.Thread(target=attributed)
        thread.start()
        thread.join()
        return beat_block(*given, **named)

    monkeypatch.setattr(storing, "beat_block", meanwhile)
    analyse_pending(now=NOW + timedelta(seconds=15))
    assert len(waited) == 1
    assert "lock timeout" in waited[0]


def test_a_tail_that_cannot_be_kept_stops_nobody(
    assignment: Assignment,
    other: Assignment,
    ecg_data: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _send(assignment, ecg_data, seconds=20.5)
    analyse_pending(now=NOW)
    _send(other, ecg_data)
    store_flush = analysis.store_flush

    def failing(state, *given, **named):
        if state.record.device_id == assignment.device_id:
            raise ValueError("this tail")
        return store_flush(state, *given, **named)

    monkeypatch.setattr(analysis, "store_flush", failing)
    analyse_pending(now=NOW + timedelta(seconds=15))
    assert _state(other).cursor_sample == 20 * FS
    assert _state(assignment).failed_count == 1
