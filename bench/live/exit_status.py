"""Whether a run was complete: a slow one may be, one with a packet missing is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_GONE = ("lost", "never_acked", "packets_refused")


def exit_status(figures: Mapping[str, Any]) -> int:
    """Return 1 if a run failed, or if anything recorded is not in the database.

    What pages did not show is printed, and is no failure: it can be read later.
    """
    if figures.get("failed") or not figures.get("acked"):
        return 1
    return 1 if any(figures[name] for name in _GONE) else 0
