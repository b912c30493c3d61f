"""The patients, their devices, and the doctors who treat and watch them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password

from bench.live.plan import ViewerPlan
from devices.models import Assignment
from devices.simulator.enrol import enrol_simulated_devices
from patients.models import CareTeamMember, User

# As many patients as one doctor treats, and one page of the wall shows.
PATIENTS_PER_DOCTOR = 16


@dataclass(frozen=True)
class Worn:
    """A patient and the token of the device they wear."""

    patient: int
    serial: str
    token: str


def enrol(count: int, *, since: datetime) -> list[Worn]:
    """Make so many patients, each with a device that is worn since then."""
    enrolled = enrol_simulated_devices(count, since=since)
    worn = Assignment.objects.filter(end_at=None)
    patients = dict(worn.values_list("device__serial", "patient_id"))
    return [Worn(patients[serial], serial, token) for serial, token in enrolled]


def make_viewers(worn: Sequence[Worn], *, viewers: int) -> list[ViewerPlan]:
    """Give every patient a doctor, and sign so many doctors in to watch theirs.

    Where there are more viewers than doctors, several watch the same patients. The
    sessions are made here: signing in is not what is measured.
    """
    per_doctor = [
        worn[first : first + PATIENTS_PER_DOCTOR]
        for first in range(0, len(worn), PATIENTS_PER_DOCTOR)
    ]
    nobody_signs_in = make_password(None)
    doctors = User.objects.bulk_create(
        User(
            email=f"doctor-{number}@example.org",
            first_name="Doctor",
            last_name=str(number),
            role=User.Role.DOCTOR,
            password=nobody_signs_in,
        )
        for number in range(max(viewers, len(per_doctor)))
    )
    shown = [per_doctor[number % len(per_doctor)] for number in range(len(doctors))]
    CareTeamMember.objects.bulk_create(
        CareTeamMember(patient_id=one.patient, user=doctor)
        for doctor, theirs in zip(doctors, shown, strict=True)
        for one in theirs
    )
    return [
        ViewerPlan(session_cookie(doctor), [one.patient for one in theirs])
        for doctor, theirs in zip(doctors[:viewers], shown, strict=False)
    ]


def session_cookie(user: User) -> str:
    """Sign somebody in; return the cookie."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
