"""Signal goes when its time is over: whole segments, beats, and for good."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from devices.models import Assignment, Compaction, LooseFile, Record, Segment
from devices.reading import stored_ranges
from devices.segment_files import read_segment
from devices.services import remove_loose_files
from devices.services.filling import fill_record
from devices.services.verifying import verify_record
from devices.simulator.scripts import script_source
from inference.models import (
    AnalysisState,
    BeatBlock,
    Checkpoint,
    Episode,
    HourSummary,
    Reanalysis,
)
from inference.services import compacting, retention
from inference.services.analysis import analyse_pending
from inference.services.compacting import compact_pending
from inference.services.retention import remove_old_history
from inference.services.versions import show_live
from patients.models import AccessLog, Patient
from tests.storage.conftest import SPAN, Store, compact, packet

pytestmark = pytest.mark.django_db


def _keep(record: Record, days: int | None) -> None:
    record.patient.keep_days = days
    record.patient.save()


def _store_as_it_comes(store: Store, packets: int) -> None:
    for first in range(0, packets, 20):
        store([packet(seq) for seq in range(first, first + 20)], after_s=2 * first + 40)


def test_it_removes_whole_segments_and_answers_their_packets_as_repeated(
    store: Store,
) -> None:
    _store_as_it_comes(store, 520)
    record = Record.objects.get()
    compact(record, ended=True)
    keys = dict(Segment.objects.values_list("span_sample", "key"))
    _keep(record, 30)
    # The second segment ends a moment after.
    end_at = record.time_of(2 * SPAN) - timedelta(seconds=1)
    now = end_at + timedelta(days=30)
    assert remove_old_history(now=now, most_s=0) == 0
    assert remove_old_history(now=now) == 1
    assert remove_old_history(now=now) == 0
    assert stored_ranges(record) == [(SPAN, record.end_sample)]
    assert verify_record(record.pk).damage == []
    again = [packet(30), packet(0), packet(140, n=0)]
    assert store(again, after_s=2000) == ["duplicate"] * 3
    assert store([packet(160), packet(520)], after_s=2000) == ["duplicate", "stored"]
    assert verify_record(record.pk).damage == []
    entry = AccessLog.objects.get()
    assert (entry.user, entry.patient) == (None, record.patient)
    assert "removed" in entry.action
    # Files stay for those who are copying them.
    assert LooseFile.objects.get().key == keys[0]
    remove_loose_files(now=now + timedelta(days=8))
    with pytest.raises(FileNotFoundError):
        read_segment(keys[0])
    assert read_segment(keys[SPAN])


def test_what_compaction_writes_later_leaves_what_was_removed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    _store_as_it_comes(store, 520)
    record = Record.objects.get()
    compact(record, ended=True)
    _keep(record, 30)
    AnalysisState.objects.create(
        record=record, cursor_sample=record.end_sample, advanced_at=timezone.now()
    )
    Compaction.objects.update(done_sample=0, next_try_at=None, claimed_until=None)
    now = record.time_of(2 * SPAN) + timedelta(days=30)

    def remove_meanwhile(**given: object) -> int:
        assert remove_old_history(now=now) == 2
        return 0

    monkeypatch.setattr(compacting, "compact_record", remove_meanwhile)
    compact_pending(now=now)
    row = Compaction.objects.get()
    assert (row.removed_to_sample, row.claimed_until) == (2 * SPAN, None)
    assert verify_record(record.pk).damage == []


def test_it_waits_for_what_comes_late_while_hours_are_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    _store_as_it_comes(store, 520)
    record = Record.objects.get()
    compact(record, ended=True)
    _keep(record, 30)
    AnalysisState.objects.create(
        record=record, cursor_sample=record.end_sample, advanced_at=timezone.now()
    )
    now = record.time_of(2 * SPAN) + timedelta(days=30)

    def late_meanwhile(*given: object, **named: object) -> None:
        Record.objects.update(late_from_sample=0, late_to_sample=200)

    monkeypatch.setattr(retention, "hours_of", late_meanwhile)
    assert remove_old_history(now=now) == 0
    assert stored_ranges(record) == [(0, record.end_sample)]
    monkeypatch.undo()
    Record.objects.update(late_from_sample=None, late_to_sample=None)
    assert remove_old_history(now=now) == 1


def test_it_keeps_what_came_today_from_a_device_whose_clock_is_behind(
    store: Store, assignment: Assignment
) -> None:
    store([packet(seq) for seq in range(520)], after_s=40 * 86400)
    record = Record.objects.get()
    now = record.started_at + timedelta(days=40, hours=1)
    compact(record, ended=True, now=now)
    assert Segment.objects.count() == 4
    _keep(record, 30)
    assert remove_old_history(now=now) == 0
    assert remove_old_history(now=now + timedelta(days=30)) == 1


def test_verify_takes_a_heartbeat_for_no_end_of_the_signal(store: Store) -> None:
    store([*[packet(seq) for seq in range(150)], packet(150, n=0)])
    record = Record.objects.get()
    compact(record, ended=True)
    _keep(record, 1)
    assert remove_old_history(now=timezone.now() + timedelta(days=2)) == 1
    assert record.chunks.count() == 1
    assert verify_record(record.pk).damage == []


def test_it_keeps_everything_of_whom_nothing_was_decided(store: Store) -> None:
    store([packet(seq) for seq in range(320)])
    compact(Record.objects.get())
    assert remove_old_history(now=timezone.now() + timedelta(days=9999)) == 0
    assert Segment.objects.count() == 2


def test_it_removes_beats_and_keeps_episodes(assignment: Assignment) -> None:
    now = timezone.now()
    # Ten minutes of it are the end of an hour.
    hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(days=2)
    start_at = hour - timedelta(minutes=10)
    Assignment.objects.update(start_at=now - timedelta(days=3))
    assignment.refresh_from_db()
    record = fill_record(
        assignment=assignment,
        signal=script_source("vt"),
        start_at=start_at,
        seconds=1200,
        now=now,
    )
    for _ in range(2):
        analyse_pending(now=now)
    compact_pending(now=now)
    episodes = Episode.objects.filter(record=record).count()
    assert episodes
    _keep(record, 2)
    later = hour + timedelta(days=2, seconds=1)
    assert remove_old_history(now=later) == 1
    assert Compaction.objects.get().removed_to_sample == 600 * 250
    assert BeatBlock.every.order_by("start_sample").first().start_sample == 600 * 250
    assert Checkpoint.objects.order_by("sample").first().sample == 600 * 250
    assert Episode.objects.filter(record=record).count() == episodes
    assert verify_record(record.pk).damage == []
    # The hours of what is gone were counted before.
    assert HourSummary.objects.filter(record=record).exists()
    Reanalysis.objects.create(
        record=record,
        annotator="tc-other",
        start_sample=0,
        end_sample=SPAN,
        cursor_sample=SPAN,
        created_at=now,
        current=True,
    )
    show_live(record=record)
    assert HourSummary.objects.filter(record=record).exists()
    assert remove_old_history(now=now + timedelta(days=3)) == 1
    assert stored_ranges(record) == []
    assert verify_record(record.pk).damage == []


def test_one_patient_keeps_nobody_elses_signal(
    store: Store, other_patient: Patient
) -> None:
    _store_as_it_comes(store, 320)
    record = Record.objects.get()
    compact(record, ended=True)
    _keep(record, 30)
    now = record.time_of(record.end_sample) + timedelta(days=31)
    # Such rows may have been stored before there was a limit.
    theirs = Patient.objects.filter(pk=other_patient.pk)
    theirs.update(keep_days=2_000_000_000, code="A-000")
    assert remove_old_history(now=now) == 1
    # What is gone as a whole is not looked at again.
    Record.objects.update(end_sample=Compaction.objects.get().removed_to_sample)
    with CaptureQueriesContext(connection) as asked:
        assert remove_old_history(now=now) == 0
    assert not any("FOR NO KEY UPDATE" in query["sql"] for query in asked)
