"""Store the uploads of a group by one statement, those within their budget."""

import logging
from collections.abc import Sequence

from django.db import connection

from devices.api.own_connection import open_connection
from devices.api.trusted_tokens import trusted_tokens
from devices.budget import BudgetError, spend_all
from devices.database_away import is_away
from devices.services import Arrival, StoreResult, store_together

logger = logging.getLogger(__name__)


def store_group(
    asked: Sequence[tuple[Arrival, float]],
) -> list[StoreResult | BudgetError | None]:
    """Store uploads, each with its cost in seconds of signal.

    What it returns is committed; None: it has to be stored alone. Raises
    ``OperationalError`` if the database is away for all of them.
    """
    over = spend_all([(arrival.device.pk, cost_s) for arrival, cost_s in asked])
    within = [
        arrival
        for (arrival, _), error in zip(asked, over, strict=True)
        if error is None
    ]
    try:
        results = store_together(within)
    except Exception as error:
        # Whose fault it was shows one by one.
        if not is_away(error):
            logger.warning("%d uploads are stored one by one: %s", len(within), error)
        connection.close()
        # Or each would wait for it alone.
        open_connection()
        return list(over)
    for arrival, result in zip(within, results, strict=True):
        if result is not None:
            trusted_tokens.keep(arrival.token)
    came = iter(results)
    return [error or next(came) for error in over]
