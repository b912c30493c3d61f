"""Lock files that the kernel frees when their holders end, however they end."""

import fcntl
import os
import time
from pathlib import Path

from telecardio.embedded.processes import Process


def acquire(path: Path, *, wait_s: float = 0.5) -> int | None:
    """Take the lock and return its descriptor, or None if it stays taken.

    The default wait outlasts a ``holder`` call of another process, which takes
    the lock for an instant to see whether it is free.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(0.01)
        else:
            os.ftruncate(descriptor, 0)
            return descriptor


def sign(descriptor: int) -> None:
    """Write this process into a lock it holds."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(Process.of(os.getpid())).encode(), 0)


def is_held(path: Path) -> bool:
    """Tell whether any process holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def holder(path: Path) -> Process | None:
    """Return the living process that signed the lock and holds it."""
    if not is_held(path):
        return None
    process = Process.parse(path.read_text())
    return process if process is not None and process.is_alive() else None
