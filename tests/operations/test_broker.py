"""Celery's broker is Redis, or what CELERY_BROKER_URL says: RabbitMQ."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from inference.models import LifeSign
from inference.models.life_sign import Part
from telecardio.processes import ROOT, commands
from tests.browser.conftest import run_database_url

pytestmark = pytest.mark.slow
RABBITMQ = os.environ.get("TEST_AMQP_URL", "")
# What a process makes of its environment, and whether it gets a task published.
ASKING = """
import json, sys, time
import django; django.setup()
from celery import current_app
from django.conf import settings
from inference.asking import ask
began = time.monotonic()
asked = ask(sys.argv[1])
print(json.dumps({
    "setting": settings.CELERY_BROKER_URL,
    "celery": current_app.conf.broker_url,
    "transport": current_app.connection_for_write().transport.driver_type,
    "asked": asked,
    "took_s": time.monotonic() - began,
}))
"""


def _environment(broker: str, prefix: str) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": run_database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "REDIS_PREFIX": f"{settings.REDIS_PREFIX}{prefix}:",
        "CELERY_BROKER_URL": broker,
        "DJANGO_SETTINGS_MODULE": "telecardio.settings",
    }


def _ask(broker: str, prefix: str, queue: str = "live") -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", ASKING, queue],
        cwd=ROOT,
        env=_environment(broker, prefix),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_it_is_redis_unless_another_is_named(db: None) -> None:
    told = _ask("", "of-redis")
    assert told["setting"] == told["celery"]
    assert told["transport"] == "redis"
    assert told["asked"] is True


def test_it_is_the_one_that_is_named(db: None, closed_port: int) -> None:
    broker = f"amqp://telecardio:secret@127.0.0.1:{closed_port}//"
    told = _ask(broker, "of-nobody")
    assert told["setting"] == told["celery"] == broker
    assert told["transport"] == "amqp"
    # Who asks neither fails nor waits: the sweep finds the work.
    assert told["asked"] is False


def test_nobody_waits_long_for_a_broker_that_says_nothing(
    db: None, silent_port: int
) -> None:
    told = _ask(f"amqp://telecardio:secret@127.0.0.1:{silent_port}//", "of-silence")
    assert told["asked"] is False
    assert told["took_s"] < 5


@pytest.fixture
def worker(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run the mail worker with RabbitMQ as its broker."""
    line = commands(host="127.0.0.1", web_port=0, ingest_port=0)["mail"]
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(
            line,
            cwd=ROOT,
            env=_environment(RABBITMQ, "of-rabbitmq"),
            stdout=log,
            stderr=log,
        )
    yield worker
    worker.terminate()
    worker.wait(30)


@pytest.mark.skipif(
    not RABBITMQ,
    reason="not run: set TEST_AMQP_URL to a RabbitMQ, e.g. amqp://guest:guest@host//",
)
@pytest.mark.django_db(transaction=True)
def test_a_task_goes_through_rabbitmq(worker: "subprocess.Popen[bytes]") -> None:
    assert _ask(RABBITMQ, "of-rabbitmq", "mail")["asked"] is True
    deadline = time.monotonic() + 120
    while not LifeSign.objects.filter(part=Part.MAIL).exists():
        assert worker.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
