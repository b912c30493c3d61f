"""The database wrapper that Django looks for in the module of ``ENGINE``."""

import select
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg.pq import ConnStatus, TransactionStatus

from telecardio.postgresql import kept


class DatabaseWrapper(base.DatabaseWrapper):
    """Look at the socket before a request uses a kept connection.

    Django asks ``SELECT 1`` once per request, which costs an upload a tenth of its
    time. A server that ended or was restarted has closed the socket, and that shows
    without a question. Only a host that vanished without a word is not noticed, as
    little as the question would be answered.

    With ``SHARE_CONNECTIONS`` a connection that is closed while it is idle goes on to
    the next thread that opens one.
    """

    def is_usable(self) -> bool:
        """Tell whether the connection works; ask the server only in doubt."""
        if self.connection is None or self.errors_occurred:
            return super().is_usable()
        return _is_quiet(self.connection) or super().is_usable()

    def get_new_connection(self, conn_params: dict[str, Any]) -> psycopg.Connection:
        """Take a kept connection that works, or open one."""
        while (found := kept.take(self._shared_as)) is not None:
            if _is_quiet(found):
                return found
            found.close()
        opened: psycopg.Connection = super().get_new_connection(conn_params)
        return opened

    def _close(self) -> None:
        connection = self.connection
        shared = connection is not None and bool(self._shared_as)
        if shared and not self.errors_occurred and _is_quiet(connection):
            if not connection.autocommit:
                connection.autocommit = True
            if kept.keep(connection, self._shared_as):
                return
        super()._close()  # type: ignore[misc]

    @property
    def _shared_as(self) -> str:
        """The name of the database, if its connections are shared."""
        settings = self.settings_dict
        return str(settings["NAME"]) if settings.get("SHARE_CONNECTIONS") else ""


def _is_quiet(connection: psycopg.Connection) -> bool:
    """Tell whether an idle connection is open and nothing has arrived on it."""
    state = connection.pgconn
    if state.status != ConnStatus.OK:
        return False
    if state.transaction_status != TransactionStatus.IDLE:
        return False
    poll = select.poll()
    # A hang-up and an error are reported whether asked for or not.
    poll.register(state.socket, select.POLLIN)
    return not poll.poll(0)
