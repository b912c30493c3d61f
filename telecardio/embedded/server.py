"""What both servers share: one process, under a lock, with a log."""

import os
import signal
import subprocess
import time
from pathlib import Path

from telecardio.embedded import locks
from telecardio.embedded.folders import EmbeddedError, Folders
from telecardio.embedded.processes import Process

LARGEST_LOG_BYTES = 10_000_000


class Server:
    """A server process that outlives its supervisor and can be taken over.

    The process inherits a locked descriptor, so the kernel knows whether it (or
    a child of it) still runs: no stale pid file, no confusion with a reused id.
    """

    name: str
    # Signal to stop with, and seconds to wait for it, from kind to rude.
    stops: tuple[tuple[int, float], ...]

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self.lock = folders.run / f"{self.name}.lock"
        self.log = folders.log / f"{self.name}.log"
        self.child: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Write what the server needs before it starts."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Tell whether the server does its work."""
        raise NotImplementedError

    def process(self) -> Process | None:
        """Return the running process, whoever started it."""
        if self.child is not None and self.child.poll() is not None:
            self.child = None
        return locks.holder(self.lock)

    def start(self) -> None:
        """Start the server, or take over the one that runs."""
        if self.process() is not None:
            return
        descriptor = self._wait_for_lock()
        try:
            self.prepare()
            rotate(self.log)
            with _opened(self.log) as log:
                self.child = subprocess.Popen(
                    self.command(),
                    cwd=self.folders.run,
                    env=environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=(descriptor,),
                    start_new_session=True,
                    # The child signs before it becomes the server: there is no
                    # instant at which the lock is held and nobody knows by whom.
                    preexec_fn=lambda: locks.sign(descriptor),
                )
        finally:
            os.close(descriptor)

    def stop(self) -> None:
        """Stop the server and wait until all of its processes are gone."""
        for number, wait_s in self.stops:
            process = self.process()
            if process is not None:
                process.signal(number)
            deadline = time.monotonic() + wait_s
            while time.monotonic() < deadline:
                if self.process() is None and not locks.is_held(self.lock):
                    return
                time.sleep(0.02)

    def hurry_leftovers(self) -> None:
        """Ask what a killed server left behind to end."""

    def _wait_for_lock(self) -> int:
        for _ in range(10):
            descriptor = locks.acquire(self.lock, wait_s=2)
            if descriptor is not None:
                return descriptor
            self.hurry_leftovers()
        raise EmbeddedError(
            f"Processes of an earlier {self.name} do not end. End those that hold "
            f"{self.lock} and start again."
        )


def environment() -> dict[str, str]:
    """Return the environment for a server: no settings of ours, no PG variables."""
    kept = ("PATH", "HOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    return {**found, "LC_ALL": "C", "TZ": "UTC"}


def rotate(log: Path) -> None:
    """Move a large log aside."""
    if log.exists() and log.stat().st_size > LARGEST_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def _opened(log: Path):  # type: ignore[no-untyped-def]
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


STOP_AT_ONCE = signal.SIGKILL
