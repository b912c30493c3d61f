"""Patients with a device each, a doctor of their own, and one alert rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.hashers import make_password

from devices.models import Assignment
from devices.simulator.enrol import enrol_simulated_devices
from inference.models import AlarmRule, AlertRule
from patients.models import CareTeamMember, User


@dataclass(frozen=True)
class Worn:
    """A device, its token, and who is mailed about its patient."""

    serial: str
    token: str
    doctor: str


def enrol(count: int, *, since: datetime) -> list[Worn]:
    """Make so many patients; every VT of theirs is to be mailed.

    A doctor gets six mails an hour, then digests. So each treats one patient, and
    hears of nothing else.
    """
    tokens = enrol_simulated_devices(count, since=since)
    AlertRule.objects.update(active=False)
    AlertRule.objects.create(
        name="Every VT",
        rules=[AlarmRule.VT],
        recipients=AlertRule.Recipients.CARE_TEAM,
        dedupe_min=0,
    )
    patients = dict(
        Assignment.objects.filter(end_at=None).values_list(
            "device__serial", "patient_id"
        )
    )
    worn = []
    for serial, token in tokens:
        doctor = User.objects.create(
            email=f"doctor-of-{serial.lower()}@example.org",
            first_name="Doctor",
            last_name=serial,
            role=User.Role.DOCTOR,
            password=make_password(None),
        )
        CareTeamMember.objects.create(patient_id=patients[serial], user=doctor)
        worn.append(Worn(serial, token, doctor.email))
    return worn
