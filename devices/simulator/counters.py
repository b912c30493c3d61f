"""What virtual devices did, and what the server said of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(slots=True)
class Counters:
    """Counts of one device, or of many together; samples are per lead.

    ``packets_sent`` counts every sending, ``samples_sent`` each sample once.
    ``stored`` are the packets that the server has, ``repeated`` those among them
    that it had when they came (again).
    """

    packets_recorded: int = 0
    packets_sent: int = 0
    stored: int = 0
    repeated: int = 0
    conflicts: int = 0
    invalid: int = 0
    pending: int = 0
    samples_recorded: int = 0
    samples_sent: int = 0
    samples_stored: int = 0
    requests: int = 0
    reconnects: int = 0
    lost_acks: int = 0
    new_streams: int = 0

    @classmethod
    def total(cls, counts: Iterable[Counters]) -> Counters:
        """Add up the counts of several devices."""
        total = cls()
        for one in counts:
            for item in fields(cls):
                value = getattr(total, item.name) + getattr(one, item.name)
                setattr(total, item.name, value)
        return total


@dataclass(frozen=True)
class DeviceSummary:
    """One device at the end; ``sha256`` is over all its samples in order.

    The samples are hashed as the database stores them: little-endian int16,
    interleaved. ``streams`` are in the order of their opening.
    """

    serial: str
    signal: str
    state: str
    last_error: str
    streams: tuple[str, ...]
    sha256: str
    counters: Counters


@dataclass(frozen=True)
class FleetSummary:
    """All devices at the end of a run."""

    wall_s: float
    total: Counters
    devices: list[DeviceSummary] = field(default_factory=list)

    @property
    def nothing_lost(self) -> bool:
        """Tell whether the server answered for every sample as stored."""
        return self.total.samples_recorded == self.total.samples_stored

    def as_json(self) -> dict[str, Any]:
        """Return the totals, and the same for every device, ready for ``json``."""
        return {
            "wall_s": round(self.wall_s, 3),
            "nothing_lost": self.nothing_lost,
            **asdict(self.total),
            "devices": [
                {
                    **{k: v for k, v in asdict(one).items() if k != "counters"},
                    **asdict(one.counters),
                }
                for one in self.devices
            ],
        }
