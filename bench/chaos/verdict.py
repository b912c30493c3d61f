"""Why a run does not hold, besides what is in the database. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# No answer, the page, or that the database is away: whoever is signed in stays so.
STATUSES = {"0", "200", "503"}
# Shorter runs may end before everything had its turn,
ALL_ACTS_FROM_S = 600.0
# or before signal has rested and becomes segments.
SEGMENTS_FROM_S = 1800.0
# Outages, and everything killed at once, make a few alarms late; of more, nobody hears.
# In a short run all hearts race within ten seconds, and one outage meets half of them.
LATE_LEAST, LATE_SHARE, SHORT_LATE_SHARE = 2, 0.1, 0.5
# PostgreSQL cannot go on without a disk, and its launcher ends when that died often.
EXCUSED_S = 90.0


def failures(figures: Mapping[str, Any]) -> list[str]:
    """Name the figures of a run's JSON that are not as they must be."""
    seconds = figures["seconds"]
    wrong = {
        "alarms_late": figures["alarms_late"] > _late_most(seconds, figures["alarms"]),
        "left": figures["left"],
        "ready": not figures["ready"],
        "pages": set(figures["pages"]) != {200},
        "visits": set(figures["visits"]) - STATUSES,
        "deaf": figures["deaf"],
        "ended_unexcused": figures["ended_unexcused"],
        "stopped_rudely": figures["stopped_rudely"],
        "undone": seconds >= ALL_ACTS_FROM_S and figures["undone"],
        "segments": seconds >= SEGMENTS_FROM_S and not figures["segments"],
    }
    return [name for name, is_wrong in wrong.items() if is_wrong]


def _late_most(seconds: float, alarms: int) -> float:
    share = LATE_SHARE if seconds >= ALL_ACTS_FROM_S else SHORT_LATE_SHARE
    return max(LATE_LEAST, share * alarms)


def unexcused(
    ended_at_s: Sequence[float], disk_full_s: Sequence[tuple[float, float]]
) -> int:
    """Count the deaths of the servers' launcher that no full disk explains."""
    return sum(
        not any(
            began_s <= at_s <= over_s + EXCUSED_S for began_s, over_s in disk_full_s
        )
        for at_s in ended_at_s
    )
