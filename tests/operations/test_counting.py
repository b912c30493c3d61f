"""Alarms, mails and live frames are counted where they happen."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from prometheus_client import REGISTRY

from inference.alarm_rules import Priority
from inference.models import Alarm, MailDelivery
from inference.services.alarms import Condition, follow_condition
from inference.services.mails import send_due_mails
from inference.services.notices import queue_mails
from tests.live.receiving import watching


def counted(name: str, **labels: str) -> float:
    """Return what this process has counted."""
    return REGISTRY.get_sample_value(f"telecardio_{name}", labels) or 0.0


def _raise(patient, *, ago: timedelta = timedelta()) -> Alarm | None:
    now = timezone.now()
    return follow_condition(
        Condition(
            rule="LEAD_OFF",
            patient=patient,
            record=None,
            onset_at=now - ago,
            onset_sample=None,
            seen_at=now - ago,
            end_at=now - ago if ago else None,
            detail="electrode off",
            priority=Priority.MEDIUM,
        ),
        now=now,
    )


def test_it_counts_alarms_once_they_are_committed(
    patient, django_capture_on_commit_callbacks
) -> None:
    labels = {"rule": "LEAD_OFF", "priority": "medium"}
    before = counted("alarms_raised_total", late="false", **labels)
    with django_capture_on_commit_callbacks() as callbacks:
        _raise(patient)
        _raise(patient)
        assert counted("alarms_raised_total", late="false", **labels) == before
    for callback in callbacks:
        callback()
    assert counted("alarms_raised_total", late="false", **labels) == before + 1
    with django_capture_on_commit_callbacks(execute=True):
        _raise(patient, ago=timedelta(hours=2))
    assert counted("alarms_raised_total", late="true", **labels) >= 1


def test_it_counts_mails_by_what_came_of_them(patient, mail_server, settings) -> None:
    now = timezone.now()
    Alarm.objects.create(
        patient=patient,
        rule="VT",
        priority=3,
        onset_at=now,
        detail="7 ventricular beats",
        annotator="tc",
        raised_at=now,
    )
    assert queue_mails(now=now) == 2
    before = {r: counted("mails_total", result=r) for r in ("sent", "retried")}
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    assert send_due_mails(now=now) == 0
    assert counted("mails_total", result="retried") == before["retried"] + 2
    settings.EMAIL_PORT = port
    assert send_due_mails(now=now + timedelta(minutes=2)) == 2
    assert counted("mails_total", result="sent") == before["sent"] + 2
    assert MailDelivery.objects.filter(state="sent").count() == 2


@pytest.mark.django_db(transaction=True)
async def test_it_counts_viewers_and_frames(people, sockets, writer) -> None:
    viewers, sent = counted("live_viewers"), counted("live_frames_sent_total")
    stranger = await sync_to_async(sockets)(None)
    await stranger.connect()
    assert counted("live_viewers") == viewers
    await stranger.disconnect()
    alice = await sync_to_async(sockets)(people.alice)
    received = await watching(alice, [people.patient])
    assert counted("live_viewers") == viewers + 1
    for _ in range(5):
        writer.packet()
    await received.until(lambda r: len(r.samples) >= 250)
    assert counted("live_frames_sent_total") == sent + 5
    await alice.disconnect()
    assert counted("live_viewers") == viewers
