"""A name is text, on every page and in every mail, whatever it says."""

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from devices.models import Assignment
from devices.services import create_file_record
from inference.mail_message import alarm_message, digest_message
from inference.models import Alarm, MailDelivery
from patients.models import Patient, User

EVIL = "</script><img src=x onerror=alert(1)>"


@pytest.fixture
def evil_patient(patient: Patient, alice: User) -> Patient:
    """Return the patient, with everything that somebody typed being markup."""
    patient.first_name = patient.last_name = EVIL
    patient.indication = patient.drugs = EVIL
    patient.code = "<b>P-1</b>"
    patient.save()
    assert patient.ward is not None
    patient.ward.name = EVIL
    patient.ward.save()
    alice.first_name = EVIL
    alice.save()
    return patient


@pytest.fixture
def alarm(evil_patient: Patient, alice: User) -> Alarm:
    """Return an alarm that alice has answered with markup."""
    return Alarm.objects.create(
        patient=evil_patient,
        rule="VT",
        priority=Alarm.Priority.HIGH,
        onset_at=timezone.now(),
        detail=EVIL,
        annotator="tc-test",
        raised_at=timezone.now(),
        acknowledged_at=timezone.now(),
        acknowledged_by=alice,
        acknowledge_reason=EVIL,
    )


def _assert_text(page: str) -> None:
    assert "<img src=x" not in page
    assert "<b>P-1" not in page


def test_it_shows_names_as_text_to_doctors(
    client: Client, alice: User, alarm: Alarm, assignment: Assignment
) -> None:
    record = create_file_record(
        uploaded_by=alice,
        patient=alarm.patient,
        name=EVIL,
        fs=250,
        leads=[EVIL],
        gain=200.0,
        baseline=0,
        started_at=timezone.now(),
        samples=np.zeros((2500, 1), np.int16),
    )
    client.force_login(alice)
    for name, args in (
        ("wall", []),
        ("patient", [alarm.patient_id]),
        ("patient-alarms", [alarm.patient_id]),
        ("alarm-history", [alarm.patient_id]),
        ("upload", []),
        ("record", [record.pk]),
    ):
        page = client.get(reverse(name, args=args))
        assert page.status_code == 200
        _assert_text(page.text)
        assert "onerror" in page.text, name


def test_it_shows_names_as_text_to_staff_and_patients(
    client: Client, staff_user: User, patient_user: User, alarm: Alarm
) -> None:
    client.force_login(staff_user)
    pk = alarm.patient_id
    for address in (
        reverse("admin:patients_patient_changelist"),
        reverse("admin:patients_patient_change", args=[pk]),
        reverse("patient", args=[pk]),
    ):
        page = client.get(address)
        assert page.status_code == 200
        _assert_text(page.text)
    client.force_login(patient_user)
    _assert_text(client.get(reverse("portal")).text)


def test_it_writes_names_as_text_in_mails(alarm: Alarm) -> None:
    delivery = MailDelivery(
        alarm=alarm, address="a@example.org", message_id="<1@example.org>"
    )
    for message in (alarm_message(delivery), digest_message([delivery])):
        _assert_text(str(message.alternatives[0][0]))


def test_it_takes_any_text_as_the_reason_of_an_acknowledgement(
    client: Client, alice: User, alarm: Alarm
) -> None:
    Alarm.objects.update(acknowledged_at=None, acknowledged_by=None)
    client.force_login(alice)
    answer = client.post(
        reverse("acknowledge", args=[alarm.pk]), {"reason": "seen\x00" + 300 * "x"}
    )
    assert answer.status_code == 302
    alarm.refresh_from_db()
    assert alarm.acknowledge_reason.startswith("seenx")
