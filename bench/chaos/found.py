"""What was found in the database, and what of it may not be."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

_MAY_BE = {"samples_acked", "beats", "alarms", "mails", "mails_twice", "told"}
_MAY_BE |= {"alarms_late", "alarms_withdrawn", "alarms_other"}
# The hearts of these devices do neither.
NEVER = ("ASYSTOLE", "VF")


@dataclass
class Found:
    """Counts over all devices; what is not in ``_MAY_BE`` must be 0."""

    samples_acked: int = 0
    lost: int = 0
    repeated: int = 0
    unacked: int = 0
    refused: int = 0
    beats: int = 0
    beats_missing: int = 0
    beats_more: int = 0
    beats_twice: int = 0
    blocks_wrong: int = 0
    alarms: int = 0
    # None, or one that has not ended although its episode has.
    alarms_missing: int = 0
    alarms_twice: int = 0
    # Not late, and where no VT is.
    alarms_more: int = 0
    # Marked as history, which nobody is mailed about, although the signal came in time.
    alarms_wrongly_late: int = 0
    mails: int = 0
    mails_missing: int = 0
    # These may be more than 0: signal that came late, mails repeated after a kill.
    alarms_late: int = 0
    mails_twice: int = 0
    # By rule: what became another rhythm, or was seen in signal that had gaps then.
    alarms_withdrawn: dict[str, int] = field(default_factory=dict)
    # By rule, without ``VT``: where no such episode is. Those of ``NEVER`` may not be.
    alarms_other: dict[str, int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    @property
    def late_share(self) -> float:
        """Return the share of late alarms among all that are to be."""
        return self.alarms_late / max(self.alarms, 1)

    @property
    def wrong(self) -> list[str]:
        """Name what is missing, there twice, or too much."""
        counts = asdict(self).items()
        wrong = [name for name, count in counts if name not in _MAY_BE and count]
        wrong += [name for name in ("alarms", "mails") if not getattr(self, name)]
        if any(self.alarms_other.get(rule) for rule in NEVER):
            wrong.append("alarms_other")
        return wrong

    def as_json(self) -> dict[str, Any]:
        """Return all counts, and the share of late alarms."""
        return {**asdict(self), "alarms_late_share": round(self.late_share, 3)}
