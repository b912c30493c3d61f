"""The thread in each process that reports its counts, and that ingest lives."""

import logging
import threading
from collections.abc import Callable
from functools import cache

from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from inference.models.life_sign import Part
from inference.services.life_signs import show_life
from telecardio.operations.counted import Reporter
from telecardio.operations.ending import at_end

logger = logging.getLogger(__name__)

EVERY_S = 5.0


@cache
def reporter() -> Reporter:
    """Return this process's reporter. Not to be made before a fork."""
    return Reporter()


def start_reporting(*, part: Part | None = None) -> None:
    """Report every few seconds, and at the end; show that ``part`` lives."""
    stop = threading.Event()
    works: list[Callable[[], object]] = [reporter().report]
    if part is not None:
        works.append(lambda: _show(part))

    def run() -> None:
        while not stop.wait(EVERY_S):
            for work in works:
                try:
                    work()
                except Exception:
                    # A thread that ends here would be missed by nobody.
                    logger.exception("The report of this process goes on")

    threading.Thread(target=run, name="reporting", daemon=True).start()
    at_end(reporter().report)
    at_end(stop.set)


def _show(part: Part) -> None:
    close_old_connections()
    try:
        show_life(part, now=timezone.now())
    except DatabaseError as error:
        logger.warning("No sign of life could be written: %s", error)
