"""Devices and patients of the local installation for the simulator."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from devices.models import Assignment, Device
from devices.services import assign_device, rotate_token
from patients.models import CareTeamMember, Patient, User, Ward

WARD = "Simulation"
# A run in real time begins a moment after its devices were enrolled.
EARLIER = timedelta(minutes=1)


class EnrolError(ValueError):
    """The local installation does not let the simulator use a device."""


@transaction.atomic
def enrol_simulated_devices(
    count: int, *, since: datetime, doctor: User | None = None
) -> list[tuple[str, str]]:
    """Make or find ``SIM-0001`` and so on, each worn by a patient of its own.

    Every device gets a new token (the old ones expire in a day) and is worn from
    ``since`` at the latest. ``doctor`` treats the patients. Returns (serial, token).
    """
    ward, _created = Ward.objects.get_or_create(name=WARD)
    enrolled = []
    for number in range(1, count + 1):
        serial = f"SIM-{number:04d}"
        device, _created = Device.objects.get_or_create(
            serial=serial, defaults={"name": f"Simulator {number}"}
        )
        _worn(device, number, ward, since - EARLIER, doctor)
        enrolled.append((serial, rotate_token(device=device)))
    return enrolled


def _worn(
    device: Device, number: int, ward: Ward, since: datetime, doctor: User | None
) -> None:
    assignment = device.assignments.filter(end_at=None).first()
    if assignment is None:
        patient, _created = Patient.objects.get_or_create(
            code=device.serial,
            defaults={
                "first_name": "Simulated",
                "last_name": f"Patient {number}",
                "ward": ward,
            },
        )
        last = Assignment.objects.filter(device=device).first()
        if last is not None and last.end_at is not None and last.end_at > since:
            since = last.end_at
        assignment = assign_device(device=device, patient=patient, start_at=since)
    elif assignment.start_at > since:
        # Signal that is replayed faster than real time lies in the past.
        before = device.assignments.exclude(pk=assignment.pk).filter(end_at__gt=since)
        if before.exists():
            raise EnrolError(
                f"{device.serial} was worn by somebody else after {since:%H:%M:%S}: "
                "simulate fewer --seconds or wait."
            )
        Assignment.objects.filter(pk=assignment.pk).update(start_at=since)
    if doctor is not None:
        CareTeamMember.objects.get_or_create(
            patient_id=assignment.patient_id, user=doctor
        )
