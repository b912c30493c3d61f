"""Work in a thread that keeps a database connection of its own."""

from collections.abc import Callable
from typing import TypeVar

from django.db import connection

Result = TypeVar("Result")


def connected(work: Callable[..., Result], *given: object) -> Result:
    """Run in a thread that keeps its connection; open another if that was lost."""
    if connection.connection is not None and not connection.is_usable():
        connection.close()
    try:
        return work(*given)
    except Exception:
        connection.close()
        raise
