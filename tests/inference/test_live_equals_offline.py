"""The settled result does not depend on how the signal was cut and in which order."""

import random
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from devices.models import Assignment, Record
from inference.models import AnalysisState
from inference.services.analysis import analyse_pending
from tests.inference.uploading import (
    assert_settled,
    packets_of,
    settle,
    signal_of,
    upload,
)

UPLOAD_S = 9


def _replay(
    assignment: Assignment,
    name: str,
    span: tuple[int, float],
    packet_s: float,
    *,
    shuffled: bool,
    folder: Path,
) -> None:
    start_s, seconds = span
    adu = signal_of(folder, name, start_s=start_s, seconds=seconds)
    now = timezone.now() - timedelta(seconds=seconds)
    packets = packets_of(adu, packet_s=packet_s, start_at=now)
    if shuffled:
        random.Random(7).shuffle(packets)
    was_provisional = False
    at_once = max(1, round(UPLOAD_S / packet_s))
    for first in range(0, len(packets), at_once):
        now += timedelta(seconds=UPLOAD_S)
        upload(assignment.device, packets[first : first + at_once], received_at=now)
        analyse_pending(now=now)
        was_provisional |= AnalysisState.objects.get().is_provisional
    assert was_provisional == shuffled
    record = Record.objects.get()
    settle(record, now=now)
    assert_settled(record, adu)


@pytest.mark.parametrize("packet_s", [0.1, 1, 7])
@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
@pytest.mark.django_db
def test_it_finds_the_same_beats_live_as_offline(
    packet_s: float, shuffled: bool, assignment: Assignment, ecg_data: Path
) -> None:
    _replay(assignment, "208", (0, 121.3), packet_s, shuffled=shuffled, folder=ecg_data)


@pytest.mark.parametrize("shuffled", [False, True], ids=["in order", "shuffled"])
@pytest.mark.django_db
def test_it_finds_the_same_episodes_live_as_offline(
    shuffled: bool, assignment: Assignment, ecg_data: Path
) -> None:
    _replay(assignment, "205", (250, 90), 1, shuffled=shuffled, folder=ecg_data)


@pytest.mark.slow
@pytest.mark.django_db
def test_it_settles_a_record_longer_than_a_checkpoint(
    assignment: Assignment, ecg_data: Path
) -> None:
    _replay(assignment, "203", (0, 700.5), 7, shuffled=True, folder=ecg_data)
