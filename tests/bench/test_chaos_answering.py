"""Who hangs is named, though its process has not ended."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.db import connection

from bench.chaos import answering
from bench.chaos.process_manager import ProcessManager, Service
from inference.models import LifeSign
from inference.models.life_sign import Part
from telecardio.processes import commands

STARTED_WITHIN_S = 120


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ProcessManager]:
    """Run two mail workers and two schedules, and what shows that these work."""
    manager = ProcessManager()
    url = urlsplit(settings.DATABASE_URL)
    name = f"/{connection.settings_dict['NAME']}"
    environment = {
        "DATABASE_URL": urlunsplit(url._replace(path=name)),
        "REDIS_URL": settings.REDIS_URL,
        "LOG_LEVEL": "WARNING",
    }
    lines = commands(host="127.0.0.1", web_port=0, ingest_port=0)
    for name in ("worker-1", "mail-1", "mail-2", "beat-1", "beat-2"):
        kind, _, number = name.partition("-")
        line = [word.replace("@%h", f"-{number}@%h") for word in lines[kind]]
        manager.add(Service(name, line, environment, tmp_path / f"{name}.log"))
    yield manager
    for service in manager.services.values():
        service.clear()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_it_names_the_worker_and_the_schedule_that_hang(
    manager: ProcessManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "ANSWER_S", 3.0)
    monkeypatch.setattr(answering, "DEAF_AFTER_S", 15.0)
    signs = LifeSign.objects.filter(part__in=(Part.MAIL, Part.BEAT))
    assert manager.wait(STARTED_WITHIN_S, lambda: signs.all().count() == 2)
    for name in ("mail-2", "beat-1"):
        os.kill(manager.services[name].pid, signal.SIGSTOP)
    assert answering.deaf(manager) == ["mail-2: no answer", "beat-1"]
