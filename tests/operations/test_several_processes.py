"""What ingest, a worker and web count is read at any of them, whoever ended."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from celery import current_app
from django.conf import settings
from django.db import connections
from django.utils import timezone

from inference.models import LifeSign
from telecardio.processes import ROOT, commands, free_port
from tests.browser.conftest import run_database_url
from tests.devices.conftest import packet
from tests.operations.test_metrics import TOKEN, WITH_TOKEN, grown, samples

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


class Processes:
    """Some of the platform's processes, on the database of this run."""

    def __init__(self, folder: Path) -> None:
        self.web_port, self.ingest_port = free_port(), free_port()
        self.lines = commands(
            host="127.0.0.1",
            web_port=self.web_port,
            ingest_port=self.ingest_port,
        )
        self.log = (folder / "log").open("wb")
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        environment = os.environ | {
            "DATABASE_URL": run_database_url(),
            "REDIS_URL": settings.REDIS_URL,
            "REDIS_PREFIX": settings.REDIS_PREFIX,
            "METRICS_TOKEN": TOKEN,
            "TELECARDIO_LOG_FORMAT": "json",
        }
        self.children[name] = subprocess.Popen(
            self.lines[name],
            cwd=ROOT,
            env=environment,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )

    def stop(self) -> None:
        for child in self.children.values():
            child.terminate()
        for child in self.children.values():
            child.wait(30)

    def url(self, name: str) -> str:
        port = self.web_port if name == "web" else self.ingest_port
        return f"http://127.0.0.1:{port}"

    def scrape(self, name: str = "web") -> dict[str, float]:
        response = httpx.get(f"{self.url(name)}/metrics", headers=WITH_TOKEN)
        assert response.status_code == 200
        return samples(response.text)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(tmp_path)
    for name in ("web", "ingest", "worker"):
        processes.start(name)
    try:
        for name in ("web", "ingest"):
            _until(partial(_answers, f"{processes.url(name)}/readyz"))
        yield processes
    finally:
        processes.stop()
        connections.close_all()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _until(holds, wait_s: float = 60) -> None:
    deadline = time.monotonic() + wait_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_it_counts_what_any_process_did(
    processes: Processes, assignment, token
) -> None:
    before = processes.scrape()
    given = {"Authorization": f"Bearer {token}"}
    for seq in range(40):
        # A connection each, so that both processes of ingest get some.
        url = f"{processes.url('ingest')}/api/v1/packets"
        response = httpx.post(url, json=packet(seq), headers=given)
        assert response.status_code == 200
    current_app.send_task("inference.tasks.analyse_live", queue="live")
    stored = "telecardio_packets_total{reason=,result=stored}"
    analysed = "telecardio_analysed_seconds_total{queue=live}"
    _until(lambda: grown(before, processes.scrape()).get(stored, 0) == 40)
    _until(lambda: grown(before, processes.scrape()).get(analysed, 0) >= 35)
    assert processes.scrape("ingest")[stored] == processes.scrape()[stored]
    _until(lambda: LifeSign.objects.filter(part="ingest").exists())
    age = timezone.now() - LifeSign.objects.get(part="ingest").at
    assert age.total_seconds() < 30

    # A process that is killed takes nothing back, and its successor goes on.
    os.killpg(processes.children["ingest"].pid, signal.SIGKILL)
    processes.children["ingest"].wait()
    assert grown(before, processes.scrape())[stored] == 40
    processes.start("ingest")
    _until(partial(_answers, f"{processes.url('ingest')}/readyz"))
    url = f"{processes.url('ingest')}/api/v1/packets"
    assert httpx.post(url, json=packet(40), headers=given).status_code == 200
    _until(lambda: grown(before, processes.scrape()).get(stored, 0) == 41)
