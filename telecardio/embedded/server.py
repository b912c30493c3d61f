"""What both servers share: one process, under a lock, with a log."""

import os
import subprocess
import time
from pathlib import Path

from telecardio.embedded import locks, logs
from telecardio.embedded.folders import EmbeddedError, Folders
from telecardio.embedded.processes import Process


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
        self.known: Process | None = None

    @property
    def socket(self) -> Path:
        """Where clients find the server."""
        raise NotImplementedError

    def prepare(self, held: int) -> None:
        """Write what the server needs before it starts.

        ``held`` is the locked descriptor, for programs that must not overlap.
        """
        raise NotImplementedError

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Tell whether the server does its work."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Return the environment in which the server runs."""
        return environment()

    def hurry_leftovers(self) -> None:
        """Ask what a killed server left behind to end."""

    def process(self) -> Process | None:
        """Return the running process, whoever started it."""
        if self.child is not None and self.child.poll() is not None:
            self.child = None
        if self.known is None or not self.known.is_alive():
            self.known = locks.holder(self.lock)
        return self.known

    def is_gone(self) -> bool:
        """Tell whether the server and all of its children have ended."""
        return self.process() is None and not locks.is_held(self.lock)

    def start(self) -> None:
        """Start the server, or take over the one that runs."""
        if self.process() is not None:
            return
        descriptor = self._wait_for_lock()
        try:
            self.prepare(descriptor)
            with logs.opened(self.log) as log:
                self.child = subprocess.Popen(
                    self.command(),
                    cwd=self.folders.run,
                    env=self.environment(),
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
            else:
                self.hurry_leftovers()
            deadline = time.monotonic() + wait_s
            while time.monotonic() < deadline:
                if self.is_gone():
                    return
                time.sleep(0.02)

    def _wait_for_lock(self) -> int:
        for _ in range(20):
            descriptor = locks.acquire(self.lock, wait_s=1)
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
