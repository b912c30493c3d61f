"""Conditions as the analysis would see them."""

from datetime import datetime, timedelta
from typing import Any

from inference.services.alarms import Condition
from patients.models import Patient


def condition(
    patient: Patient,
    rule: str = "VT",
    *,
    onset_at: datetime,
    lasted_s: float = 5,
    ended: bool = False,
    **more: Any,
) -> Condition:
    """Return a condition seen for ``lasted_s`` seconds, still on or just ended."""
    seen_at = onset_at + timedelta(seconds=lasted_s)
    given = {
        "rule": rule,
        "patient": patient,
        "record": None,
        "onset_at": onset_at,
        "onset_sample": None,
        "seen_at": seen_at,
        "end_at": seen_at if ended else None,
        "detail": "8 ventricular beats at 181/min",
    }
    return Condition(**(given | more))
