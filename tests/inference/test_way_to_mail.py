"""From samples to the mail: a run of VT in mitdb 205."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from devices.live import BeatsEntry, StateEntry, live_stream_key, unpack
from devices.models import Assignment
from devices.redis_pool import redis
from inference.models import Alarm, MailDelivery
from inference.services.analysis import analyse_pending
from inference.services.mails import send_due_mails
from inference.services.notices import queue_mails
from tests.inference.conftest import MailServer
from tests.inference.uploading import packets_of, signal_of, upload


@pytest.mark.django_db
def test_it_mails_a_strip_of_the_tachycardia_it_found(
    assignment: Assignment, ecg_data: Path, mail_server: MailServer
) -> None:
    # The run begins at 49 s of this minute.
    adu = signal_of(ecg_data, "205", start_s=250, seconds=58)
    now = timezone.now()
    packets = packets_of(adu, packet_s=2, start_at=now - timedelta(seconds=58))
    upload(assignment.device, packets, received_at=now)
    analyse_pending(now=now)

    alarm = Alarm.objects.get(rule="VT")
    assert (alarm.priority, alarm.late) == (Alarm.Priority.HIGH, False)
    assert "8 ventricular beats at 181/min" in alarm.detail
    assert alarm.annotator.startswith("tc-")
    assert alarm.quality >= 50
    queue_mails(now=now)
    assert send_due_mails(now=now) == MailDelivery.objects.count() == 2
    images = [
        p for p in mail_server.mails[0].walk() if p.get_content_type() == "image/png"
    ]
    assert images[0].get_payload(decode=True).startswith(b"\x89PNG")
    html = next(
        part.get_payload(decode=True).decode()
        for part in mail_server.mails[0].walk()
        if part.get_content_type() == "text/html"
    )
    assert f"cid:{images[0]['Content-ID'][1:-1]}" in html


@pytest.mark.django_db
def test_it_tells_the_live_pages_of_beats_and_alarms(
    assignment: Assignment, ecg_data: Path
) -> None:
    adu = signal_of(ecg_data, "205", start_s=250, seconds=58)
    now = timezone.now()
    packets = packets_of(adu, packet_s=2, start_at=now - timedelta(seconds=58))
    upload(assignment.device, packets, received_at=now)
    analyse_pending(now=now)

    key = live_stream_key(assignment.patient.live_key)
    entries = [unpack(fields) for _, fields in redis().client.xrange(key)]
    redis().client.delete(key)
    beats = [entry for entry in entries if isinstance(entry, BeatsEntry)]
    states = [entry.state for entry in entries if isinstance(entry, StateEntry)]
    oldest_ms = (now - timedelta(seconds=31)).timestamp() * 1000
    assert sum(len(entry.samples) for entry in beats) > 20
    assert all((entry.at_ms > oldest_ms).all() for entry in beats)
    assert 40 < beats[-1].heart_rate_bpm < 250
    told = [state["alarms"] for state in states if "alarms" in state]
    assert "VT" in {alarm["rule"] for alarm in told[-1]}
    # And not again with every second of signal.
    more = signal_of(ecg_data, "100", start_s=0, seconds=10)
    start_at = now
    packets = packets_of(
        more,
        packet_s=2,
        start_at=start_at - timedelta(seconds=58),
        first_seq=29,
        first_sample=58 * 250,
    )
    upload(assignment.device, packets, received_at=now + timedelta(seconds=10))
    analyse_pending(now=now + timedelta(seconds=10))
    later = [unpack(fields) for _, fields in redis().client.xrange(key)]
    redis().client.delete(key)
    unchanged = [
        entry.state
        for entry in later
        if isinstance(entry, StateEntry) and "alarms" not in entry.state
    ]
    assert unchanged
    assert {"rhythm", "quality", "heart_rate"} <= set(unchanged[-1])


@pytest.mark.django_db
@pytest.mark.parametrize(("kept_min", "late"), [(0, False), (10, True)])
def test_it_mails_what_came_in_time_although_no_worker_was_there(
    assignment: Assignment, ecg_data: Path, *, kept_min: int, late: bool
) -> None:
    adu = signal_of(ecg_data, "205", start_s=280, seconds=30)
    now = timezone.now()
    start_at = now - timedelta(minutes=10, seconds=30)
    packets = packets_of(adu, packet_s=2, start_at=start_at)
    # Sent at once, or kept by the device for ten minutes.
    received_at = now - timedelta(minutes=10 - kept_min)
    upload(assignment.device, packets, received_at=received_at)
    analyse_pending(now=now)

    alarms = Alarm.objects.filter(rule="VT")
    assert set(alarms.values_list("late", flat=True)) == {late}
    assert alarms.open().exists() != late
    assert bool(queue_mails(now=now)) != late
