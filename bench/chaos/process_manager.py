"""What systemd or Compose does for the platform, and nothing more.

A service whose main process has ended, however it did, is started again a second
later; before that, what was left of it is killed, as a container or a control group
is. Nobody looks into a service that runs.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.ingest.processor_time import descendants
from telecardio.embedded.processes import Process
from telecardio.processes import ROOT

RESTART_S = 1.0
STOP_S = 15.0


def send_signal(pid: int, number: int) -> bool:
    """Send a signal; False if the process has ended, whether waited for or not."""
    if Process.of(pid) is None:
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


@dataclass
class Service:
    """One process of the platform with all below it, and how it has ended so far."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    log: Path
    child: subprocess.Popen[bytes] | None = None
    starts: int = 0
    killed: int = 0
    # Ended politely: seconds it took, and the status.
    stopped: list[tuple[float, int]] = field(default_factory=list)
    # Ended although nobody had asked it to: the status and the end of the log, and when
    # (monotonic).
    ended: list[str] = field(default_factory=list)
    ended_at_s: list[float] = field(default_factory=list)
    start_at: float = 0.0
    _told: str = ""
    _told_at: float = 0.0

    @property
    def pid(self) -> int | None:
        """The main process, if it runs."""
        if self.child is None or self.child.poll() is not None:
            return None
        return self.child.pid

    def pids(self) -> list[int]:
        """Return the main process and all below it."""
        root = self.pid
        return [] if root is None else descendants({self.name: root})[self.name]

    def start(self) -> None:
        """Start it, with its log appended."""
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.starts += 1
        self._told = ""

    def kill(self, pid: int) -> bool:
        """Kill the main process or one below it; False if it is gone already."""
        is_main = pid == self.pid
        if not send_signal(pid, signal.SIGKILL):
            return False
        if is_main:
            self._told = "kill"
            self.killed += 1
        return True

    def terminate(self) -> bool:
        """Ask the main process to end; False if it is ending or has ended already."""
        if self._told or self.child is None or self.pid is None:
            return False
        self._told, self._told_at = "stop", time.monotonic()
        self.child.terminate()
        return True

    def look(self, now: float) -> None:
        """Note that it ended, and start it again when it is time."""
        if self.child is None:
            if now >= self.start_at:
                self.start()
            return
        status = self.child.poll()
        if status is None:
            if self._told == "stop" and now > self._told_at + STOP_S:
                self._told = ""
                self.stopped.append((now - self._told_at, -signal.SIGKILL))
                self.kill(self.child.pid)
            return
        if self._told == "stop":
            self.stopped.append((now - self._told_at, status))
        elif not self._told:
            self.ended.append(f"status {status}: {self._last_words()}")
            self.ended_at_s.append(now)
        self.clear()
        self.start_at = now + RESTART_S

    def clear(self) -> None:
        """Kill what is left of it."""
        if self.child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
        self.child, self._told = None, ""

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-12:])[-1500:]


class ProcessManager:
    """Keeps services running until they are stopped."""

    def __init__(self) -> None:
        self.services: dict[str, Service] = {}

    def add(self, service: Service) -> None:
        """Start one more service."""
        self.services[service.name] = service
        service.start()

    def look(self) -> None:
        """Do what there is to do now; to be called often."""
        now = time.monotonic()
        for service in self.services.values():
            service.look(now)

    def wait(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Keep looking for so long, or until something holds; tell whether it does."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.look()
            if until():
                return True
            time.sleep(0.05)
        return until()

    def stop(self, names: list[str]) -> None:
        """Stop services for good, politely; those that do not listen are killed."""
        asked = [self.services[name] for name in names]
        for service in asked:
            service.terminate()
        deadline = time.monotonic() + STOP_S
        for service in asked:
            while service.pid is not None and time.monotonic() < deadline:
                time.sleep(0.05)
            service.look(time.monotonic())
            service.clear()
            del self.services[service.name]
