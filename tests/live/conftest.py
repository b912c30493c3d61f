"""People, a patient and a real live stream."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from asgiref.sync import SyncToAsync
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import connections
from django.test import Client

from devices.live import SignalEntry, append_signal
from patients.models import Patient, User
from telecardio.asgi import application

FS = 250


@pytest.fixture(scope="session", autouse=True)
def closed_connections(django_db_setup: None) -> Iterator[None]:
    """Close the connection of the consumers' thread, or the database stays in use."""
    yield
    SyncToAsync.single_thread_executor.submit(connections.close_all).result()


@dataclass
class People:
    """alice treats, bob reads, charlie is a clinician without relation."""

    alice: User
    bob: User
    charlie: User
    patient: Patient
    other: Patient


@pytest.fixture
def people(
    transactional_db: None,
    alice: User,
    bob: User,
    charlie: User,
    patient: Patient,
    other_patient: Patient,
) -> People:
    return People(alice, bob, charlie, patient, other_patient)


@pytest.fixture
def sockets() -> Callable[[User | None], WebsocketCommunicator]:
    """Open a socket as a signed-in browser does, by its session cookie."""

    def open_as(user: User | None) -> WebsocketCommunicator:
        headers = [(b"origin", b"http://testserver"), (b"host", b"testserver")]
        if user is not None:
            client = Client()
            client.force_login(user)
            session = client.cookies[settings.SESSION_COOKIE_NAME].value
            cookie = f"{settings.SESSION_COOKIE_NAME}={session}"
            headers.append((b"cookie", cookie.encode()))
        return WebsocketCommunicator(application, "/ws/live/", headers=headers)

    return open_as


class Writer:
    """Appends packets of a counting signal to a patient's live stream."""

    def __init__(self, patient: Patient) -> None:
        self.patient = patient
        self.seq = 0

    def packet(self, n: int = 50) -> None:
        """Append the next packet."""
        first = self.seq * n
        now_ms = round(time.time() * 1000)
        entry = SignalEntry(
            record=7,
            seq=self.seq,
            first_sample=first,
            fs=FS,
            leads=1,
            gain=200.0,
            baseline=1024,
            at_ms=now_ms - 200,
            received_at_ms=now_ms,
            data=np.arange(first, first + n, dtype="<i2").tobytes(),
        )
        self.seq += 1
        assert append_signal(live_key=self.patient.live_key, entries=[entry])


@pytest.fixture
def writer(people: People) -> Writer:
    return Writer(people.patient)
