"""What ended is started again, and it is known who ended it."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.chaos.process_manager import ProcessManager, Service
from telecardio.embedded.processes import Process

SLEEPS = "import time; time.sleep(60)"
# Says that it listens to SIGTERM, and then has a child.
LISTENS = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
os.fork()
print("listens", flush=True)
time.sleep(60)
"""


@pytest.fixture
def manager() -> Iterator[ProcessManager]:
    manager = ProcessManager()
    yield manager
    for service in manager.services.values():
        service.clear()


def _service(manager: ProcessManager, code: str, folder: Path) -> Service:
    manager.add(Service("one", [sys.executable, "-c", code], {}, folder / "log"))
    return manager.services["one"]


def _runs_anew(manager: ProcessManager, service: Service, before: int | None) -> bool:
    return manager.wait(10, lambda: service.pid not in (None, before))


def test_it_starts_again_what_was_killed(
    manager: ProcessManager, tmp_path: Path
) -> None:
    service = _service(manager, SLEEPS, tmp_path)
    before = service.pid
    service.kill(before)
    assert _runs_anew(manager, service, before)
    assert (service.starts, service.killed, service.ended) == (2, 1, [])


def test_it_notes_what_ended_by_itself_and_its_last_words(
    manager: ProcessManager, tmp_path: Path
) -> None:
    service = _service(manager, "raise SystemExit('out of luck')", tmp_path)
    assert manager.wait(10, lambda: bool(service.ended))
    assert service.ended == ["status 1: out of luck"]
    assert len(service.ended_at_s) == 1


def test_it_counts_no_kill_of_what_is_gone(
    manager: ProcessManager, tmp_path: Path
) -> None:
    service = _service(manager, "raise SystemExit", tmp_path)
    pid = service.child.pid
    service.child.wait()
    assert not service.kill(pid)
    manager.look()
    assert (service.killed, service.ended) == (0, ["status 0: "])


def test_it_takes_all_of_a_service_with_its_main_process(
    manager: ProcessManager, tmp_path: Path
) -> None:
    service = _service(manager, LISTENS, tmp_path)
    assert manager.wait(10, lambda: (tmp_path / "log").read_text().count("\n") == 2)
    before, below = sorted(service.pids())
    os.kill(before, signal.SIGKILL)
    assert _runs_anew(manager, service, before)
    assert Process.of(below) is None


def test_it_notes_how_a_service_stopped(
    manager: ProcessManager, tmp_path: Path
) -> None:
    service = _service(manager, LISTENS, tmp_path)
    assert manager.wait(10, lambda: (tmp_path / "log").read_text().count("\n") == 2)
    before = service.pid
    assert service.terminate()
    assert _runs_anew(manager, service, before)
    assert [status for _, status in service.stopped] == [0]
    assert service.ended == []
