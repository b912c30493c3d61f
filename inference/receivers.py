"""What inference does when the layers below announce something."""

from functools import partial
from typing import Any

from django.db import transaction
from django.dispatch import receiver

from devices.signals import chunk_stored, record_corrected
from inference.asking import live_queue
from inference.asking_soon import ask_soon
from inference.models import Redating
from inference.services.default_rules import ensure_default_alert_rules
from inference.services.episodes import attribute_episodes


@receiver(chunk_stored)
def ask_for_analysis(*, record_id: int, live: bool, **_: Any) -> None:
    """Ask for analysis of what was just committed."""
    ask_soon(live_queue(record_id))
    if not live:
        # A file, a backlog or a record that was held until now: which of the two
        # queues it is in, the tasks know.
        ask_soon("backfill")


@receiver(record_corrected)
def follow_correction(
    *, record_id: int, attributed: bool, placed_from: int | None = None, **_: Any
) -> None:
    """Let what was found in a record follow it, in the same transaction."""
    if attributed:
        # The lock on the record keeps out whoever analyses it as nobody's.
        attribute_episodes(record_id)
    if placed_from is not None:
        # Only noted: who analyses the record locks what is to change the other way
        # round, and may date something by the old map until it gives it back.
        Redating.objects.create(record_id=record_id, from_sample=placed_from)
        transaction.on_commit(partial(ask_soon, "backfill"), robust=True)


def make_default_alert_rules(**_: Any) -> None:
    """Give a new installation its alert rules, once its tables exist."""
    ensure_default_alert_rules()
