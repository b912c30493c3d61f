"""Whether every acked sample stands in the database, once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.live.fleet import Fleet
from bench.live.plan import LoadOutcome
from devices.models import Record
from devices.reading import read_adu

# Read at a time: an hour.
_PACKETS_AT_ONCE = 1800


@dataclass
class Kept:
    """Counts over all devices, in samples."""

    samples_acked: int = 0
    # Acked, and absent or of another value.
    lost: int = 0
    # Counted by the platform, and not there to be read: stored twice over.
    samples_repeated: int = 0
    # Stored without an ack that was heard.
    samples_unheard: int = 0


def compare(fleet: Fleet, outcome: LoadOutcome) -> Kept:
    """Compare what was acked with what the platform reads back, sample by sample."""
    streams = [plan.stream for plan in fleet.devices]
    records = {one.stream: one for one in Record.objects.filter(stream__in=streams)}
    found = Kept()
    n = fleet.templates.packet_samples
    for number, plan in enumerate(fleet.devices):
        acked = ~np.isnan(np.frombuffer(outcome.acked[number], float))
        record = records.get(plan.stream)
        if record is None:
            found.samples_acked += n * int(acked.sum())
            found.lost += n * int(acked.sum())
            continue
        stored = 0
        for first in range(0, len(acked), _PACKETS_AT_ONCE):
            part = np.repeat(acked[first : first + _PACKETS_AT_ONCE], n)
            start, end = first * n, first * n + len(part)
            adu, present = read_adu(record, start, end)
            same = present & (adu[:, 0] == fleet.samples(number, start, end))
            found.samples_acked += int(part.sum())
            found.lost += int((part & ~same).sum())
            found.samples_unheard += int((present & ~part).sum())
            stored += int(present.sum())
        found.samples_repeated += record.sample_count - stored
    return found
