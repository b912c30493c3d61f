"""Work in a thread that keeps a database connection of its own."""

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connection

Result = TypeVar("Result")

# A server that does not answer costs whoever tries it some seconds. Those who wait
# behind are told at once, for so long.
_REST_S = 1.0


class _Rest:
    until_s = 0.0


def connected(work: Callable[..., Result], *given: object) -> Result:
    """Run in a thread that keeps its connection; open another if that was lost.

    Raises ``OperationalError`` if there is none to be had.
    """
    if connection.connection is not None and not connection.is_usable():
        connection.close()
    try:
        open_connection()
        return work(*given)
    except Exception:
        connection.close()
        raise


def open_connection() -> None:
    """Open this thread's connection; ``OperationalError`` at once after a failure."""
    if connection.connection is not None:
        return
    if time.monotonic() < _Rest.until_s:
        raise OperationalError("The database was away a moment ago.")
    try:
        connection.ensure_connection()
    except Exception:
        _Rest.until_s = time.monotonic() + _REST_S
        raise
