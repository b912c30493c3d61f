"""Ask for work from a thread beside the request, so that no upload waits for it."""

import os
import threading
import time

from inference.asking import ask

# However many uploads there are, a process asks for a queue at most so often.
EVERY_S = 0.05


class Asker:
    """A thread that asks for the queues that were named since it last asked."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._named: set[str] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        threading.Thread(target=self._run, name="asking", daemon=True).start()

    def name(self, queue: str) -> None:
        """Have the queue asked for, soon."""
        with self._lock:
            self._named.add(queue)
        self._wake.set()

    def _run(self) -> None:
        while self._wake.wait():
            self._wake.clear()
            with self._lock:
                named, self._named = self._named, set()
            for queue in named:
                ask(queue)
            time.sleep(EVERY_S)


_lock = threading.Lock()
_asker: Asker | None = None


def ask_soon(queue: str) -> None:
    """Ask for work in the queue within a moment; the sweep finds what is lost.

    What is committed before this call is seen by the task that is asked for. A
    process that was forked has a thread of its own.
    """
    global _asker
    asker = _asker
    if asker is None or asker.pid != os.getpid():
        with _lock:
            if _asker is None or _asker.pid != os.getpid():
                _asker = Asker()
            asker = _asker
    asker.name(queue)
