"""The processes of ingest share the connections of the devices."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from django.conf import settings

from bench.ingest.processor_time import descendants
from telecardio.processes import ROOT, commands, free_port
from tests.browser.conftest import run_database_url

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

CONNECTIONS = 64
UPLOADS = 4000


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture
def ingest(port: int, tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run ingest by its own command line."""
    line = commands(host="127.0.0.1", web_port=0, ingest_port=port)
    environment = os.environ | {
        "DATABASE_URL": run_database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "REDIS_PREFIX": settings.REDIS_PREFIX,
    }
    with (tmp_path / "log").open("wb") as log:
        ingest = subprocess.Popen(
            line["ingest"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    deadline = time.monotonic() + 60
    # Those that work, not what keeps account of them.
    while len(_listening(ingest.pid, port)) < 2:
        assert ingest.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield ingest
    ingest.terminate()
    ingest.wait(30)


def test_each_process_gets_its_part_of_many_connections(
    ingest: "subprocess.Popen[bytes]", port: int
) -> None:
    opened = [HTTPConnection("127.0.0.1", port) for _ in range(CONNECTIONS)]
    for one in opened:
        one.connect()
    for one in opened:
        assert _upload(one) == 401
    found = Counter(
        pid
        for pid in _listening(ingest.pid, port)
        for connection in _sockets(pid) & _of_port(port, state="01")
    )
    for one in opened:
        one.close()
    assert len(found) == 2
    # By chance fewer: once in a billion.
    assert min(found.values()) > CONNECTIONS // 8


def test_a_connection_does_not_stay_for_ever(
    ingest: "subprocess.Popen[bytes]", port: int
) -> None:
    one = HTTPConnection("127.0.0.1", port)
    ended = 0
    for _ in range(UPLOADS):
        assert _upload(one) == 401
        ended += one.sock is None
    one.close()
    # One in 300; none: once in half a million runs.
    assert 0 < ended < UPLOADS / 50


def test_it_does_not_share_its_port_with_another_installation(
    ingest: "subprocess.Popen[bytes]", port: int
) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "telecardio.ingest_server", "--port", str(port)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 3
    assert "address already in use" in second.stderr.lower()


def _upload(connection: HTTPConnection) -> int:
    connection.request(
        "POST", "/api/v1/packets", b"{}", {"Content-Type": "application/json"}
    )
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _listening(root: int, port: int) -> list[int]:
    """Return the processes below ``root`` that listen on the port."""
    listeners = _of_port(port, state="0A")
    below = descendants({"ingest": root})["ingest"]
    return [pid for pid in below if _sockets(pid) & listeners]


def _of_port(port: int, *, state: str) -> set[str]:
    """Return the sockets of a local port in a state, as ``/proc/net/tcp`` has them."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    return {
        f"socket:[{row[9]}]"
        for row in rows
        if row[3] == state and int(row[1].rpartition(":")[2], 16) == port
    }


def _sockets(pid: int) -> set[str]:
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.add(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    return found
