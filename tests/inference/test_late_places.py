"""Late samples in two places, and between them the analysis comes out as before."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from devices.models import Assignment, Record
from inference.models import AnalysisState, BeatBlock, Checkpoint
from inference.services.analysis import analyse_pending
from tests.inference.uploading import (
    FS,
    assert_settled,
    packets_of,
    settle,
    signal_of,
    upload,
)

NOW = timezone.now()
SECONDS = 1500
PACKET_S = 5
# Half a minute each, six minutes from the start and four before the end.
EARLY, LATE = slice(72, 78), slice(252, 258)

pytestmark = pytest.mark.django_db


@pytest.fixture
def adu(ecg_data: Path) -> np.ndarray:
    """Return 25 min of mitdb 100: a steady rhythm, whose past is soon forgotten."""
    return signal_of(ecg_data, "100", start_s=0, seconds=SECONDS)


def _analyse(*, after_s: float) -> None:
    now = NOW + timedelta(seconds=after_s)
    for _ in range(60):
        analyse_pending(now=now)
        if AnalysisState.objects.get().cursor_sample == SECONDS * FS:
            return
    pytest.fail("the analysis does not reach the end")


def _untouched(record: Record, since: set[int]) -> set[int]:
    """Return where blocks begin that are the same rows as then."""
    kept = BeatBlock.objects.filter(record=record, pk__in=since)
    return set(kept.values_list("start_sample", flat=True))


def test_it_works_in_both_under_one_mark(
    assignment: Assignment, adu: np.ndarray
) -> None:
    packets = packets_of(
        adu, packet_s=PACKET_S, start_at=NOW - timedelta(seconds=SECONDS)
    )
    there = packets[: EARLY.start] + packets[EARLY.stop : LATE.start]
    upload(assignment.device, there + packets[LATE.stop :], received_at=NOW)
    _analyse(after_s=4)
    record = Record.objects.get()
    before = dict(Checkpoint.objects.values_list("sample", "state"))

    late = packets[EARLY] + packets[LATE]
    upload(assignment.device, late, received_at=NOW + timedelta(seconds=10))
    now = NOW + timedelta(seconds=10)
    analyse_pending(now=now)
    settle(record, now=now)
    after = dict(Checkpoint.objects.values_list("sample", "state"))
    as_before = [at // FS for at in before if bytes(before[at]) == bytes(after[at])]
    # So an early stop there would leave out the second place.
    assert any(360 < at_s < 1260 for at_s in as_before), as_before
    assert_settled(record, adu)


def test_it_stops_early_behind_the_last_place(
    assignment: Assignment, adu: np.ndarray
) -> None:
    packets = packets_of(
        adu, packet_s=PACKET_S, start_at=NOW - timedelta(seconds=SECONDS)
    )
    there = packets[: EARLY.start] + packets[EARLY.stop :]
    upload(assignment.device, there, received_at=NOW)
    _analyse(after_s=4)
    record = Record.objects.get()
    rows = set(BeatBlock.objects.values_list("pk", flat=True))
    late = packets[EARLY]
    upload(assignment.device, late, received_at=NOW + timedelta(seconds=10))
    now = NOW + timedelta(seconds=10)
    analyse_pending(now=now)
    untouched = _untouched(record, rows)
    assert min(at for at in untouched if at > 390 * FS) < 1260 * FS
    settle(record, now=now)
    assert_settled(record, adu)
