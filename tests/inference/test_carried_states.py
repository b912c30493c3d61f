"""What a worker remembers of a record is only used where it holds."""

import random
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from devices.codec import Packet
from devices.models import Assignment, Record
from inference.models import AnalysisState, PatientLimits
from inference.services.analysis import analyse_pending
from inference.services.carried import (
    KEEP_S,
    checksum_of,
    memory,
    stored_state,
)
from inference.services.claims import Queue
from tests.inference.uploading import (
    FS,
    assert_settled,
    packets_of,
    settle,
    signal_of,
    upload,
)

NOW = timezone.now()
SECONDS = 100
pytestmark = pytest.mark.django_db


@pytest.fixture
def adu(ecg_data: Path) -> np.ndarray:
    """Return 100 s of mitdb 205 with two runs of VT."""
    return signal_of(ecg_data, "205", start_s=250, seconds=SECONDS)


def _packets(adu: np.ndarray) -> list[Packet]:
    return packets_of(adu, packet_s=2, start_at=NOW - timedelta(seconds=SECONDS))


def _take_in(
    assignment: Assignment, packets: list[Packet], *, after_s: float = 0
) -> datetime:
    now = NOW + timedelta(seconds=after_s)
    upload(assignment.device, packets, received_at=now)
    analyse_pending(now=now, queues=(Queue.LIVE,))
    return now


def test_it_goes_on_from_memory_without_the_stored_state(
    assignment: Assignment, adu: np.ndarray
) -> None:
    packets = _packets(adu)
    _take_in(assignment, packets[:5])
    AnalysisState.objects.update(state=b"not read")
    _take_in(assignment, packets[5:10])
    assert AnalysisState.objects.get().cursor_sample == 20 * FS


@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
def test_it_finds_the_same_in_processes_that_remember_nothing(
    assignment: Assignment, adu: np.ndarray, *, shuffled: bool
) -> None:
    packets = _packets(adu)
    if shuffled:
        random.Random(3).shuffle(packets)
    now = NOW
    for first in range(0, len(packets), 5):
        now += timedelta(seconds=9)
        memory.forget()
        upload(assignment.device, packets[first : first + 5], received_at=now)
        analyse_pending(now=now, queues=(Queue.LIVE,))
        if not shuffled:
            # What was recomputed is what had been there.
            assert not AnalysisState.objects.get().is_provisional
        memory.forget()
        analyse_pending(now=now, queues=(Queue.BACKFILL,))
    settle(Record.objects.get(), now=now)
    assert_settled(Record.objects.get(), adu)


def test_it_writes_the_state_once_a_minute(
    assignment: Assignment, adu: np.ndarray
) -> None:
    written = set()
    for packet in _packets(adu):
        _take_in(assignment, [packet])
        row = AnalysisState.objects.get()
        assert row.cursor_sample - row.state_sample < KEEP_S * FS
        written.add(row.state_sample)
    assert 2 <= len(written) <= 3


def test_it_computes_anew_what_followed_from_another_state(
    assignment: Assignment, adu: np.ndarray
) -> None:
    packets = _packets(adu)
    _take_in(assignment, packets[:20])
    AnalysisState.objects.update(state_checksum=1)
    now = _take_in(assignment, packets[20:])
    row = AnalysisState.objects.get()
    # The live head does not wait for it.
    assert row.cursor_sample == len(adu)
    assert row.is_provisional
    now += timedelta(seconds=5)
    analyse_pending(now=now, queues=(Queue.BACKFILL,))
    assert not AnalysisState.objects.get().is_provisional
    settle(Record.objects.get(), now=now)
    assert_settled(Record.objects.get(), adu)


def test_it_forgets_a_state_that_a_recomputed_one_replaced(
    assignment: Assignment, adu: np.ndarray
) -> None:
    packets = _packets(adu)
    _take_in(assignment, packets[:20] + packets[21:40])
    analyse_pending(now=NOW + timedelta(seconds=4))
    # Another process works the late packet in; the cursor stays where it was.
    upload(assignment.device, packets[20:21], received_at=NOW + timedelta(seconds=5))
    now = NOW + timedelta(seconds=5)
    states = dict(memory._states)
    analyse_pending(now=now)
    memory._states.update(states)
    _take_in(assignment, packets[40:], after_s=8)
    now = NOW + timedelta(seconds=8)
    assert not AnalysisState.objects.get().is_provisional
    settle(Record.objects.get(), now=now)
    assert_settled(Record.objects.get(), adu)


def test_it_keeps_what_it_remembers_for_the_next_process(
    assignment: Assignment, adu: np.ndarray
) -> None:
    _take_in(assignment, _packets(adu)[:10])
    assert memory.persist() >= 1
    row = AnalysisState.objects.get()
    assert row.state_sample == row.cursor_sample == 20 * FS
    assert checksum_of(stored_state(row)) == row.state_checksum
    # Another process has moved the record on: what is remembered here is old.
    AnalysisState.objects.update(cursor_sample=22 * FS)
    assert memory.persist() == 0


def test_it_writes_the_state_when_limits_change(
    assignment: Assignment, adu: np.ndarray
) -> None:
    # Whoever recomputes knows only the new limits.
    packets = _packets(adu)
    _take_in(assignment, packets[:10])
    _take_in(assignment, packets[10:11])
    before = AnalysisState.objects.get().state_sample
    PatientLimits.objects.create(patient=assignment.patient, hr_high_bpm=100)
    _take_in(assignment, packets[11:12])
    assert AnalysisState.objects.get().state_sample == 24 * FS != before


def test_it_remembers_no_more_than_it_may(
    assignment: Assignment, adu: np.ndarray, settings: object
) -> None:
    settings.ANALYSIS_STATES_KEPT = 1
    _take_in(assignment, _packets(adu)[:10])
    assert len(memory._states) == 1
