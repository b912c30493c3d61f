"""What goes wrong on purpose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Faults:
    """Faults of one virtual device; seconds are seconds of its signal.

    During an outage ``[start_s, end_s)`` the device records and sends nothing; with
    ``outage_period_s`` the outages come again in every period. ``lost_acks`` is the
    share of replies that never arrive, so that packets are sent again. ``shuffle``
    sends packets in random order. At each ``(at_s, step_s)`` of ``clock_steps`` the
    device's clock jumps by ``step_s``.
    """

    outages: tuple[tuple[float, float], ...] = ()
    outage_period_s: float | None = None
    lost_acks: float = 0.0
    shuffle: bool = False
    clock_steps: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.lost_acks < 1:
            raise ValueError("lost_acks is a share: from 0 to below 1.")
        if any(not 0 <= start < end for start, end in self.outages):
            raise ValueError("An outage is START:END in seconds, START before END.")

    def offline_at(self, signal_s: float) -> bool:
        """Tell whether the network is away at this second of the signal."""
        if self.outage_period_s:
            signal_s %= self.outage_period_s
        return any(start <= signal_s < end for start, end in self.outages)

    def clock_error_s(self, signal_s: float) -> float:
        """Return how far the device's clock is ahead at this second of the signal."""
        return sum(step for at, step in self.clock_steps if at <= signal_s)


# The script "outage": half a minute without network in every two minutes.
OUTAGE_SCRIPT = Faults(outages=((30.0, 60.0),), outage_period_s=120.0)
