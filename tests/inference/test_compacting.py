"""Compacted history says the same, and late packets are worked into it as before."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.db.models import F
from django.utils import timezone

from devices.models import Assignment, Chunk, Compaction, Record, Segment
from inference.models import AnalysisState, BeatBlock, Checkpoint, HourSummary
from inference.services import compacting
from inference.services.analysis import analyse_pending
from inference.services.beats import beats_between, quality_between
from inference.services.compacting import (
    compact_pending,
    pack_history,
    settled_sample,
)
from inference.services.heart_rate import heart_rate_band
from inference.services.summaries import hours_of
from tests.inference.uploading import (
    FS,
    assert_settled,
    packets_of,
    settle,
    signal_of,
    upload,
)

pytestmark = pytest.mark.django_db
SECONDS = 1300


@pytest.fixture
def adu(ecg_data: Path) -> np.ndarray:
    """Return 1300 s of mitdb 203: rhythms, ectopy and noise."""
    return signal_of(ecg_data, "203", start_s=0, seconds=SECONDS)


def _live(assignment: Assignment, adu: np.ndarray, left_out: set[int]) -> datetime:
    """Upload packets of 2 s and analyse them as they come, but for those left out."""
    now = timezone.now() - timedelta(hours=8)
    packets = packets_of(adu, packet_s=2, start_at=now)
    for first in range(0, len(packets), 10):
        now += timedelta(seconds=20)
        part = [one for one in packets[first : first + 10] if one.seq not in left_out]
        if part:
            upload(assignment.device, part, received_at=now)
        analyse_pending(now=now)
    return now


def test_it_says_the_same_of_a_compacted_record(
    assignment: Assignment, adu: np.ndarray
) -> None:
    now = _live(assignment, adu, set())
    record = Record.objects.get()
    now = settle(record, now=now)
    blocks = BeatBlock.objects.count()
    # The rest is younger than ten minutes.
    assert compact_pending(now=now) == 2
    assert compact_pending(now=now) == 0
    assert_settled(record, adu)
    now += timedelta(hours=2)
    assert compact_pending(now=now) == 3
    assert compact_pending(now=now) == 0
    assert Segment.objects.count() == 5
    assert not Chunk.objects.filter(n__gt=0).exists()
    assert BeatBlock.objects.count() < 8 < blocks
    assert_settled(record, adu)
    # An ended record is not looked at again and again.
    assert not compacting._claim(now=now)


def test_it_shows_the_same_figures(assignment: Assignment, adu: np.ndarray) -> None:
    now = _live(assignment, adu, set())
    record = Record.objects.get()
    now = settle(record, now=now)
    patient, span = assignment.patient, {"end_at": now}
    span["start_at"] = now - timedelta(hours=1)

    def shown() -> tuple[object, ...]:
        return (
            heart_rate_band(patient, **span),
            hours_of(patient, **span, now=now).whole,
            quality_between(record, 0, len(adu)).values.tolist(),
            beats_between(record, 70_000, 80_000).samples.tolist(),
        )

    before = shown()
    while compact_pending(now=now + timedelta(hours=2)):
        pass
    HourSummary.objects.all().delete()
    assert Segment.objects.count() == 5
    assert shown() == before


@pytest.mark.slow
@pytest.mark.parametrize("checkpoints_s", [300, 900])
def test_it_works_late_packets_into_compacted_spans(
    assignment: Assignment,
    adu: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    checkpoints_s: int,
) -> None:
    monkeypatch.setattr(compacting, "RECENT_CHECKPOINTS_S", 300)
    monkeypatch.setattr(compacting, "KEPT_CHECKPOINTS_S", checkpoints_s)
    # In the first span, across an edge, and one that never comes until the end.
    left_out = {*range(20, 40), *range(145, 156), 250}
    now = _live(assignment, adu, left_out)
    record = Record.objects.get()
    now = settle(record, now=now) + timedelta(minutes=11)
    while compact_pending(now=now):
        pass
    assert Segment.objects.count() == 4
    kept = list(Checkpoint.objects.values_list("sample", "compressed"))
    assert (900 * FS, True) in kept
    assert (1200 * FS, False) in kept
    assert ((300 * FS, True) in kept) == (checkpoints_s == 300)
    packets = packets_of(adu, packet_s=2, start_at=record.time_of(0))
    late = [one for one in packets if one.seq in left_out]
    random.Random(3).shuffle(late)
    for first in range(0, len(late), 7):
        now += timedelta(seconds=5)
        upload(assignment.device, late[first : first + 7], received_at=now)
        analyse_pending(now=now)
        compact_pending(now=now)
    now = settle(record, now=now)
    assert_settled(record, adu)
    now += timedelta(hours=2)
    while compact_pending(now=now):
        pass
    assert not Chunk.objects.filter(n__gt=0).exists()
    assert sum(Segment.objects.values_list("sample_count", flat=True)) == len(adu)
    assert_settled(record, adu)


def test_it_packs_nothing_that_changed_meanwhile(
    assignment: Assignment, adu: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = _live(assignment, adu[: 400 * FS], set())
    record = Record.objects.get()
    settle(record, now=now)
    joined = compacting._joined

    def late(run: Sequence[BeatBlock]) -> tuple[BeatBlock, list[int]]:
        done = joined(run)
        run[3].delete()
        return done

    with monkeypatch.context() as patched:
        patched.setattr(compacting, "_joined", late)
        before = BeatBlock.objects.count()
        assert pack_history(record=record, before_sample=300 * FS) == 0
    assert BeatBlock.objects.count() == before - 1
    assert not BeatBlock.objects.exclude(packed=None).exists()
    # Around the hole there are two.
    assert pack_history(record=record, before_sample=300 * FS) == 2


def test_it_leaves_alone_what_waits_to_be_analysed_again(
    assignment: Assignment, adu: np.ndarray
) -> None:
    now = _live(assignment, adu[: 1210 * FS], {200})
    state = AnalysisState.objects.get()
    assert settled_sample(state) == state.cursor_sample
    packets = packets_of(adu, packet_s=2, start_at=state.record.time_of(0))
    upload(assignment.device, [packets[200]], received_at=now)
    state = AnalysisState.objects.select_related("record").get()
    assert settled_sample(state) == 400 * FS
    later = now + timedelta(minutes=12)
    assert compact_pending(now=later) == 1
    row = Compaction.objects.get()
    assert row.done_sample == 300 * FS
    assert row.claimed_until is None


def test_records_that_began_together_take_turns(assignment: Assignment) -> None:
    now = timezone.now()
    for n in range(600):
        record = Record.objects.create(
            device=assignment.device,
            stream=f"{n:016x}",
            patient=assignment.patient,
            fs=FS,
            leads=["I"],
            gain=200.0,
            baseline=0,
            started_at=now,
            last_received_at=now,
        )
        AnalysisState.objects.create(record=record, advanced_at=now)
    claimed = []
    for second in range(0, 1201, 60):
        AnalysisState.objects.update(cursor_sample=second * FS)
        claimed.append(0)
        while states := compacting._claim(now=now):
            claimed[-1] += len(states)
            done = Compaction.objects.filter(record__in=[s.record_id for s in states])
            done.update(done_sample=F("done_sample") + 300 * FS, claimed_until=None)
    # From 15 min on, spread over 300 s; then the first ones are due again.
    assert claimed[:15] == [0] * 15
    assert [round(many / 2) for many in claimed[15:]] == [1, 60, 60, 60, 60, 60]


def test_it_puts_off_a_record_that_cannot_be_compacted(
    assignment: Assignment, adu: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = _live(assignment, adu[: 400 * FS], set()) + timedelta(minutes=12)

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(compacting, "compact_record", full)
        # A record that goes on is looked at when it has grown enough.
        Compaction.objects.create(record=Record.objects.get(), done_sample=-(9**9))
        assert compact_pending(now=now) == 0
    row = Compaction.objects.get()
    assert (row.failed_count, row.claimed_until) == (1, None)
    assert row.next_try_at == now + timedelta(minutes=5)
    assert compact_pending(now=now + timedelta(minutes=6)) == 1
