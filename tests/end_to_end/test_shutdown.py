"""A process that is asked to end first finishes what it has begun."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import psycopg
import pytest
from django.db import connection

from bench.live.people import session_cookie
from devices.models import Record
from devices.simulator.fleet import VirtualDeviceSpec
from devices.simulator.scripts import script_source
from inference.models import AnalysisState
from patients.models import User
from telecardio.operations.counted import read_sums
from telecardio.processes import STOP_TIMEOUT_S
from tests.end_to_end.conftest import Platform

pytestmark = pytest.mark.slow

STORED = ("telecardio_packets_total", (("reason", ""), ("result", "stored")))


@contextmanager
def _locked(table: str) -> Iterator[psycopg.Connection]:
    """Let everybody wait who wants to write into the table, or to read it."""
    own = psycopg.connect(**connection.get_connection_params())
    try:
        own.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield own
    finally:
        own.close()


def _waits_for(table: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted "
            "AND relation = %s::regclass",
            [table],
        )
        return bool(cursor.fetchone()[0])


def _end(platform: Platform, name: str) -> int:
    child = platform.stack.children.pop(name)
    child.terminate()
    return child.wait(timeout=STOP_TIMEOUT_S)


class _Request(threading.Thread):
    """A request that waits for a lock, beside the test."""

    def __init__(self, *words: object, **options: object) -> None:
        super().__init__()
        self.answer: httpx.Response | None = None
        self._words, self._options = words, options

    def run(self) -> None:
        self.answer = httpx.request(*self._words, timeout=30, **self._options)

    @property
    def status(self) -> int:
        self.join()
        assert self.answer is not None
        return self.answer.status_code


def _asked_to_end_within(
    platform: Platform,
    name: str,
    table: str,
    request: _Request,
    eventually: Callable[..., None],
) -> int:
    """Ask a process to end while a request of its waits; return its exit status."""
    child = platform.stack.children.pop(name)
    with _locked(table):
        request.start()
        eventually(lambda: _waits_for(table), "the request has begun")
        child.send_signal(signal.SIGTERM)
        with pytest.raises(Exception, match="timed out"):
            child.wait(timeout=1)
    assert request.status == 200
    return child.wait(timeout=STOP_TIMEOUT_S)


def _packet(number: int) -> dict[str, object]:
    return {
        "stream": "5f0c9a1e77b24d10",
        "seq": number,
        "first_sample": 250 * number,
        "fs": 250,
        "leads": ["I"],
        "gain": 1000.0,
        "baseline": 2048,
        "samples": [2048] * 250,
        "at": datetime.now(UTC).isoformat(),
        "mono_ms": 1000 * number,
    }


def test_it_answers_what_it_has_begun_and_gives_back_what_it_holds(
    platform: Platform, eventually: Callable[..., None], settings
) -> None:
    member = platform.people.patients[0]
    # What earlier tests of this run counted stands there, too.
    settings.REDIS_PREFIX = platform.stack.environment["REDIS_PREFIX"]
    counted = read_sums().get(STORED, 0)

    upload = _Request(
        "POST",
        f"{platform.stack.ingest_url}/api/v1/packets",
        json=_packet(0),
        headers={"Authorization": f"Bearer {member.token}"},
    )
    asked = ("ingest", "devices_chunk", upload, eventually)
    assert _asked_to_end_within(platform, *asked) == 0
    assert Record.objects.get(device__serial=member.serial).end_sample == 250
    # It told what it had counted since it last reported.
    assert read_sums()[STORED] == counted + 1

    page = _Request(
        "GET",
        f"{platform.stack.web_url}/alarms/open/",
        headers={"Cookie": session_cookie(User.objects.get(email="alice@example.org"))},
    )
    asked = ("web", "inference_alarm", page, eventually)
    # uvicorn ends in order, and then by the signal that it was sent.
    assert _asked_to_end_within(platform, *asked) == -signal.SIGTERM

    platform.stack.start("ingest")
    platform.stack.wait_for(platform.stack.ingest_url, "ingest")
    second = platform.people.patients[1]
    spec = VirtualDeviceSpec(second.serial, second.token, script_source("sinus"))
    worker = platform.stack.children.pop("worker")
    with _locked("inference_beatblock"):
        assert platform.send(spec, seconds=8).nothing_lost
        held = AnalysisState.objects.exclude(claim=None)
        eventually(held.exists, "a record is claimed")
        eventually(lambda: _waits_for("inference_beatblock"), "it is being stored")
        worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=STOP_TIMEOUT_S) == 0
    assert not held.exists()
    assert AnalysisState.objects.filter(cursor_sample__gt=0).exists()

    rest = sorted(platform.stack.children)
    assert {"mail", "beat"} <= set(rest)
    assert {name: _end(platform, name) for name in rest} == dict.fromkeys(rest, 0)
