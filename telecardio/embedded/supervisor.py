"""Run both servers for as long as somebody owns them."""

import collections
import contextlib
import logging
import os
import select
import signal
import time
from types import FrameType

from telecardio.embedded import locks, logs, owners
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

logger = logging.getLogger(__name__)


class Supervisor:
    """Starts, watches, restarts and stops the servers of one folder."""

    def __init__(self, folders: Folders, *, until_orphaned: bool) -> None:
        self.folders = folders
        self.until_orphaned = until_orphaned
        self.me = str(Process.of(os.getpid()))
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
            logger.error("%s", error)
            # The folder itself may be what has gone.
            with contextlib.suppress(OSError):
                self.folders.failure.write_text(str(error))
            return 1
        finally:
            self._withdraw()
            for server in self.servers:
                server.stop()
            logger.info("stopped")
        return 0

    def _start(self) -> None:
        """Start what does not run and say when both servers answer."""
        for server in self.servers:
            server.start()
        deadline = time.monotonic() + LONGEST_START_S
        for server in self.servers:
            while not server.answers():
                if self.stopping:
                    return
                if server.process() is None:
                    self._count_death(server)
                    server.start()
                if time.monotonic() > deadline:
                    raise EmbeddedError(
                        f"{server.name} does not answer; its log is {server.log}."
                    )
                self._sleep(0.05)
            logger.info("%s runs: %s", server.name, server.process())
        self.postgres.create_database()
        self.folders.ready.write_text(self.me)

    def _watch(self) -> None:
        """Restart what died; return when the work is over."""
        orphaned_at: float | None = None
        while not self.stopping:
            self._sleep(POLL_S)
            self._revive()
            for server in self.servers:
                logs.rotate(server.log)
            if not self.until_orphaned or owners.living(self.folders):
                orphaned_at = None
                continue
            orphaned_at = orphaned_at or time.monotonic()
            if time.monotonic() - orphaned_at < GRACE_S:
                continue
            # First say that nothing is ready, then look once more: an owner who
            # came in between sees that, or is seen here.
            self._withdraw()
            if not owners.living(self.folders):
                logger.info("no owner is left")
                return
            self.folders.ready.write_text(self.me)

    def _revive(self) -> None:
        lost = [server for server in self.servers if not _is_reachable(server)]
        if not lost or self.stopping:
            return
        self._withdraw()
        for server in lost:
            self._count_death(server)
            # It may live with its socket removed by a cleaner of old files.
            if server.process() is not None:
                server.stop()
        self._start()

    def _count_death(self, server: Server) -> None:
        now = time.monotonic()
        self.restarts.append(now)
        while self.restarts[0] < now - RESTART_SPAN_S:
            self.restarts.popleft()
        logger.warning("%s died (%d within a minute)", server.name, len(self.restarts))
        if len(self.restarts) > MOST_RESTARTS:
            raise EmbeddedError(
                f"{server.name} dies again and again; its log is {server.log}."
            )
        time.sleep(0.1 * len(self.restarts))

    def _withdraw(self) -> None:
        """Take back our word that both servers answer, but nobody else's."""
        with contextlib.suppress(FileNotFoundError):
            if self.folders.ready.read_text() == self.me:
                self.folders.ready.unlink()

    def _handle_signals(self) -> None:
        for end in (self.wakes, self.wake):
            os.set_blocking(end, False)
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
    logging.basicConfig(level="INFO", format="%(asctime)s [%(process)d] %(message)s")
    os.umask(0o077)
    folders.prepare()
    descriptor = locks.acquire(folders.supervisor_lock)
    if descriptor is None:
        if detached:
            return 0
        raise EmbeddedError(f"A supervisor of {folders.var} runs already.")
    if detached and os.fork() > 0:
        # The starter waits for us only: it sees the lock held and leaves no zombie.
        os._exit(0)
    locks.sign(descriptor)
    return Supervisor(folders, until_orphaned=detached).run()


def _is_reachable(server: Server) -> bool:
    return server.process() is not None and server.socket.exists()
