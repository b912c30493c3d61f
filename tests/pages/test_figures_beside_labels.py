"""Beside every label stands how often the model card says such labels are right."""

import json
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from devices.models import Assignment
from inference.label_figures import released_figures
from inference.mail_message import alarm_message, digest_message
from inference.models import Alarm, Episode, MailDelivery
from patients.models import Patient, User
from tests.pages.recorded import recorded

V = released_figures().beat_words("V")
VT = released_figures().episode_words("VT")


@pytest.fixture
def alarm(assignment: Assignment) -> Alarm:
    now = timezone.now()
    record = recorded(assignment, end_at=now)
    episode = Episode.objects.create(
        record=record,
        patient=record.patient,
        annotator="tc-test",
        label=Episode.Label.VT,
        onset_sample=250,
        onset_at=now,
        detail="7 ventricular beats at 168/min",
    )
    return Alarm.objects.create(
        patient=record.patient,
        record=record,
        episode=episode,
        rule="VT",
        priority=Alarm.Priority.HIGH,
        onset_at=now,
        detail=episode.detail,
        annotator="tc-test",
        raised_at=now,
    )


def test_it_stands_on_the_wall(client: Client, alice: User, patient: Patient) -> None:
    client.force_login(alice)
    response = client.get("/wall/")
    assert released_figures().legend() in response.content.decode()
    assert response.context["wall_data"]["figures"][2] == V


def test_it_stands_on_the_patient_page(
    client: Client, alice: User, patient: Patient, alarm: Alarm
) -> None:
    client.force_login(alice)
    page = client.get(f"/patients/{patient.pk}/").content.decode()
    assert released_figures().legend() in page
    assert f"How sure:</span> {VT}" in page or f"How sure: {VT}." in page
    assert f'<td title="{VT}">ventricular tachycardia</td>' in page
    assert f"<b>ventricular tachycardia</b>: {VT}" in page
    data = page.partition('id="live-data" type="application/json">')[2]
    assert json.loads(data.partition("</script>")[0])["figures"][2] == V


def test_it_stands_in_mails(alarm: Alarm) -> None:
    now: datetime = timezone.now()
    delivery = MailDelivery(
        alarm=alarm,
        address="alice@example.org",
        message_id="<a@example.org>",
        queued_at=now,
        next_try_at=now + timedelta(0),
    )
    for message in (alarm_message(delivery), digest_message([delivery, delivery])):
        html = next(str(part.content) for part in message.alternatives)
        for text in (str(message.body), html):
            assert f"{VT}." in text
