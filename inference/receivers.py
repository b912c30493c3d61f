"""What inference does when the layers below announce something."""

from typing import Any

from django.dispatch import receiver

from devices.signals import chunk_stored, record_corrected
from inference.asking import live_queue
from inference.asking_soon import ask_soon
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
def follow_correction(*, record_id: int, attributed: bool, **_: Any) -> None:
    """Let what was found in a record follow it, in the same transaction."""
    if attributed:
        # The lock on the record keeps out whoever analyses it as nobody's.
        attribute_episodes(record_id)


def make_default_alert_rules(**_: Any) -> None:
    """Give a new installation its alert rules, once its tables exist."""
    ensure_default_alert_rules()
