"""Write to the live streams: at once, or from a thread beside the requests.

The thread sends what several uploads append in one round trip, so no answer to a
device waits for Redis. What is lost with the process is in PostgreSQL.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from redis import Redis

from devices.live_entries import Fields
from devices.metrics import LIVE_DROPPED
from devices.redis_pool import redis

logger = logging.getLogger(__name__)

KEEP_S = 60
EXPIRE_S = 120
# Entries gather for so long before they are sent together.
GATHER_S = 0.01
_AT_ONCE = 200
# Beyond this Redis does not keep up, and a page is better off without the oldest.
_MOST = 5000

Appended = tuple[str, Sequence[Fields]]


def write(appended: Sequence[Appended]) -> bool:
    """Append entries to streams, by key, in one round trip; False if Redis is away."""
    oldest_ms = int((time.time() - KEEP_S) * 1000)

    def send(client: Redis) -> bool:
        pipeline = client.pipeline(transaction=False)
        command: Callable[..., object] = pipeline.execute_command
        for key, entries in appended:
            for fields in entries:
                flat = [part for pair in fields.items() for part in pair]
                # An approximate trim drops whole nodes only, which is cheap.
                command("XADD", key, "MINID", "~", f"{oldest_ms}-0", "*", *flat)
            command("EXPIRE", key, EXPIRE_S)
        pipeline.execute()
        return True

    return redis().attempt(send) is True


class LiveWriter:
    """The thread of one process; ``append`` never waits."""

    def __init__(self) -> None:
        self._waiting: list[Appended] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        threading.Thread(target=self._run, name="live writer", daemon=True).start()

    def append(self, key: str, entries: Sequence[Fields]) -> None:
        """Have entries appended to a stream within a moment, in order."""
        with self._lock:
            if len(self._waiting) >= _MOST:
                LIVE_DROPPED.inc(len(self._waiting[0][1]))
                del self._waiting[0]
            self._waiting.append((key, entries))
        self._wake.set()

    def send_waiting(self) -> None:
        """Send what waits."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for first in range(0, len(waiting), _AT_ONCE):
            write(waiting[first : first + _AT_ONCE])

    def _run(self) -> None:
        while self._wake.wait():
            time.sleep(GATHER_S)
            self._wake.clear()
            try:
                self.send_waiting()
            except Exception:
                # A thread that ends here would be missed by nobody.
                logger.exception("The live writer of this process goes on")


class _Process:
    writer: LiveWriter | None = None


def start_live_writer() -> LiveWriter:
    """Let this process append beside its requests; not to be called before a fork.

    What waits when the process ends is for the caller to send.
    """
    _Process.writer = LiveWriter()
    return _Process.writer


def append(key: str, entries: Sequence[Fields]) -> bool:
    """Append to one stream, or have it appended; False if Redis is known to be away."""
    if _Process.writer is None:
        return write([(key, entries)])
    _Process.writer.append(key, entries)
    return True
