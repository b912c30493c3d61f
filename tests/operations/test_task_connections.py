"""The tasks of a worker share a connection to PostgreSQL, until it is lost."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from inference.asking import ask
from inference.models import LifeSign
from inference.models.life_sign import Part
from telecardio.processes import ROOT, commands
from tests.browser.conftest import run_database_url

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

NAME = "task connections"


@pytest.fixture
def worker(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the mail worker; the server knows its connections by their name."""
    address = run_database_url()
    named = f"{'&' if '?' in address else '?'}application_name={NAME}"
    environment = os.environ | {
        "DATABASE_URL": address + named,
        "REDIS_URL": settings.REDIS_URL,
        "REDIS_PREFIX": settings.REDIS_PREFIX,
        "DJANGO_SETTINGS_MODULE": "telecardio.settings",
    }
    line = commands(host="127.0.0.1", web_port=0, ingest_port=0)["mail"]
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(
            line, cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    yield worker
    worker.terminate()
    worker.wait(30)


def test_a_worker_keeps_its_connection_and_replaces_a_lost_one(
    worker: "subprocess.Popen[bytes]",
) -> None:
    first = _backends_of_a_task(worker)
    for _ in range(3):
        assert _backends_of_a_task(worker) == first
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [max(first)])
    second = _backends_of_a_task(worker)
    assert len(second) == len(first) == 1
    assert second != first


def _backends_of_a_task(worker: "subprocess.Popen[bytes]") -> set[int]:
    """Have a task done; return the server's processes behind the worker after it."""
    LifeSign.objects.filter(part=Part.MAIL).delete()
    assert ask("mail")
    _wait(worker, LifeSign.objects.filter(part=Part.MAIL).exists)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = %s", [NAME]
        )
        return {pid for (pid,) in cursor.fetchall()}


def _wait(worker: "subprocess.Popen[bytes]", done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not done():
        assert worker.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
