"""Late samples change what the machine said, and leave alone what people did."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from devices.codec import Packet
from devices.models import Assignment, Record
from inference.models import Alarm, AnalysisState, Episode
from inference.services import late
from inference.services.alarms import acknowledge_alarm
from inference.services.analysis import analyse_pending
from patients.models import User
from tests.inference.uploading import (
    assert_settled,
    packets_of,
    settle,
    signal_of,
    upload,
)

NOW = timezone.now()
SECONDS = 80
pytestmark = pytest.mark.django_db


@pytest.fixture
def vt(ecg_data: Path) -> np.ndarray:
    """Return 80 s of mitdb 205 with two runs of VT, from 49 s and from 54 s on."""
    return signal_of(ecg_data, "205", start_s=250, seconds=SECONDS)


def _packets(adu: np.ndarray) -> list[Packet]:
    return packets_of(adu, packet_s=1, start_at=NOW - timedelta(seconds=SECONDS))


def _analyse(*, after_s: float) -> datetime:
    now = NOW + timedelta(seconds=after_s)
    analyse_pending(now=now)
    return now


def test_it_recomputes_when_the_gap_is_closed(
    assignment: Assignment, vt: np.ndarray
) -> None:
    packets = _packets(vt)
    upload(assignment.device, packets[:20] + packets[40:], received_at=NOW)
    _analyse(after_s=4)
    record = Record.objects.get()
    upload(assignment.device, packets[20:30], received_at=NOW + timedelta(seconds=10))
    _analyse(after_s=10)
    assert AnalysisState.objects.get().is_provisional
    upload(assignment.device, packets[30:40], received_at=NOW + timedelta(seconds=20))
    now = _analyse(after_s=20)
    assert not AnalysisState.objects.get().is_provisional
    settle(record, now=now)
    assert_settled(record, vt)


def test_it_recomputes_an_open_gap_after_a_minute_without_more(
    assignment: Assignment, vt: np.ndarray
) -> None:
    packets = _packets(vt)
    upload(assignment.device, packets[:20] + packets[40:], received_at=NOW)
    _analyse(after_s=4)
    upload(assignment.device, packets[20:30], received_at=NOW + timedelta(seconds=10))
    _analyse(after_s=10)
    _analyse(after_s=69)
    assert AnalysisState.objects.get().is_provisional
    _analyse(after_s=71)
    assert not AnalysisState.objects.get().is_provisional


def test_it_raises_late_findings_for_review_without_mail(
    assignment: Assignment, vt: np.ndarray
) -> None:
    packets = _packets(vt)
    upload(assignment.device, packets[:45] + packets[60:], received_at=NOW)
    _analyse(after_s=4)
    assert not Alarm.objects.filter(rule="VT").exists()
    upload(assignment.device, packets[45:60], received_at=NOW + timedelta(seconds=60))
    _analyse(after_s=60)
    found = Alarm.objects.filter(rule="VT")
    assert found.count() == 2
    assert all(alarm.late and alarm.notified_at for alarm in found)
    assert not Alarm.objects.open().filter(rule="VT").exists()


def test_a_record_that_gets_its_patient_meanwhile_is_recomputed_for_them(
    assignment: Assignment, vt: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    packets = _packets(vt)
    upload(assignment.device, packets[:45] + packets[60:], received_at=NOW)
    Record.objects.update(patient=None)
    _analyse(after_s=4)
    recompute = late._recompute

    def attributed(*given, **named):
        Record.objects.update(patient=assignment.patient)
        return recompute(*given, **named)

    monkeypatch.setattr(late, "_recompute", attributed)
    upload(assignment.device, packets[45:60], received_at=NOW + timedelta(seconds=60))
    _analyse(after_s=60)
    state = AnalysisState.objects.get()
    assert (state.is_provisional, state.claim) == (False, None)
    found = Episode.objects.filter(label="VT", withdrawn_at=None)
    assert {episode.patient for episode in found} == {assignment.patient}
    assert Alarm.objects.filter(rule="VT", late=True).count() == 2


def test_what_came_in_time_is_news_though_another_gap_kept_it_waiting(
    assignment: Assignment, vt: np.ndarray
) -> None:
    packets = _packets(vt)
    there = packets[:45] + packets[60:70] + packets[71:]
    upload(assignment.device, there, received_at=NOW)
    _analyse(after_s=4)
    upload(assignment.device, packets[45:60], received_at=NOW + timedelta(seconds=10))
    _analyse(after_s=10)
    assert not Alarm.objects.filter(rule="VT").exists()
    # Packet 70 is still waited for, until a minute has gone.
    _analyse(after_s=71)
    found = Alarm.objects.filter(rule="VT", late=False)
    assert found.exists()
    assert all(alarm.notified_at is None for alarm in found)


def test_it_marks_what_changed_and_keeps_the_acknowledgement(
    assignment: Assignment, vt: np.ndarray, alice: User
) -> None:
    # Before its missing seconds come, the first run of VT is cut short.
    packets = _packets(vt)
    upload(assignment.device, packets[:50] + packets[51:], received_at=NOW)
    _analyse(after_s=4)
    raised = list(Alarm.objects.filter(rule__in=["VT", "VRUN"]).order_by("pk"))
    assert raised
    acknowledge_alarm(
        alarm=raised[0], by=alice, reason="seen", now=NOW + timedelta(seconds=9)
    )
    upload(assignment.device, packets[50:51], received_at=NOW + timedelta(seconds=20))
    now = _analyse(after_s=20)

    alarm = Alarm.objects.get(pk=raised[0].pk)
    assert alarm.acknowledged_by == alice
    assert alarm.revised_at is not None
    assert "revised" in alarm.changes.values_list("kind", flat=True)
    episode = Episode.objects.get(pk=alarm.episode_id)
    assert episode.revised_at is not None
    record = Record.objects.get()
    settle(record, now=now)
    assert_settled(record, vt)


def test_two_late_packets_on_both_sides_of_a_checkpoint_lose_no_episode(
    assignment: Assignment, ecg_data: Path
) -> None:
    # A checkpoint is at 300 s; from it the second packet is worked in.
    adu = signal_of(ecg_data, "205", start_s=250, seconds=330)
    start_at = NOW - timedelta(seconds=330)
    packets = packets_of(adu, packet_s=1, start_at=start_at)
    late = {20, 310}
    there = [packet for packet in packets if packet.seq not in late]
    upload(assignment.device, there, received_at=NOW)
    _analyse(after_s=4)
    now = NOW
    for seq in sorted(late):
        now += timedelta(seconds=70)
        upload(assignment.device, [packets[seq]], received_at=now)
        analyse_pending(now=now)
        analyse_pending(now=now + timedelta(seconds=65))
    record = Record.objects.get()
    settle(record, now=now)
    assert_settled(record, adu)
    withdrawn = Alarm.objects.filter(rule="VT").exclude(episode__withdrawn_at=None)
    assert not withdrawn.exists()
