"""A version that cannot read a record's state goes on live at once."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from devices.codec import Packet
from devices.models import Assignment, Record, Segment
from devices.segment_files import segment_store
from devices.segment_reading import kept_segments
from devices.services import compact_record
from inference.models import Alarm, AnalysisState, BeatBlock, Checkpoint, Episode
from inference.services import analysis, taking_over
from inference.services.analysis import analyse_pending
from inference.services.beats import beats_between
from inference.services.carried import memory
from inference.services.claims import Queue
from tests.inference.uploading import FS, offline, packets_of, signal_of, upload

NOW = timezone.now()
SECONDS, MORE = 1320, 60
# Two checkpoints before the cursor, less what is no whole one.
BEGUN = 600 * FS
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def vt(ecg_data: Path) -> np.ndarray:
    """Return 23 minutes of mitdb 205, with runs of VT."""
    return signal_of(ecg_data, "205", start_s=200, seconds=SECONDS + MORE)


@pytest.fixture(scope="module")
def af(ecg_data: Path) -> np.ndarray:
    """Return 23 minutes of mitdb 210, which fibrillates throughout."""
    return signal_of(ecg_data, "210", start_s=100, seconds=SECONDS + MORE)


def _start(
    assignment: Assignment,
    adu: np.ndarray,
    *,
    missing: tuple[int, ...] = (),
    rested: bool = False,
) -> list[Packet]:
    """Analyse all but the last minute, as an older version; return the packets."""
    start_at = NOW - timedelta(seconds=SECONDS)
    Assignment.objects.filter(pk=assignment.pk).update(start_at=start_at)
    packets = packets_of(adu, packet_s=10, start_at=start_at)
    there = [p for p in packets[: SECONDS // 10] if p.seq not in missing]
    upload(assignment.device, there, received_at=NOW)
    # What is far behind first, and then the live head.
    for wait_s in (4, 5, *([20] if rested else [])):
        analyse_pending(now=NOW + timedelta(seconds=wait_s))
    assert AnalysisState.objects.get().cursor_sample == SECONDS * FS
    BeatBlock.objects.update(annotator="tc-older")
    Episode.objects.update(annotator="tc-older")
    AnalysisState.objects.update(state=b"tc-ecg-0", annotator="tc-older")
    Checkpoint.objects.update(state=b"tc-ecg-0", compressed=False)
    memory.forget()
    return packets


def _go_on(assignment: Assignment, packets: list[Packet]) -> datetime:
    now = NOW + timedelta(seconds=MORE)
    upload(assignment.device, packets[SECONDS // 10 :], received_at=now)
    # The live worker alone: nobody waits for backfill.
    for _ in range(2):
        analyse_pending(now=now, queues=(Queue.LIVE,))
    return now


def _ten_seconds(adu: np.ndarray) -> list[Packet]:
    """Return one more packet, behind all of them."""
    return packets_of(
        adu[: 10 * FS],
        packet_s=10,
        start_at=NOW - timedelta(seconds=SECONDS),
        first_seq=(SECONDS + MORE) // 10,
        first_sample=(SECONDS + MORE) * FS,
    )


def _has_seams() -> bool:
    """Tell whether a row of beats does not begin where the one before ends."""
    rows = BeatBlock.objects.order_by("start_sample")
    spans = list(rows.values_list("start_sample", "end_sample"))
    return [start for start, _ in spans] != [0, *(end for _, end in spans)][:-1]


def _tell_late(
    assignment: Assignment, packets: list[Packet], *, now: datetime
) -> AnalysisState:
    upload(assignment.device, packets, received_at=now)
    analyse_pending(now=now + timedelta(seconds=1))
    return AnalysisState.objects.get()


def test_it_goes_on_at_the_cursor_and_leaves_what_was_said(
    assignment: Assignment, vt: np.ndarray
) -> None:
    packets = _start(assignment, vt)
    record = Record.objects.get()
    before = set(BeatBlock.objects.values_list("pk", flat=True))
    _go_on(assignment, packets)
    state = AnalysisState.objects.get()
    assert state.cursor_sample == (SECONDS + MORE) * FS
    assert (state.begun_sample, state.is_provisional) == (BEGUN, False)
    older = BeatBlock.objects.filter(annotator="tc-older")
    assert set(older.values_list("pk", flat=True)) == before
    # It says the same as if it had been there from the first sample.
    start, end = (SECONDS + 2) * FS, (SECONDS + MORE - 5) * FS
    expected = offline(vt).beats
    inside = (start <= expected.samples) & (expected.samples < end)
    found = beats_between(record, start, end)
    assert np.array_equal(found.samples, expected.samples[inside])
    assert np.array_equal(found.classes, expected.classes[inside])
    # And any worker computes that state from where it began.
    memory.forget()
    AnalysisState.objects.update(state=b"", state_sample=BEGUN)
    upload_at = NOW + timedelta(seconds=MORE + 10)
    upload(assignment.device, _ten_seconds(vt), received_at=upload_at)
    analyse_pending(now=upload_at, queues=(Queue.LIVE,))
    state.refresh_from_db()
    assert state.cursor_sample == (SECONDS + MORE + 10) * FS
    assert not state.is_provisional


@pytest.mark.parametrize("rested", [False, True])
def test_fibrillation_that_goes_on_keeps_its_alarm(
    assignment: Assignment, af: np.ndarray, *, rested: bool
) -> None:
    packets = _start(assignment, af, rested=rested)
    [first] = Episode.objects.filter(label="AF")
    assert first.provisional == rested
    [alarm] = Alarm.objects.filter(rule="AF")
    _go_on(assignment, packets)
    [second] = Episode.objects.filter(label="AF", end_at=None)
    first.refresh_from_db()
    assert second.pk != first.pk
    assert first.end_sample == second.onset_sample
    assert BEGUN < (second.onset_sample or 0) < SECONDS * FS
    [same] = Alarm.objects.filter(rule="AF")
    assert (same.pk, same.state) == (alarm.pk, Alarm.State.ACTIVE)
    assert (same.episode_id, same.onset_at) == (second.pk, alarm.onset_at)


def test_a_record_that_gets_its_patient_meanwhile_is_taken_over_for_them(
    assignment: Assignment, af: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    packets = _start(assignment, af)
    Alarm.objects.all().delete()
    Record.objects.update(patient=None)
    warm_state = taking_over.warm_state

    def attributed(*given, **named):
        Record.objects.update(patient=assignment.patient)
        return warm_state(*given, **named)

    monkeypatch.setattr(taking_over, "warm_state", attributed)
    _go_on(assignment, packets)
    assert AnalysisState.objects.get().claim is None
    [goes_on] = Episode.objects.filter(label="AF", end_at=None)
    assert goes_on.patient == assignment.patient
    assert Alarm.objects.filter(rule="AF", episode=goes_on).exists()


def test_what_only_the_older_version_saw_ends(
    assignment: Assignment, vt: np.ndarray
) -> None:
    packets = _start(assignment, vt)
    record = Record.objects.get()
    onset = 1000 * FS
    seen = Episode.objects.create(
        record=record,
        patient=record.patient,
        label="BRADY",
        onset_sample=onset,
        onset_at=record.time_of(onset),
        reported_sample=onset,
        annotator="tc-older",
    )
    alarm = Alarm.objects.create(
        patient=record.patient,
        record=record,
        episode=seen,
        rule="BRADY",
        priority=2,
        onset_sample=onset,
        onset_at=seen.onset_at,
        raised_at=NOW,
        annotator="tc-older",
    )
    _go_on(assignment, packets)
    seen.refresh_from_db()
    alarm.refresh_from_db()
    assert seen.end_sample == SECONDS * FS
    assert alarm.state == Alarm.State.CLEARED


def test_late_samples_from_before_are_worked_in_up_to_there(
    assignment: Assignment, vt: np.ndarray
) -> None:
    packets = _start(assignment, vt, missing=(10, 11))
    now = _go_on(assignment, packets)
    record = Record.objects.get()
    after = BeatBlock.objects.filter(start_sample__gte=BEGUN)
    before = set(after.values_list("pk", flat=True))
    state = _tell_late(assignment, packets[10:12], now=now)
    assert not state.is_provisional
    assert before <= set(after.values_list("pk", flat=True))
    # The two packets lie in the first checkpoint's span: it is said anew, and shown.
    span = BeatBlock.objects.filter(start_sample__lt=300 * FS)
    assert "tc-older" not in set(span.values_list("annotator", flat=True))
    expected = offline(vt).beats.samples
    inside = (expected >= 95 * FS) & (expected < 125 * FS)
    found = beats_between(record, 95 * FS, 125 * FS)
    assert np.array_equal(found.samples, expected[inside])
    assert not _has_seams()


def test_late_samples_from_before_leave_fibrillation_as_it_was_told(
    assignment: Assignment, af: np.ndarray
) -> None:
    packets = _start(assignment, af, missing=(10, 11))
    now = _go_on(assignment, packets)
    facts = ("onset_sample", "end_sample", "withdrawn_at")
    told = list(Episode.objects.filter(label="AF").order_by("pk").values_list(*facts))
    [alarm] = Alarm.objects.filter(rule="AF")
    assert not _tell_late(assignment, packets[10:12], now=now).is_provisional
    again = Episode.objects.filter(label="AF").order_by("pk")
    assert list(again.values_list(*facts)) == told
    assert again.filter(end_sample=None).count() == 1
    [same] = Alarm.objects.filter(rule="AF")
    assert (same.pk, same.state) == (alarm.pk, Alarm.State.ACTIVE)


def test_taking_over_leaves_time_to_the_others(
    assignment: Assignment, vt: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    packets = _start(assignment, vt)
    monkeypatch.setattr(analysis._TakingOver, "MOST_S", -1.0)
    now = _go_on(assignment, packets)
    state = AnalysisState.objects.get()
    assert (state.cursor_sample, state.claim) == (SECONDS * FS, None)
    monkeypatch.undo()
    for _ in range(2):
        analyse_pending(now=now, queues=(Queue.LIVE,))
    state.refresh_from_db()
    assert state.cursor_sample == (SECONDS + MORE) * FS


def test_late_samples_on_both_sides_are_worked_in(
    assignment: Assignment, vt: np.ndarray
) -> None:
    packets = _start(assignment, vt, missing=(50, 90))
    now = _go_on(assignment, packets)
    record = Record.objects.get()
    state = _tell_late(assignment, [packets[50], packets[90]], now=now)
    assert not state.is_provisional
    expected = offline(vt).beats.samples
    for second in (500, 900):
        start, end = (second - 5) * FS, (second + 15) * FS
        inside = (start <= expected) & (expected < end)
        found = beats_between(record, start, end)
        assert np.array_equal(found.samples, expected[inside])
    assert not _has_seams()
    # The state that goes on knows of them, too.
    memory.forget()
    later = now + timedelta(seconds=10)
    upload(assignment.device, _ten_seconds(vt), received_at=later)
    analyse_pending(now=later)
    state.refresh_from_db()
    assert (state.cursor_sample, state.is_provisional) == (
        (SECONDS + MORE + 10) * FS,
        False,
    )


def test_a_missing_file_keeps_no_patient_without_alarms(
    assignment: Assignment, vt: np.ndarray
) -> None:
    packets = _start(assignment, vt, rested=True)
    record = Record.objects.get()
    rested = NOW + timedelta(hours=1)
    assert compact_record(record=record, analysed_sample=SECONDS * FS, now=rested)
    last = Segment.objects.order_by("-span_sample")[0]
    assert last.end_sample > BEGUN
    Path(segment_store().path(last.key)).unlink()
    kept_segments.clear()
    _go_on(assignment, packets)
    state = AnalysisState.objects.get()
    assert state.cursor_sample == (SECONDS + MORE) * FS
    assert state.failed_count == 0
