"""Fill the histories of simulated patients without sending a packet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone
from tqdm import tqdm

from devices.models import Assignment, Record
from devices.services.filling import fill_record
from devices.simulator.enrol import enrol_simulated_devices
from devices.simulator.source import SignalSource
from patients.models import User


def fill_histories(
    sources: Sequence[SignalSource],
    *,
    seconds: float,
    packet_s: float,
    doctor: User | None,
    progress: bool,
) -> list[Record]:
    """Give ``SIM-0001`` and so on a record each that ended just now."""
    now = timezone.now()
    since = now - timedelta(seconds=seconds)
    enrolled = enrol_simulated_devices(len(sources), since=since, doctor=doctor)
    total = sum(int(seconds * source.fs) for source in sources)
    records = []
    with tqdm(
        total=total,
        unit=" samples",
        unit_scale=True,
        leave=False,
        disable=not progress,
    ) as bar:
        for (serial, _), source in zip(enrolled, sources, strict=True):
            worn = Assignment.objects.covering(now).select_related("device", "patient")
            records.append(
                fill_record(
                    assignment=worn.get(device__serial=serial),
                    signal=source,
                    start_at=since,
                    seconds=seconds,
                    packet_s=packet_s,
                    now=now,
                    progress=bar.update,
                )
            )
    return records
