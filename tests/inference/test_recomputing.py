"""What recomputes a record goes on past damage, and takes nothing back that holds."""

import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from devices.models import Assignment, Compaction, Record, Segment
from devices.reading import read_signal_mv
from devices.segment_files import segment_store
from devices.segment_reading import DamagedSpan, kept_segments
from devices.services import compact_record
from inference.models import (
    AnalysisState,
    BeatBlock,
    Checkpoint,
    Episode,
    HourSummary,
)
from inference.services import late
from inference.services.analysis import analyse_pending
from inference.services.carried import memory
from inference.services.claims import extend_claim
from inference.services.episodes import withdraw
from inference.services.retention import remove_old_history
from tests.inference.uploading import (
    FS,
    assert_settled,
    packets_of,
    settle,
    signal_of,
    standing_episodes,
    upload,
)

NOW = timezone.now()
SECONDS = 960
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def vt(ecg_data: Path) -> np.ndarray:
    """Return 16 minutes of mitdb 205, with many runs of VT."""
    return signal_of(ecg_data, "205", start_s=200, seconds=SECONDS)


def _start(
    assignment: Assignment, adu: np.ndarray, *, missing: set[int], at: datetime = NOW
) -> list[Any]:
    start_at = at - timedelta(seconds=SECONDS)
    Assignment.objects.filter(pk=assignment.pk).update(start_at=start_at)
    packets = packets_of(adu, packet_s=10, start_at=start_at)
    there = [packet for packet in packets if packet.seq not in missing]
    upload(assignment.device, there, received_at=at)
    # What is missing is waited for no longer.
    analyse_pending(now=at + timedelta(seconds=4))
    return packets


def _say_late(record: Record, sample: int) -> None:
    Record.objects.filter(pk=record.pk).update(
        late_from_sample=sample, late_to_sample=sample + 1
    )


def test_it_holds_its_claim_while_it_computes(
    assignment: Assignment, vt: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[datetime] = []

    def note(state: AnalysisState, *, now: datetime) -> bool:
        times.append(now)
        return extend_claim(state, now=now)

    monkeypatch.setattr(late, "extend_claim", note)
    packets = _start(assignment, vt, missing={1})
    now = NOW + timedelta(seconds=20)
    upload(assignment.device, [packets[1]], received_at=now)
    analyse_pending(now=now)
    assert len(times) > 1
    assert times == sorted(set(times))


def test_a_damaged_segment_is_a_gap_and_no_end(
    assignment: Assignment, vt: np.ndarray
) -> None:
    packets = _start(assignment, vt, missing={40})
    record = Record.objects.get()
    rested = NOW + timedelta(hours=1)
    assert compact_record(record=record, analysed_sample=300 * FS, now=rested) == 1
    path = Path(segment_store().path(Segment.objects.get().key))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    kept_segments.clear()
    with pytest.raises(DamagedSpan):
        read_signal_mv(record, 0, 300 * FS)
    Checkpoint.objects.all().delete()
    upload(assignment.device, [packets[40]], received_at=rested)
    analyse_pending(now=rested)
    assert AnalysisState.objects.get().redo_from_sample is None
    assert Checkpoint.objects.exists()


def test_a_missing_file_is_waited_for_a_day_and_then_a_gap(
    assignment: Assignment, vt: np.ndarray
) -> None:
    packets = _start(assignment, vt, missing={40})
    record = Record.objects.get()
    rested = NOW + timedelta(hours=1)
    assert compact_record(record=record, analysed_sample=300 * FS, now=rested) == 1
    Path(segment_store().path(Segment.objects.get().key)).unlink()
    kept_segments.clear()
    Checkpoint.objects.all().delete()
    upload(assignment.device, [packets[40]], received_at=rested)
    for waited in (timedelta(0), timedelta(hours=23)):
        analyse_pending(now=rested + waited)
        assert AnalysisState.objects.get().redo_from_sample is not None
    analyse_pending(now=rested + timedelta(hours=25))
    assert AnalysisState.objects.get().redo_from_sample is None
    assert Checkpoint.objects.exists()


def test_an_onset_that_a_withdrawn_episode_had_before_stops_nothing(
    assignment: Assignment, vt: np.ndarray
) -> None:
    _start(assignment, vt, missing=set())
    record = Record.objects.get()
    now = settle(record, now=NOW)
    before = standing_episodes(record)
    first = Episode.objects.filter(record=record, label="VT").first()
    later = Episode.objects.get(pk=first.pk)
    later.pk, later.onset_sample = None, first.onset_sample + 10
    later._state.adding = True
    withdraw(first, now=now)
    later.save()
    _say_late(record, 5 * FS)
    settle(record, now=now)
    assert standing_episodes(record) == before
    assert_settled(record, vt)


def test_it_leaves_alone_what_is_said_of_signal_that_is_gone(
    assignment: Assignment, vt: np.ndarray
) -> None:
    long_ago = NOW - timedelta(days=40)
    _start(assignment, vt, missing=set(), at=long_ago)
    record = Record.objects.get()
    settle(record, now=long_ago)
    compact_record(record=record, analysed_sample=record.end_sample, now=NOW)
    record.patient.keep_days = 30
    record.patient.save()
    assert remove_old_history(now=NOW) == 1
    floor = record.compaction.removed_to_sample
    gone = Episode.objects.filter(
        record=record, onset_sample__lt=floor, withdrawn_at=None
    )
    count = gone.count()
    assert count
    hour = HourSummary.objects.create(
        record=record,
        start_at=record.started_at - timedelta(minutes=30),
        end_at=record.started_at + timedelta(minutes=30),
        upto_sample=0,
        tally={},
    )
    AnalysisState.objects.update(state=b"tc-ecg-0", state_sample=0, settled=False)
    Checkpoint.objects.all().delete()
    memory.forget()
    _say_late(record, 5 * FS)
    settle(record, now=NOW)
    # It was recomputed.
    assert Checkpoint.objects.exists()
    assert gone.count() == count
    assert HourSummary.objects.filter(pk=hour.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_removed_while_it_is_said_anew(
    assignment: Assignment, vt: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    packets = _start(assignment, vt, missing={40})
    record = Record.objects.get()
    Compaction.objects.get_or_create(record=record)
    keep_older, refused = late.keep_older, []

    def remove() -> None:
        try:
            with transaction.atomic():
                Compaction.objects.select_for_update(nowait=True).get(record=record)
                BeatBlock.objects.filter(record=record).delete()
        except OperationalError as error:
            refused.append(str(error))
        finally:
            connection.close()

    def meanwhile(**named: Any) -> None:
        thread = threading.Thread(target=remove)
        thread.start()
        thread.join()
        keep_older(**named)

    monkeypatch.setattr(late, "keep_older", meanwhile)
    now = NOW + timedelta(seconds=20)
    upload(assignment.device, [packets[40]], received_at=now)
    analyse_pending(now=now)
    [error] = refused
    assert "could not obtain lock" in error


def test_what_keeps_coming_late_is_worked_in_after_minutes(
    assignment: Assignment, vt: np.ndarray
) -> None:
    missing = set(range(2, 30))
    packets = _start(assignment, vt, missing=missing)
    for n, seq in enumerate(sorted(missing)[:14]):
        now = NOW + timedelta(seconds=10 + 20 * n)
        upload(assignment.device, [packets[seq]], received_at=now)
        analyse_pending(now=now)
        # There never are 60 s of quiet. Four minutes after the first it is done, and
        # the one after that begins anew.
        assert AnalysisState.objects.get().is_provisional is (n != 12), n
