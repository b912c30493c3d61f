"""The people, patients and devices of the demonstration."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from django.db import transaction

from devices.models import Assignment, Device
from devices.services import assign_device, issue_token
from inference.models import PatientLimits
from patients.models import CareTeamMember, Patient, User, Ward

# Fast devices replay what they say was recorded earlier.
EARLIER = timedelta(days=1)
# code, first name, born, sex, indication, script of the synthetic ECG
PATIENTS = (
    ("P-001", "Alpha", 1950, "F", "palpitations", "sinus"),
    ("P-002", "Bravo", 1944, "M", "ectopy under beta blocker", "pvc"),
    ("P-003", "Charlie", 1948, "F", "syncope", "vt"),
    ("P-004", "Delta", 1939, "M", "atrial fibrillation", "af"),
    ("P-005", "Echo", 1952, "F", "dizziness", "pause"),
    ("P-006", "Foxtrot", 1947, "M", "bradycardia", "brady"),
    ("P-007", "Golf", 1956, "F", "tachycardia", "tachy"),
    ("P-008", "Hotel", 1960, "M", "after infarction", "bigeminy"),
)

SPARE = ("P-009", "India", 1955, "", "a device of your own", "")


@dataclass(frozen=True)
class DemoPatient:
    """A patient, the device they wear, its token and the rhythm it plays."""

    patient: Patient
    serial: str
    token: str
    script: str


@dataclass(frozen=True)
class DemoPeople:
    """Everybody of the demonstration; all accounts share one password."""

    password: str
    accounts: tuple[tuple[str, str], ...]
    patients: tuple[DemoPatient, ...]


def demo_password(var: Path) -> str:
    """Return this installation's demo password, made on first use."""
    path = var / "demo-password"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(9))
    return path.read_text().strip()


@transaction.atomic
def make_people(*, password: str, now: datetime) -> DemoPeople:
    """Make the accounts, 8 patients, their devices and fresh tokens; repeatable."""
    ward, _ = Ward.objects.get_or_create(name="Telemetry")
    alice = _user("alice@example.org", "Alice", User.Role.DOCTOR, password)
    bob = _user("bob@example.org", "Bob", User.Role.DOCTOR, password)
    _user("staff@example.org", "Staff", User.Role.STAFF, password, is_staff=True)
    _user("wall@example.org", "Wall", User.Role.KIOSK, password, ward=ward)
    _user("patient@example.org", "Alpha", User.Role.PATIENT, password)
    patients = tuple(
        _patient(row, ward=ward, treating=alice, reading=bob, now=now)
        for row in PATIENTS
    )
    Patient.objects.filter(code="P-001").update(
        user=User.objects.get(email="patient@example.org")
    )
    accounts = (
        ("alice@example.org", "doctor who treats all eight patients"),
        ("bob@example.org", "doctor who reads"),
        ("staff@example.org", "staff: enrolment, devices, alert rules"),
        ("patient@example.org", "patient P-001"),
        ("wall@example.org", "wall screen of the ward"),
    )
    return DemoPeople(password=password, accounts=accounts, patients=patients)


@transaction.atomic
def make_spare_device(*, now: datetime) -> str:
    """Make one more patient whose device is a real one; return its token."""
    member = _patient(
        SPARE,
        ward=Ward.objects.get(name="Telemetry"),
        treating=User.objects.get(email="alice@example.org"),
        reading=User.objects.get(email="bob@example.org"),
        now=now,
    )
    return member.token


def _user(email: str, name: str, role: str, password: str, **fields: object) -> User:
    user, _ = User.objects.update_or_create(
        email=email, defaults={"first_name": name, "role": role, **fields}
    )
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    return user


def _patient(
    row: tuple[str, str, int, str, str, str],
    *,
    ward: Ward,
    treating: User,
    reading: User,
    now: datetime,
) -> DemoPatient:
    code, first_name, born, sex, indication, script = row
    patient, _ = Patient.objects.update_or_create(
        code=code,
        defaults={
            "first_name": first_name,
            "last_name": "Demo",
            "birth_date": date(born, 3, 14),
            "sex": sex,
            "indication": indication,
            "ward": ward,
            "time_zone": "Europe/Berlin",
        },
    )
    PatientLimits.objects.get_or_create(patient=patient)
    for user, relation in ((treating, "treats"), (reading, "reads")):
        CareTeamMember.objects.update_or_create(
            patient=patient, user=user, defaults={"relation": relation}
        )
    serial = f"DEMO-{code[-3:]}"
    device, _ = Device.objects.get_or_create(
        serial=serial, defaults={"name": f"Demo device {code[-3:]}"}
    )
    if not Assignment.objects.filter(device=device, end_at=None).exists():
        assign_device(device=device, patient=patient, start_at=now - EARLIER)
    device.tokens.all().delete()
    token = issue_token(device=device)
    return DemoPatient(patient=patient, serial=serial, token=token, script=script)
