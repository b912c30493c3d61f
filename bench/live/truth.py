"""Whether every packet was acked, and every acked sample stands in the database."""

from __future__ import annotations

from collections import defaultdict
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
    # Acked, and absent, of another value, or kept as another device's or patient's.
    lost: int = 0
    # By how much the platform's count and what can be read differ, record by record,
    # and what stands in a second record.
    samples_repeated: int = 0
    # Stored without an ack that was heard.
    samples_unheard: int = 0


def compare(fleet: Fleet, outcome: LoadOutcome) -> Kept:
    """Compare what was acked with what the platform reads back, sample by sample."""
    records = _records(fleet)
    found = Kept()
    n = fleet.templates.packet_samples
    for number, plan in enumerate(fleet.devices):
        acked = ~np.isnan(np.frombuffer(outcome.acked[number], float))
        worn = fleet.worn[number]
        mine = records[plan.stream].pop((worn.serial, worn.patient), None)
        if mine is None:
            found.samples_acked += n * int(acked.sum())
            found.lost += n * int(acked.sum())
            continue
        others = records[plan.stream].values()
        found.samples_repeated += sum(other.sample_count for other in others)
        stored = 0
        for first in range(0, len(acked), _PACKETS_AT_ONCE):
            part = np.repeat(acked[first : first + _PACKETS_AT_ONCE], n)
            start, end = first * n, first * n + len(part)
            adu, present = read_adu(mine, start, end)
            same = present & (adu[:, 0] == fleet.samples(number, start, end))
            found.samples_acked += int(part.sum())
            found.lost += int((part & ~same).sum())
            found.samples_unheard += int((present & ~part).sum())
            stored += int(present.sum())
        found.samples_repeated += abs(mine.sample_count - stored)
    return found


def never_acked(fleet: Fleet, outcome: LoadOutcome) -> int:
    """Count the live devices' packets without an ack, those of the warm-up, too.

    Of a backlog that is still going up when the time is over nothing is missing.
    """
    live = outcome.acked[: fleet.live]
    return sum(int(np.isnan(np.frombuffer(one, float)).sum()) for one in live)


def _records(fleet: Fleet) -> dict[str, dict[tuple[str, int | None], Record]]:
    """Return the records of each stream by the device's serial and the patient."""
    streams = [plan.stream for plan in fleet.devices]
    found: dict[str, dict[tuple[str, int | None], Record]] = defaultdict(dict)
    rows = Record.objects.filter(stream__in=streams, device__isnull=False)
    for one in rows.select_related("device"):
        found[one.stream][one.device.serial, one.patient_id] = one
    return found
