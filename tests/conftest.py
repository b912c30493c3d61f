"""Fixtures that every test may use."""

import os
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from redis import Redis

from devices.models import Assignment, Device
from devices.services import assign_device, issue_token
from patients.models import CareTeamMember, Patient, User, Ward
from telecardio.servers import ensure_servers

ensure_servers()

# A hash that resists guessing takes most of a second, for every person of a test.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_sessionfinish() -> None:
    """Remove this run's keys; the Redis is the checkout's, which goes on."""
    with Redis.from_url(settings.REDIS_URL) as redis:
        for key in redis.scan_iter(f"{settings.REDIS_PREFIX}*", count=1000):
            redis.delete(key)


@pytest.fixture(scope="session")
def ecg_data() -> Path:
    """Return the folder of ECG records, or report the test as not run."""
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("TELECARDIO_DATA", default))
    if not (folder / "mitdb" / "100.hea").exists():
        pytest.skip(
            f"No ECG records in {folder}: set TELECARDIO_DATA to a folder that "
            "holds mitdb (see README)."
        )
    return folder


PASSWORD = "correct horse battery"  # noqa: S105


@pytest.fixture
def closed_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Return a port that takes connections and never answers."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield silent.getsockname()[1]


@pytest.fixture
def alice(db: None) -> User:
    """Return the doctor who treats the patient."""
    return _person("alice", User.Role.DOCTOR)


@pytest.fixture
def bob(db: None) -> User:
    """Return a doctor on the care team who only reads."""
    return _person("bob", User.Role.DOCTOR)


@pytest.fixture
def charlie(db: None) -> User:
    """Return a doctor without relation to the patient."""
    return _person("charlie", User.Role.DOCTOR)


@pytest.fixture
def staff_user(db: None) -> User:
    """Return somebody who enrols patients and devices."""
    return _person("sam", User.Role.STAFF, is_staff=True)


@pytest.fixture
def patient_user(patient: Patient) -> User:
    """Return the patient's own account."""
    patient.user = _person("paula", User.Role.PATIENT)
    patient.save()
    return patient.user


@pytest.fixture
def kiosk(ward: Ward) -> User:
    """Return the wall screen of the patients' ward."""
    return _person("screen", User.Role.KIOSK, ward=ward)


@pytest.fixture
def root(db: None) -> User:
    """Return an administrator."""
    return User.objects.create_superuser("root@example.org", PASSWORD)


@pytest.fixture
def ward(db: None) -> Ward:
    """Return the ward of both patients."""
    return Ward.objects.create(name="Cardiology")


@pytest.fixture
def patient(ward: Ward, alice: User, bob: User) -> Patient:
    """Return the patient whom alice treats and bob reads."""
    patient = Patient.objects.create(
        code="P-001", first_name="Paula", last_name="Example", ward=ward
    )
    _join(patient, alice, CareTeamMember.Relation.TREATS)
    _join(patient, bob, CareTeamMember.Relation.READS)
    return patient


@pytest.fixture
def other_patient(ward: Ward, charlie: User) -> Patient:
    """Return the patient whom charlie treats."""
    patient = Patient.objects.create(
        code="P-002", first_name="Oskar", last_name="Sample", ward=ward
    )
    _join(patient, charlie, CareTeamMember.Relation.TREATS)
    return patient


@pytest.fixture
def device(db: None) -> Device:
    """Return a device that nobody wears yet."""
    return Device.objects.create(serial="TC-0001", name="Chest strap")


@pytest.fixture
def token(device: Device) -> str:
    """Return the device's token, as it is shown once."""
    return issue_token(device=device)


@pytest.fixture
def assignment(device: Device, patient: Patient) -> Assignment:
    """Let the patient wear the device since yesterday."""
    since = timezone.now() - timedelta(days=1)
    return assign_device(device=device, patient=patient, start_at=since)


def _person(name: str, role: User.Role, **fields: object) -> User:
    return User.objects.create_user(
        f"{name}@example.org",
        PASSWORD,
        first_name=name.title(),
        last_name="Test",
        role=role,
        **fields,
    )


def _join(patient: Patient, user: User, relation: CareTeamMember.Relation) -> None:
    CareTeamMember.objects.create(patient=patient, user=user, relation=relation)
