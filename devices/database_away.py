"""Tell a database that is away from a mistake of ours, and say so once."""

import logging
import time
from threading import Lock

import psycopg
from django.db import InterfaceError, OperationalError

from devices.metrics import SERVER_AWAY

logger = logging.getLogger(__name__)

RETRY_S = 5
# While it is away every page fails: one line a minute says it as well as all of them.
SAID_EVERY_S = 60.0
# No connection, no resources (connections, disk), shutting down or starting up.
_AWAY_STATES = ("08", "53", "57P")


def is_away(error: BaseException | None) -> bool:
    """Tell whether PostgreSQL cannot be asked at all just now.

    A deadlock or a statement that took too long is an ``OperationalError`` too, and
    says nothing of the next request.
    """
    if isinstance(error, OperationalError | InterfaceError):
        error = error.__cause__ or error
    elif not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    state: str | None = getattr(error, "sqlstate", None)
    return state is None or state.startswith(_AWAY_STATES)


class _Said:
    """When it was last said that the database is away, and how often since."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._said_at: float | None = None
        self._unsaid = 0

    def note(self, error: BaseException, *, now_s: float) -> None:
        with self._lock:
            since = self._said_at
            if since is not None and now_s - since < SAID_EVERY_S:
                self._unsaid += 1
                return
            self._said_at, unsaid, self._unsaid = now_s, self._unsaid, 0
        words = " ".join(str(error).split())
        more = f" ({unsaid} more since it was last said)" if unsaid else ""
        logger.error("The database is away%s: %s", more, words)


_said = _Said()


def note_away(error: BaseException) -> None:
    """Count somebody who was turned away; log it, at most once a minute."""
    SERVER_AWAY.labels("postgresql").inc()
    _said.note(error, now_s=time.monotonic())
