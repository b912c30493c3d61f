"""A device whose clock is behind alarms like any other; a backlog does not."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from devices.models import Assignment, Record
from inference.models import Alarm
from inference.services.analysis import analyse_pending
from inference.services.conditions import follow_spans
from tests.inference.uploading import FS, packets_of, signal_of, upload

NOW = timezone.now()
SECONDS, PACKET_S = 80, 2
pytestmark = pytest.mark.django_db


@pytest.fixture
def vt(ecg_data: Path) -> np.ndarray:
    """Return 80 s of mitdb 205 with two runs of VT, from 49 s and from 54 s on."""
    return signal_of(ecg_data, "205", start_s=250, seconds=SECONDS)


def _send(
    assignment: Assignment, adu: np.ndarray, *, behind: timedelta, pace: float
) -> Record:
    """Upload and analyse packet by packet, ``pace`` times as fast as recorded."""
    start_at = NOW - timedelta(seconds=SECONDS) - behind
    packets = packets_of(adu, packet_s=PACKET_S, start_at=start_at)
    for k, packet in enumerate(packets):
        left_s = (len(packets) - 1 - k) * PACKET_S / pace
        now = NOW - timedelta(seconds=left_s)
        upload(assignment.device, [packet], received_at=now)
        analyse_pending(now=now)
    return Record.objects.get()


@pytest.mark.parametrize("behind_s", [0, 90, 3600])
def test_it_is_news_whatever_the_clock_of_the_device_says(
    assignment: Assignment, vt: np.ndarray, behind_s: int
) -> None:
    _send(assignment, vt, behind=timedelta(seconds=behind_s), pace=1)
    found = Alarm.objects.filter(rule="VT")
    assert found.exists()
    assert all(not alarm.late and alarm.notified_at is None for alarm in found)


def test_a_backlog_is_no_news(assignment: Assignment, vt: np.ndarray) -> None:
    _send(assignment, vt, behind=timedelta(hours=1), pace=4)
    found = Alarm.objects.filter(rule="VT")
    assert found.exists()
    assert all(alarm.late and alarm.notified_at for alarm in found)


@pytest.mark.parametrize(("pace", "late"), [(1, False), (4, True)])
def test_it_says_that_an_electrode_is_off_now(
    assignment: Assignment, vt: np.ndarray, pace: float, late: bool
) -> None:
    record = _send(assignment, vt, behind=timedelta(minutes=10), pace=pace)
    end_s = record.end_sample // FS
    spans = [("LEAD_OFF", end_s - 15, None)]
    [alarm] = follow_spans(record, spans, seen_s=end_s, annotator="tc", now=NOW)
    assert alarm.late is late
