"""From when a packet was complete to its ack.

Every latency counts from the moment at which the last sample of the packet was
recorded: what a packet waits in a device because the server is slow is in it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.live.fleet import Fleet
from bench.live.plan import LoadOutcome
from telecardio.demo.latency import percentiles

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Window:
    """The live devices' packets that were complete within ``[start, end)``."""

    def __init__(
        self, fleet: Fleet, outcome: LoadOutcome, start: float, end: float
    ) -> None:
        self.fleet, self.outcome = fleet, outcome
        self.start, self.end = start, end
        self.packet_s = fleet.templates.packet_s
        self.begins = np.array(outcome.begins[: fleet.live])
        patients = np.array([one.patient for one in fleet.worn[: fleet.live]])
        self._order = np.argsort(patients)
        self._sorted = patients[self._order]

    def due(self, device: Ints, sample: Ints) -> Floats:
        """Return when the packet that holds a device's sample was complete."""
        packet = sample // self.fleet.templates.packet_samples
        due: Floats = self.begins[device] + (packet + 1) * self.packet_s
        return due

    def holds(self, due: Floats) -> NDArray[np.bool_]:
        """Tell which of these times are measured."""
        inside: NDArray[np.bool_] = (due >= self.start) & (due < self.end)
        return inside

    def devices_of(self, patients: Ints) -> Ints:
        """Return the number of each patient's device."""
        found: Ints = self._order[np.searchsorted(self._sorted, patients)]
        return found

    def packets(self, device: int) -> tuple[Ints, Floats, Floats]:
        """Return of a device's measured packets ``seq``, when due and when acked."""
        acked = np.frombuffer(self.outcome.acked[device], float)
        due = self.begins[device] + np.arange(1, len(acked) + 1) * self.packet_s
        inside = self.holds(due)
        return np.flatnonzero(inside), due[inside], acked[inside]


def ack_figures(window: Window) -> dict[str, Any]:
    """Return ``ack_ms`` and counts of the packets; who never got one waited on.

    ``reply_ms`` counts from a request's first try, through all that failed, to the
    answer, or to the end of the run.
    """
    packets = [window.packets(device) for device in range(window.fleet.live)]
    _, due, acked = (np.concatenate(part) for part in zip(*packets, strict=True))
    given_up = np.where(np.isnan(acked), window.outcome.ended, acked)
    waited_ms = 1000 * (given_up - due)
    sent = np.frombuffer(window.outcome.sent, float)
    replies = np.frombuffer(window.outcome.reply_ms, float)[window.holds(sent)]
    return {
        "packets": len(due),
        "acked": int((~np.isnan(acked)).sum()),
        "late": int((waited_ms > 1000 * window.packet_s).sum()),
        "packets_per_s": round(len(due) / (window.end - window.start), 1),
        "requests_per_s": round(len(replies) / (window.end - window.start), 1),
        "ack_ms": percentiles(waited_ms),
        "reply_ms": percentiles(replies),
    }
