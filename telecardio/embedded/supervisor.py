"""Run both servers for as long as somebody owns them."""

import collections
import os
import select
import signal
import sys
import time
from types import FrameType

from telecardio.embedded import locks, owners
from telecardio.embedded.folders import EmbeddedError, Folders
from telecardio.embedded.postgres import Postgres
from telecardio.embedded.processes import Process
from telecardio.embedded.redis_server import Redis
from telecardio.embedded.server import Server

POLL_S = 1.0
GRACE_S = 4.0
# A server that dies oftener than this is broken, not unlucky.
MOST_RESTARTS = 5
RESTART_SPAN_S = 60.0
# Crash recovery of a large database takes its time.
LONGEST_START_S = 600.0


class Supervisor:
    """Starts, watches, restarts and stops the servers of one folder."""

    def __init__(self, folders: Folders, *, until_orphaned: bool) -> None:
        self.folders = folders
        self.until_orphaned = until_orphaned
        self.postgres = Postgres(folders)
        self.servers: list[Server] = [self.postgres, Redis(folders)]
        self.restarts: collections.deque[float] = collections.deque()
        self.stopping = False
        self.wakes, self.wake = os.pipe()

    def run(self) -> int:
        """Run until told to stop or, if so asked, until no owner lives."""
        self._handle_signals()
        self.folders.failure.unlink(missing_ok=True)
        self.folders.ready.unlink(missing_ok=True)
        try:
            self._start()
            self._watch()
        except (EmbeddedError, OSError) as error:
            self.folders.failure.write_text(str(error))
            say(str(error))
            return 1
        finally:
            self.folders.ready.unlink(missing_ok=True)
            for server in self.servers:
                server.stop()
            say("stopped")
        return 0

    def _start(self) -> None:
        for server in self.servers:
            server.start()
        deadline = time.monotonic() + LONGEST_START_S
        for server in self.servers:
            while not self.stopping and not server.answers():
                if server.process() is None or time.monotonic() > deadline:
                    self._count_restart(server)
                    server.start()
                self._sleep(0.05)
        if self.stopping:
            return
        self.postgres.create_database()
        self.folders.ready.write_text(str(Process.of(os.getpid())))
        for server in self.servers:
            say(f"{server.name} runs: {server.process()}")

    def _watch(self) -> None:
        orphaned_at: float | None = None
        while not self.stopping:
            self._sleep(POLL_S)
            dead = [server for server in self.servers if server.process() is None]
            if dead and not self.stopping:
                self.folders.ready.unlink(missing_ok=True)
                for server in dead:
                    self._count_restart(server)
                self._start()
            if not self.until_orphaned or owners.living(self.folders):
                orphaned_at = None
                continue
            orphaned_at = orphaned_at or time.monotonic()
            if time.monotonic() - orphaned_at >= GRACE_S:
                # First say that nothing is ready, then look once more: an owner
                # who came in between sees one or is seen by the other.
                self.folders.ready.unlink(missing_ok=True)
                if not owners.living(self.folders):
                    say("no owner left")
                    return
                self.folders.ready.write_text(str(Process.of(os.getpid())))

    def _count_restart(self, server: Server) -> None:
        now = time.monotonic()
        self.restarts.append(now)
        while self.restarts[0] < now - RESTART_SPAN_S:
            self.restarts.popleft()
        say(f"{server.name} died ({len(self.restarts)} in the last minute)")
        if len(self.restarts) > MOST_RESTARTS:
            raise EmbeddedError(
                f"{server.name} dies again and again; its last words are in "
                f"{server.log}."
            )
        time.sleep(0.1 * len(self.restarts))

    def _handle_signals(self) -> None:
        os.set_blocking(self.wake, False)
        os.set_blocking(self.wakes, False)
        signal.set_wakeup_fd(self.wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        # A child that ends wakes the loop.
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _sleep(self, seconds: float) -> None:
        if select.select([self.wakes], [], [], seconds)[0]:
            os.read(self.wakes, 512)


def supervise(folders: Folders, *, detached: bool) -> int:
    """Run the supervisor unless one runs; detached, return once it holds the lock."""
    folders.prepare()
    descriptor = locks.acquire(folders.supervisor_lock)
    if descriptor is None:
        if not detached:
            say("A supervisor runs already.")
        return 0 if detached else 1
    if detached and os.fork() > 0:
        # The starter waits for us only: it sees the lock held and leaves no zombie.
        os._exit(0)
    locks.sign(descriptor)
    return Supervisor(folders, until_orphaned=detached).run()


def say(words: str) -> None:
    """Write a line to the supervisor's log."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    print(f"{stamp} UTC [{os.getpid()}] {words}", file=sys.stderr, flush=True)
