"""The database wrapper that Django looks for in the module of ``ENGINE``."""

import select

import psycopg
from django.db.backends.postgresql import base
from psycopg.pq import ConnStatus, TransactionStatus


class DatabaseWrapper(base.DatabaseWrapper):
    """Look at the socket before a request uses a kept connection.

    Django asks ``SELECT 1`` once per request, which costs an upload a tenth of its
    time. A server that ended or was restarted has closed the socket, and that shows
    without a question. Only a host that vanished without a word is not noticed, as
    little as the question would be answered.
    """

    def is_usable(self) -> bool:
        """Tell whether the connection works; ask the server only in doubt."""
        if self.connection is None or self.errors_occurred:
            return super().is_usable()
        return _is_quiet(self.connection) or super().is_usable()


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
