"""Idle connections of this process, passed on from one thread to the next.

Under ASGI Django runs every request in a thread of its own, so a connection that is
kept per thread is opened for each request: a process of the server and a proof of the
password, which is more than the request itself costs.
"""

import os
from collections import deque

import psycopg

# More are closed: so many threads at once are rare.
MOST_IDLE = 16

_Key = tuple[int, str]
_idle: dict[_Key, deque[psycopg.Connection]] = {}


def keep(connection: psycopg.Connection, key: str) -> bool:
    """Keep an idle connection for whoever asks next; False if there are enough."""
    mine = _idle.setdefault((os.getpid(), key), deque())
    if len(mine) >= MOST_IDLE:
        return False
    mine.append(connection)
    return True


def take(key: str) -> psycopg.Connection | None:
    """Return the connection that was kept last, if there is one.

    Never one of the parent's: two processes must not speak on one connection.
    """
    try:
        return _idle[os.getpid(), key].pop()
    except (KeyError, IndexError):
        return None


def close_idle() -> None:
    """Close all that are kept."""
    for (pid, _), mine in _idle.items():
        while pid == os.getpid() and mine:
            mine.pop().close()
