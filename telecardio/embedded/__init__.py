"""The project's own PostgreSQL and Redis, for a checkout without either.

A detached supervisor (``python -m telecardio.embedded``) runs both servers for
as long as a process that called ``ensure`` lives. Nothing here imports Django.
"""

from telecardio.embedded.addresses import Addresses, addresses, database_settings
from telecardio.embedded.client import Status, ensure, status, stop
from telecardio.embedded.folders import EmbeddedError

__all__ = [
    "Addresses",
    "EmbeddedError",
    "Status",
    "addresses",
    "database_settings",
    "ensure",
    "status",
    "stop",
]
