"""Several workers, and workers that are killed, find each beat exactly once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from devices.models import Assignment, Device, Record
from devices.services import assign_device
from inference.asking import ask
from inference.models import AnalysisState
from inference.services.claims import CLAIM
from patients.models import Patient
from telecardio.processes import commands
from tests.inference.uploading import (
    assert_settled,
    packets_of,
    settle,
    signal_of,
    upload,
)

SECONDS = 400
# Small lots, so that a worker is killed between and within many of them.
WORKER = """
import django; django.setup()
from django.utils import timezone
from inference.services import work
from inference.services.analysis import analyse_pending
work.LOT_S = dict.fromkeys(work.LOT_S, 5)
print("ready", flush=True)
while True:
    analyse_pending(now=timezone.now())
"""


def _environment() -> dict[str, str]:
    """Let a process work on the test database."""
    url = urlsplit(settings.DATABASE_URL)
    name = f"/{connection.settings_dict['NAME']}"
    return os.environ | {
        "DATABASE_URL": urlunsplit(url._replace(path=name)),
        "REDIS_URL": settings.REDIS_URL,
        "REDIS_PREFIX": settings.REDIS_PREFIX,
        "DJANGO_SETTINGS_MODULE": "telecardio.settings",
    }


def _worker() -> subprocess.Popen[str]:
    """Start a process that analyses the test database for ever."""
    return subprocess.Popen(
        [sys.executable, "-c", WORKER],
        env=_environment(),
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )


def _wait_until_ready(workers: list[subprocess.Popen[str]]) -> None:
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"


@pytest.fixture
def workers() -> Iterator[list[subprocess.Popen[str]]]:
    """Collect the workers a test starts, and leave none behind."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for worker in started:
        worker.kill()
        worker.wait()


def _wait_for_progress(beyond: int) -> int:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        done = sum(AnalysisState.objects.values_list("cursor_sample", flat=True))
        if done > beyond:
            return done
        time.sleep(0.01)
    raise AssertionError("The workers make no progress.")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_it_finds_each_beat_once_with_two_workers_that_are_killed(
    assignment: Assignment,
    other_patient: Patient,
    ecg_data: Path,
    workers: list[subprocess.Popen[str]],
) -> None:
    now = timezone.now()
    other = Device.objects.create(serial="TC-0002")
    since = now - timedelta(days=1)
    assign_device(device=other, patient=other_patient, start_at=since)
    sent: dict[int, np.ndarray] = {}
    for device, name in ((assignment.device, "208"), (other, "205")):
        adu = signal_of(ecg_data, name, start_s=0, seconds=SECONDS)
        start_at = now - timedelta(seconds=SECONDS)
        upload(device, packets_of(adu, packet_s=5, start_at=start_at), received_at=now)
        sent[device.pk] = adu

    workers += [_worker(), _worker()]
    _wait_until_ready(workers)
    done = 0
    for worker in workers:
        done = _wait_for_progress(done)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert done < sum(len(adu) for adu in sent.values())

    # Started again later, when the claims of the dead have run out.
    for record in Record.objects.all():
        settle(record, now=timezone.now() + CLAIM)
        assert_settled(record, sent[record.device_id])


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_ends_leaves_the_states_it_remembers(
    assignment: Assignment,
    ecg_data: Path,
    workers: list[subprocess.Popen[str]],
) -> None:
    now = timezone.now()
    adu = signal_of(ecg_data, "208", start_s=0, seconds=20)
    start_at = now - timedelta(seconds=20)
    upload(
        assignment.device,
        packets_of(adu, packet_s=2, start_at=start_at),
        received_at=now,
    )
    lines = commands(host="127.0.0.1", web_port=0, ingest_port=0)
    worker = subprocess.Popen(
        lines["worker"], env=_environment(), cwd=settings.BASE_DIR, text=True
    )
    workers.append(worker)
    deadline = time.monotonic() + 60
    while not sum(AnalysisState.objects.values_list("cursor_sample", flat=True)):
        assert time.monotonic() < deadline
        ask("live")
        time.sleep(0.1)
    worker.terminate()
    assert worker.wait(30) == 0
    row = AnalysisState.objects.get()
    assert row.state_sample == row.cursor_sample == 20 * 250
