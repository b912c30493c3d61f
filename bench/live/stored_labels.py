"""What the platform has stored of the labels of measured signal."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from django.db import connection

from bench.day import FS
from bench.live.latency import Floats, Ints, Window
from inference.models import AnalysisState
from inference.packed_beats import unpack_beats

# ``xmin`` is the transaction that wrote the row; the bench's server keeps commit times.
# Of packed beats it is the one that packed them; when they were stored first is gone.
_LABELS = """
SELECT record.stream, block.samples, block.packed,
       CASE WHEN block.packed IS NULL
           AND current_setting('track_commit_timestamp')::boolean
       THEN EXTRACT(EPOCH FROM pg_xact_commit_timestamp(block.xmin))::float8 END
FROM inference_beatblock block JOIN devices_record record ON record.id = block.record_id
WHERE block.count > 0 AND NOT block.provisional AND block.reanalysis_id IS NULL
    AND record.stream = ANY(%s) AND block.last_beat_sample >= %s
"""


@dataclass(frozen=True)
class StoredLabels:
    """An item for each final beat of the live devices in the measured time.

    ``committed`` is a monotonic time, NaN where it is not known any more: packed, a
    quarter of an hour later. ``reached`` is of each device the sample before which all
    is analysed.
    """

    device: Ints
    sample: Ints
    committed: Floats
    reached: Ints


def read_stored(window: Window) -> StoredLabels:
    """Read the final beats, packed or not, and how far each analysis has come."""
    plans = window.fleet.devices[: window.fleet.live]
    numbers = {plan.stream: number for number, plan in enumerate(plans)}
    earliest_s = window.start - window.begins.max() - window.packet_s
    to_monotonic = time.monotonic() - time.time()
    devices, samples, committed = [np.empty(0, int)], [np.empty(0, int)], [np.empty(0)]
    with connection.cursor() as cursor:
        cursor.execute(_LABELS, [list(numbers), int(earliest_s * FS)])
        for stream, plain, packed, committed_s in cursor:
            data = plain if packed is None else unpack_beats(bytes(packed))["samples"]
            sample = np.frombuffer(data, "<i8").astype(int)
            at = np.nan if committed_s is None else committed_s + to_monotonic
            devices.append(np.full(len(sample), numbers[stream]))
            samples.append(sample)
            committed.append(np.full(len(sample), at))
    device, sample = np.concatenate(devices), np.concatenate(samples)
    inside = window.holds(window.due(device, sample))
    return StoredLabels(
        device[inside],
        sample[inside],
        np.concatenate(committed)[inside],
        _reached(numbers),
    )


def _reached(numbers: dict[str, int]) -> Ints:
    found = np.zeros(len(numbers), int)
    cursors = AnalysisState.objects.filter(record__stream__in=numbers)
    for stream, cursor in cursors.values_list("record__stream", "cursor_sample"):
        found[numbers[stream]] = cursor
    return found
