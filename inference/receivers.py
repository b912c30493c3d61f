"""What inference does when the layers below announce something."""

from typing import Any

from django.dispatch import receiver

from devices.signals import chunk_stored
from inference.asking import ask
from inference.services.default_rules import ensure_default_alert_rules


@receiver(chunk_stored)
def ask_for_analysis(*, live: bool, **_: Any) -> None:
    """Ask for analysis of what was just committed."""
    ask("live")
    if not live:
        # A file, or a backlog: which of the two queues it is in, the tasks know.
        ask("backfill")


def make_default_alert_rules(**_: Any) -> None:
    """Give a new installation its alert rules, once its tables exist."""
    ensure_default_alert_rules()
